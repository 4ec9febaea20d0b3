"""graph.json: the same bytes for the same graph, and an error with a place for anything that no save writes."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from support.forged_bundles import Change, drop, put

from bert_bundle.errors import BundleError, FormatError, LimitError, ModelError
from bert_bundle.format import strict_json
from bert_bundle.graph import graph_json
from bert_bundle.graph.graph import Apply, Call, Graph, Input, Layer, Ref


def made(**changes: Any) -> Graph:
    """Return a graph with everything that a graph can hold: an encoder, a nested model, ops, slices, two outputs."""
    inner = Graph(
        name="head",
        class_name="Sequential",
        layers=(Layer("out", "Dense", config={"units": 2}),),
        nodes=(Input("in", (8,), "float32"), Call("out", (Ref(0),), {})),
        inputs=(("in", Ref(0)),),
        inputs_form="single",
        outputs=(("out", Ref(1)),),
        outputs_form="single",
    )
    layers = (
        Layer("bert", "BertModel", trainable=False, encoder="bert", flags={"encoder.layer.1": True}),
        Layer("drop", "Dropout", policy="float64", config={"rate": 0.5}),
        Layer("head", "Sequential", graph=inner),
    )
    nodes = (
        Input("ids", (None,), "int32", trainable=False),
        Call("bert", (), {"input_ids": Ref(0)}),
        Apply("getitem", {"x": Ref(1, "last_hidden_state"), "key": [slice(None), slice(0, 5, 2), ..., None, 0]}),
        Apply("concatenate", {"xs": [Ref(1, "hidden_states.3"), Ref(2)], "axis": -1}),
        Call("drop", (Ref(3),), {"training": False}),
        Call("head", ({"in": Ref(4)},), {}),
    )
    fields: dict[str, Any] = {
        "name": "model",
        "class_name": "Functional",
        "layers": layers,
        "nodes": nodes,
        "inputs": (("ids", Ref(0)),),
        "inputs_form": "dict",
        "outputs": (("a", Ref(5)), ("b", Ref(1, "pooler_output"))),
        "outputs_form": "list",
    }
    return Graph(**{**fields, **changes})


DOCUMENT = json.loads(graph_json.to_bytes(made()))


def read(document: Any) -> Graph:
    return graph_json.from_bytes(strict_json.canonical(document))


def test_a_graph_survives_a_round_trip() -> None:
    assert read(DOCUMENT) == made()
    assert graph_json.to_bytes(read(DOCUMENT)) == graph_json.to_bytes(made())


def test_an_encoder_without_a_pooler_survives_a_round_trip_where_its_family_has_one() -> None:
    def without(class_name: str) -> Graph:
        layers = (Layer("bert", class_name, encoder="bert", config={"pooler": False}), *made().layers[1:])
        return made(layers=layers, outputs=(("a", Ref(5)),))

    assert read(json.loads(graph_json.to_bytes(without("BertModel")))) == without("BertModel")
    for class_name in ("DistilBertModel", "BertForTokenClassification"):
        with pytest.raises(FormatError, match="an encoder's pooler is malformed") as caught:
            read(json.loads(graph_json.to_bytes(without(class_name))))
        assert caught.value.place == "graph.json#/layers/0/config/pooler"


def test_a_captured_graph_is_the_same_bytes_again(classic_bundle: Path) -> None:
    data = (classic_bundle / "graph.json").read_bytes()
    assert graph_json.to_bytes(graph_json.from_bytes(data)) == data


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_an_infinity_or_nan_is_refused_at_save_with_a_fix(value: float) -> None:
    nodes = (*made().nodes[:2], Apply("where", {"condition": Ref(0), "x1": Ref(0), "x2": value}))
    with pytest.raises(ModelError, match="an argument is NaN or infinity") as caught:
        graph_json.to_bytes(made(nodes=nodes))
    assert caught.value.fix == "use a large number, such as -1e9"


def append(name: str, value: Any) -> Change:
    return lambda document: document[name].append(value)


TAKEN = ["drop", "head/out"]
NO_FLAGS: list[Any] = [{}, ["x"], [["x"]], [["x", 1]], [[1, True]], [["x", True, 1]]]
NO_ARGUMENTS: list[Any] = [
    {},
    {"code": 1},
    {"slice": [1]},
    {"slice": ["a", 1, 1]},
    {"slice": [0, True, 1]},
    {"slice": [0, [{"node": 0}], 1]},
    {"dict": []},
    {"node": 3, "x": 1},
]
NO_NODES: list[Any] = [4, 5, -1, True, 1.0, "3", None, 2**70]
NO_OUTPUTS: dict[str, list[Any]] = {
    "not a valid name of an output": [5, None, "a\nb", "x" * 201],
    "a tensor that its node does not return": ["../x", "a.b", "x y", "__class__.__init__"],
}
NO_SHAPES: list[Any] = [[-1], [1.0], ["1"], [True], [2**31]]
NO_DTYPES: list[Any] = ["str", "object", None, []]
LAYER, NODE = ("layers", 1), ("nodes", 4)
REFUSALS: list[tuple[Change, str, str]] = [
    *((put("version", v), "not a graph of version 1", "/version") for v in (0, 2, "1", 1.0, True, None)),
    (drop("nodes"), "malformed", ""),
    (put("code", "x"), "malformed", ""),
    (put("class", "Model"), "not a model class", "/class"),
    (put("class", ["Functional"]), "not a model class", "/class"),
    (put("name", 5), "not a string of at most 500 characters", "/name"),
    (put("name", "x" * 501), "not a string of at most 500 characters", "/name"),
    (put("layers", {}), "not a list", ""),
    (put("nodes", 0, "trainable", 0), "a trainable flag is malformed", "/nodes/0/trainable"),
    (put("nodes", 1, "trainable", True), "malformed", "/nodes/1"),
    (put(*LAYER, []), "malformed", "/layers/1"),
    (put(*LAYER, "code", 1), "malformed", "/layers/1"),
    (drop(*LAYER, "class"), "malformed", "/layers/1"),
    (put(*LAYER, "class", "Lambda"), "a layer outside the vocabulary", "/layers/1/class"),
    (put(*LAYER, "class", "Functional"), "a layer outside the vocabulary", "/layers/1/class"),
    (put(*LAYER, "class", "BertModel"), "a layer outside the vocabulary", "/layers/1/class"),
    (put(*LAYER, "encoder", "bert"), "a layer outside the vocabulary", "/layers/1/class"),
    (put(*LAYER, "graph", {}), "a layer outside the vocabulary", "/layers/1/class"),
    (put(*LAYER, "class", ["Dropout"]), "not a string", "/layers/1/class"),
    (put(*LAYER, "name", 1), "not a string", "/layers/1/name"),
    (put(*LAYER, "dtype", "float8"), "dtype or trainable flag is malformed", "/layers/1"),
    (put(*LAYER, "trainable", 1), "dtype or trainable flag is malformed", "/layers/1"),
    (put(*LAYER, "config", {}), "lacks a field", "/layers/1/config"),
    (put(*LAYER, "config", "rate", "x"), "a layer's field is malformed", "/layers/1/config/rate"),
    *((put("layers", 0, "flags", flags), "flags are not", "/layers/0/flags") for flags in NO_FLAGS),
    (put("layers", 0, "encoder", ""), "a layer outside the vocabulary", "/layers/0/class"),
    (put("layers", 0, "encoder", 5), "not a string", "/layers/0/encoder"),
    (put("layers", 0, "config", {"x": 1}), "malformed", "/layers/0/config"),
    (put("layers", 0, "config", {"pooler": False}), "a tensor that its node does not return", "/outputs"),
    *((put("layers", 0, "config", {"pooler": v}), "pooler is malformed", "/layers/0/config/pooler") for v in (True, 0)),
    (put("layers", 2, "config", {"x": 1}), "malformed", "/layers/2/config"),
    (put("layers", 2, "graph", "nodes", 1, "layer", "x"), "a layer that does not exist", "/layers/2/graph/nodes/1"),
    *((append("layers", {"name": n, "class": "Add"}), "two layers have the same path", "/layers") for n in TAKEN),
    (put(*NODE, 5), "a node is not an object", "/nodes/4"),
    (put(*NODE, {}), "malformed", "/nodes/4"),
    (put(*NODE, "op", "add"), "malformed", "/nodes/4"),
    (put(*NODE, "layer", "x"), "a node calls a layer that does not exist", "/nodes/4"),
    (put(*NODE, "layer", ["drop"]), "not a string", "/nodes/4/layer"),
    (put(*NODE, "args", {}), "not a list", "/nodes/4"),
    (put(*NODE, "kwargs", []), "named arguments are not an object", "/nodes/4/kwargs"),
    (put(*NODE, "args", []), "a layer or an op is called without a tensor", "/nodes/4"),
    *((put(*NODE, "args", [value]), "an argument is malformed", "/nodes/4") for value in NO_ARGUMENTS),
    (put(*NODE, "args", [{"slice": [None, {"node": 4}, None]}]), "a tensor is used before it is computed", "/nodes/4"),
    *(
        (put(*NODE, "args", [{"node": node}]), "a tensor is used before it is computed", "/nodes/4")
        for node in NO_NODES
    ),
    *(
        (put(*NODE, "args", [{"node": 1, "output": output}]), message, "/nodes/4")
        for message, outputs in NO_OUTPUTS.items()
        for output in outputs
    ),
    *(
        (put(*NODE, "args", [{"node": node, "output": output}]), "a tensor that its node does not return", "/nodes/4")
        for node, output in ((1, ""), (1, "code"), (1, "hidden_states"), (1, "pooler_output.1"), (0, "0"), (3, "x"))
    ),
    (put("nodes", 1, "args", [{"node": 0}]), "an encoder must be called with its own keyword arguments", "/nodes/1"),
    (put("nodes", 1, "kwargs", "evil", 1), "an encoder must be called with its own keyword arguments", "/nodes/1"),
    (put("nodes", 3, "op", "evil"), "an op outside the vocabulary", "/nodes/3"),
    (put("nodes", 3, "kwargs", "evil", 1), "an op has missing or unknown arguments", "/nodes/3"),
    (put("nodes", 3, "kwargs", "xs", [1, 2]), "a layer or an op is called without a tensor", "/nodes/3"),
    *((put("nodes", 0, "shape", shape), "an input's shape or dtype is malformed", "/nodes/0") for shape in NO_SHAPES),
    (put("nodes", 0, "shape", None), "not a list", "/nodes/0"),
    *((put("nodes", 0, "dtype", d), "shape or dtype is malformed", "/nodes/0") for d in NO_DTYPES),
    (put("inputs", []), "malformed", "/inputs"),
    (put("inputs", "form", "tuple"), "the form is not single, list or dict", "/inputs/form"),
    (put("inputs", "tensors", 0, 1, {"node": 2}), "an input of the model is not an input node", "/inputs"),
    (put("outputs", "form", "single"), "the form is not single, list or dict", "/outputs/form"),
    (put("outputs", "tensors", [["a"]]), "an input or output is not", "/outputs"),
    (put("outputs", "tensors", [[1, {"node": 5}]]), "not a string", "/outputs"),
    (put("outputs", "tensors", 0, 1, {"node": 6}), "a tensor is used before it is computed", "/outputs"),
    (put("outputs", "tensors", 0, 1, {"node": 5, "output": "code"}), "its node does not return", "/outputs"),
]


@pytest.mark.parametrize(("change", "message", "place"), REFUSALS)
def test_a_document_that_no_save_wrote_is_refused_at_its_place(change: Change, message: str, place: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    with pytest.raises(BundleError, match=message) as caught:
        read(document)
    assert caught.type is FormatError
    assert caught.value.place == "graph.json#" + place


@pytest.mark.parametrize("field", ["layers", "nodes"])
def test_a_list_has_at_most_20_000_entries(field: str) -> None:
    with pytest.raises(LimitError, match="a list is too long"):
        read({**DOCUMENT, field: [DOCUMENT[field][0]] * 20_001})


def test_two_encoders_with_one_folder_are_refused() -> None:
    layers = [*DOCUMENT["layers"], {"name": "other", "class": "BertModel", "encoder": "bert"}]
    with pytest.raises(FormatError, match="two encoders have the same folder") as caught:
        read({**DOCUMENT, "layers": layers})
    assert caught.value.found == "bert"


@pytest.mark.parametrize("document", [None, [], 5, "x"])
def test_json_that_is_not_a_graph_is_refused(document: Any) -> None:
    with pytest.raises(FormatError, match="not a graph of version 1"):
        read(document)
