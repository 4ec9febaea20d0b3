"""Encoder classes of no family: a record in a graph, and a configuration of any fields, of which none names code."""

from typing import Any

import pytest

from bert_bundle.encoders import families
from bert_bundle.encoders.configuration import check_config, longest, of_config
from bert_bundle.encoders.families import general
from bert_bundle.encoders.general_config import UNLIMITED
from bert_bundle.errors import BundleError, FormatError, LimitError, UnsafeError
from bert_bundle.graph import graph_parser

PLACE = "encoders/xlnet/config.json"
WHOLE: dict[str, Any] = {
    "architectures": ["XLNetModel"],
    "model_type": "xlnet",
    "d_model": 12,
    "n_layer": 2,
    "clamp_len": -1,
    "dropout": 0.1,
    "block_sizes": [1, [2, 3]],
    "rope_scaling": {"factor": 2.0},
    "bi_data": False,
    "mem_len": None,
    "left_at_default": ["bi_data", "clamp_len"],
}
NOT_CLASSES: list[Any] = [None, "XLNetModel", [], ["XLNetModel", "XLNetModel"], [1], ["os.system"], ["GPT2LMHeadModel"]]
NOT_CLASSES += [["XLNet"], ["TFPreTrainedModel"], ["GPT2DoubleHeadsModel"], ["xlNetModel"], ["A" * 99 + "Model"]]
REFUSALS: list[tuple[dict[str, Any], type[BundleError], str, str]] = [
    *(({"architectures": names}, FormatError, "not the name of an encoder", "architectures") for names in NOT_CLASSES),
    *(({"model_type": name}, FormatError, "not a model type", "model_type") for name in (None, "", 1, "../x", "X\n")),
    *(
        ({"left_at_default": v}, FormatError, "not a list of fields", "left_at_default")
        for v in (None, 1, "d_model", [1])
    ),
    *(
        ({"left_at_default": names}, FormatError, "not fields of this configuration", "left_at_default")
        for names in (["d_model", "bi_data"], ["d_model", "d_model"], ["other"], ["architectures"], ["model_type"])
    ),
    *(
        ({name: 1}, FormatError, "a field that a configuration may not have", name)
        for name in ("name_or_path", "_name_or_path", "quantization_config", "__class__", "a.b", "A", "return_dict")
    ),
    *(({name: {"AutoModel": "x--y.Z"}}, UnsafeError, "names code", name) for name in ("auto_map", "trust_remote_code")),
    ({"rope_scaling": {"auto_map": 1}}, FormatError, "whose keys are not plain text", "rope_scaling"),
    ({"d_model": 2**40}, LimitError, "larger than any encoder", "d_model"),
    ({"d_model": [[-(2**40)]]}, LimitError, "larger than any encoder", "d_model"),
    ({"n_layer": 1025}, LimitError, "larger than any encoder", "n_layer"),
    ({"num_hidden_layers": 2000}, LimitError, "larger than any encoder", "num_hidden_layers"),
    ({"d_model": [1] * 10_001}, LimitError, "too many values", "d_model"),
    ({"dropout": float("nan")}, FormatError, "not plain data", "dropout"),
    ({"dropout": print}, FormatError, "not plain data", "dropout"),
]


def test_the_configuration_of_any_class_is_read_with_its_class() -> None:
    family = check_config(WHOLE, PLACE)
    assert (family.architecture, family.tensorflow, family.general) == ("XLNetModel", "TFXLNetModel", True)
    assert of_config(WHOLE) == family
    assert family.always == ("last_hidden_state", "pooler_output")


@pytest.mark.parametrize(("change", "error", "message", "field"), REFUSALS)
def test_a_hostile_field_is_refused(change: dict[str, Any], error: type[BundleError], message: str, field: str) -> None:
    with pytest.raises(error, match=message) as caught:
        check_config({**WHOLE, **change}, PLACE)
    assert caught.value.place == f"{PLACE}#/{field}"


def test_the_longest_text_is_that_of_the_positions_if_there_are_any() -> None:
    assert longest(WHOLE) == UNLIMITED
    assert longest({**WHOLE, "n_positions": 40}) == 40
    assert longest({**WHOLE, "max_position_embeddings": 512}) == 512


def graph(**layer: Any) -> dict[str, Any]:
    record = {"name": "e", "class": "XLNetModel", "encoder": "e", "config": {"general": True}, **layer}
    return {
        "name": "m",
        "class": "Functional",
        "layers": [record],
        "nodes": [
            {"input": "ids", "shape": [4], "dtype": "int32"},
            {"layer": "e", "kwargs": {"input_ids": {"node": 0}, "perm_mask": {"node": 0}}},
        ],
        "inputs": {"form": "single", "tensors": [["ids", {"node": 0}]]},
        "outputs": {"form": "single", "tensors": [["y", {"node": 1, "output": "last_hidden_state"}]]},
    }


def test_a_layer_of_any_class_is_read_with_the_outputs_it_has() -> None:
    (layer,) = graph_parser.parse_graph(graph(), "").layers
    assert families.of_layer(layer.class_name, layer.config) == general.of_name("XLNetModel")
    without = graph_parser.parse_graph(graph(config={"general": True, "pooler": False}), "").layers[0]
    assert families.of_layer(without.class_name, without.config).always == ("last_hidden_state",)


NOT_RECORDS: list[dict[str, Any]] = [
    {"config": {}},
    {"config": {"general": False}},
    {"config": {"general": 1}},
    {"config": {"general": True, "pooler": True}},
    {"config": {"general": True, "more": 1}},
    {"config": {"general": True}, "class": "os.system"},
    {"config": {"general": True}, "class": "GPT2LMHeadModel"},
    {"config": {"general": True}, "encoder": ""},
    {"config": [], "class": "XLNetModel"},
]


@pytest.mark.parametrize("change", NOT_RECORDS)
def test_a_malformed_record_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=r"encoder's record is malformed|encoder class|outside the vocabulary"):
        graph_parser.parse_graph(graph(**change), "")


@pytest.mark.parametrize("argument", ["output_attentions", "return_dict", "use_cache", "__init__", "A", "a" * 99])
def test_an_argument_that_is_not_a_tensor_of_the_class_is_refused(argument: str) -> None:
    document = graph()
    document["nodes"][1]["kwargs"][argument] = {"node": 0}
    with pytest.raises(FormatError, match="must be called with its own keyword arguments"):
        graph_parser.parse_graph(document, "")


@pytest.mark.parametrize("output", ["mems", "past_key_values", "pooler_output.1", "logits", ""])
def test_an_output_that_is_not_kept_is_refused(output: str) -> None:
    document = graph()
    document["outputs"]["tensors"][0][1] = {"node": 1, "output": output}
    with pytest.raises(FormatError, match="a tensor that its node does not return"):
        graph_parser.parse_graph(document, "")
