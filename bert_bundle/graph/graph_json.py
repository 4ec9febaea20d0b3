"""graph.json: a graph as canonical bytes and back, checked against the closed vocabularies; builds nothing."""

import math
from typing import Any, Dict, List, Mapping, Tuple

from bert_bundle.encoders import families
from bert_bundle.errors import FormatError, LimitError, ModelError
from bert_bundle.format import strict_json
from bert_bundle.format.layout import GRAPH
from bert_bundle.graph import custom_classes, layer_configs, ops
from bert_bundle.graph.graph import CALL_FLAGS, Apply, Call, Graph, Input, Layer, Node, Ref, refs
from bert_bundle.graph.layers import LAYERS, MODELS, POLICIES

GRAPH_VERSION = 1
MAX_NODES = 20_000
MAX_SIZE = 1 << 31  # of one axis
DTYPES = ("bool", "int32", "int64", "float16", "float32", "float64")


def to_bytes(graph: Graph) -> bytes:
    """graph.json: canonical, the same bytes whichever release captured the model."""
    return strict_json.canonical(dict(_graph_json(graph), version=GRAPH_VERSION))


def from_bytes(data: bytes) -> Graph:
    """The graph in graph.json, checked against the vocabularies. Raises FormatError with a JSON pointer."""
    document = strict_json.parse(data, GRAPH)
    version = document.pop("version", None) if isinstance(document, dict) else None
    if type(version) is not int or version != GRAPH_VERSION:
        raise FormatError("not a graph of version {}".format(GRAPH_VERSION), place=GRAPH + "#/version", found=version)
    graph = _read_graph(document, GRAPH + "#")
    layers = list(graph.walk())
    _check_distinct("two layers have one path", [path for path, _ in layers])
    _check_distinct("two encoders have one folder", [layer.encoder for _, layer in layers if layer.encoder])
    return graph


def _graph_json(graph: Graph) -> Dict[str, Any]:
    flag = {} if graph.trainable else {"trainable": False}
    return {
        **flag,
        "name": graph.name,
        "class": graph.class_name,
        "layers": [_layer_json(layer) for layer in graph.layers],
        "nodes": [_node_json(node) for node in graph.nodes],
        "inputs": {"form": graph.inputs_form, "tensors": [[k, _value_json(r)] for k, r in graph.inputs]},
        "outputs": {"form": graph.outputs_form, "tensors": [[k, _value_json(r)] for k, r in graph.outputs]},
    }


def _layer_json(layer: Layer) -> Dict[str, Any]:
    result: Dict[str, Any] = {"name": layer.name, "class": layer.class_name}
    if not layer.trainable:
        result["trainable"] = False
    if layer.policy != "float32":
        result["dtype"] = layer.policy
    if layer.custom:
        result["custom"] = True
    if layer.config:
        result["config"] = dict(layer.config)
    if layer.encoder:
        result["encoder"] = layer.encoder
    if layer.flags:
        result["flags"] = [[path, flag] for path, flag in layer.flags.items()]
    if layer.graph is not None:
        result["graph"] = _graph_json(layer.graph)
    return result


def _node_json(node: Node) -> Dict[str, Any]:
    if isinstance(node, Input):
        return {"input": node.name, "shape": list(node.shape), "dtype": node.dtype}
    if isinstance(node, Call):
        result: Dict[str, Any] = {"layer": node.layer}
        if node.args:
            result["args"] = [_value_json(v) for v in node.args]
        if node.kwargs:
            result["kwargs"] = {k: _value_json(v) for k, v in node.kwargs.items()}
        return result
    return {"op": node.op, "kwargs": {k: _value_json(v) for k, v in node.arguments.items()}}


def _value_json(value: Any) -> Any:
    if isinstance(value, Ref):
        return {"node": value.node, "output": value.output} if value.output else {"node": value.node}
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, (list, tuple)):
        return [_value_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelError(
            "an argument that is no finite number", place=GRAPH, found=value, fix="use a large number, such as -1e9"
        )
    if isinstance(value, Mapping):
        return {"dict": {k: _value_json(v) for k, v in value.items()}}
    return value


class _Reader:
    """One graph being read: the place of what is malformed, and how many nodes stand before."""

    def __init__(self, place: str, nodes: int) -> None:
        self.place = place
        self.nodes = nodes

    def value(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, list):
            return [self.value(v) for v in value]
        if isinstance(value, dict):
            keys = set(value)
            if keys == {"node"} or keys == {"node", "output"}:
                return self.ref(value)
            if keys == {"slice"} and _is_slice(value["slice"]):
                return slice(*value["slice"])
            if keys == {"ellipsis"}:
                return Ellipsis
            if keys == {"dict"} and isinstance(value["dict"], dict):
                return {k: self.value(v) for k, v in value["dict"].items()}
        raise FormatError("an argument is malformed", place=self.place, found=value)

    def ref(self, value: Any) -> Ref:
        node = value.get("node") if isinstance(value, dict) else None
        output = value.get("output", "") if isinstance(value, dict) else None
        if type(node) is not int or not 0 <= node < self.nodes:
            raise FormatError("a tensor is used before it is made", place=self.place, found=node)
        if not isinstance(output, str) or not output.isprintable() or len(output) > 200:
            raise FormatError("an output has no such name", place=self.place, found=output)
        return Ref(node, output)


def _read_graph(document: Any, place: str) -> Graph:
    _fields(document, place, {"name", "class", "layers", "nodes", "inputs", "outputs"}, {"trainable"})
    if not isinstance(document.get("trainable", True), bool):
        raise FormatError("a trainable flag is malformed", place=place + "/trainable", found=document["trainable"])
    if document["class"] not in MODELS:
        raise FormatError("not a kind of model", place=place + "/class", found=document["class"])
    layers = tuple(
        _read_layer(v, "{}/layers/{}".format(place, i)) for i, v in enumerate(_list(document["layers"], place))
    )
    by_name = {layer.name: layer for layer in layers}
    nodes = tuple(
        _read_node(v, by_name, _Reader("{}/nodes/{}".format(place, i), i))
        for i, v in enumerate(_list(document["nodes"], place))
    )
    reader = _Reader(place + "/inputs", len(nodes))
    inputs = _read_ends(document["inputs"], reader)
    if any(not isinstance(nodes[ref.node], Input) for _, ref in inputs):
        raise FormatError("an input of the model is no input node", place=reader.place)
    outputs = _read_ends(document["outputs"], _Reader(place + "/outputs", len(nodes)))
    used = [(_arguments(node), "{}/nodes/{}".format(place, i)) for i, node in enumerate(nodes)]
    for arguments, where in [*used, ([ref for _, ref in outputs], place + "/outputs")]:
        for ref in refs(arguments):
            if not _makes(nodes[ref.node], by_name, ref.output):
                raise FormatError("a tensor that its node does not make", place=where, found=ref.output)
    return Graph(
        name=_text(document["name"], place + "/name"),
        class_name=document["class"],
        layers=layers,
        nodes=nodes,
        inputs=inputs,
        inputs_form=document["inputs"]["form"],
        outputs=outputs,
        outputs_form=document["outputs"]["form"],
        trainable=document.get("trainable", True),
    )


def _arguments(node: Node) -> List[Any]:
    if isinstance(node, Input):
        return []
    return [*node.args, *node.kwargs.values()] if isinstance(node, Call) else [*node.arguments.values()]


def _makes(node: Node, layers: Mapping[str, Layer], output: str) -> bool:
    """Whether `output` is one of a node: by name of an encoder, by key or position of a layer that makes several."""
    layer = layers[node.layer] if isinstance(node, Call) else None
    if layer is None:
        several = isinstance(node, Apply) and ops.BY_NAME[node.op].several
        return output.isdigit() if several else output == ""
    if layer.encoder:
        name, _, position = output.partition(".")
        return name in (families.PER_LAYER if position else families.CLASSES[layer.class_name].always)
    if layer.graph is not None and layer.graph.outputs_form == "dict":
        return output in [key for key, _ in layer.graph.outputs]
    return output == "" or output.isdigit()


def _read_layer(record: Any, place: str) -> Layer:
    _fields(record, place, {"name", "class"}, {"trainable", "dtype", "custom", "config", "encoder", "flags", "graph"})
    name, class_name = _text(record["name"], place + "/name"), _text(record["class"], place + "/class")
    policy, trainable = record.get("dtype", "float32"), record.get("trainable", True)
    if policy not in POLICIES or not isinstance(trainable, bool):
        raise FormatError("a layer's dtype or trainable flag is malformed", place=place, found=policy)
    flags = record.get("flags", [])
    if not isinstance(flags, list) or not all(
        isinstance(f, list) and len(f) == 2 and isinstance(f[0], str) and isinstance(f[1], bool) for f in flags
    ):
        raise FormatError("flags are not [path, flag] pairs", place=place + "/flags")
    is_encoder, is_model, is_custom = class_name in families.CLASSES, class_name in MODELS, "custom" in record
    if is_custom:
        _check_custom(record, place)
    known = is_custom or is_encoder or is_model or class_name in LAYERS
    if not known or ("encoder" in record, "graph" in record) != (is_encoder, is_model) or record.get("encoder") == "":
        raise FormatError("a layer outside the vocabulary", place=place + "/class", found=class_name)
    if is_encoder or is_model:
        _fields(record.get("config", {}), place + "/config", set())
    elif is_custom:
        custom_classes.check_config(record.get("config", {}), place + "/config")
    else:
        layer_configs.check_config(class_name, record.get("config", {}), place + "/config")
    return Layer(
        name=name,
        class_name=class_name,
        trainable=trainable,
        policy=policy,
        config=record.get("config", {}),
        encoder=_text(record.get("encoder", ""), place + "/encoder"),
        flags=dict(flags),
        graph=_read_graph(record["graph"], place + "/graph") if "graph" in record else None,
        custom=is_custom,
    )


def _check_custom(record: Mapping[str, Any], place: str) -> None:
    """A layer of a class of the caller's own says so, and no built-in one does."""
    if record["custom"] is not True or not custom_classes.is_name(record["class"]) or record.get("flags"):
        raise FormatError("a custom layer is malformed", place=place + "/custom", found=record["custom"])
    if record["class"] in custom_classes.BUILT_IN:
        raise FormatError("a built-in layer that says it is a custom one", place=place, found=record["class"])


def _read_node(record: Any, layers: Mapping[str, Layer], reader: _Reader) -> Node:
    place = reader.place
    if not isinstance(record, dict):
        raise FormatError("a node is no object", place=place)
    if "input" in record:
        _fields(record, place, {"input", "shape", "dtype"})
        shape = _list(record["shape"], place)
        if record["dtype"] not in DTYPES or not all(map(_is_size, shape)):
            raise FormatError("an input's shape or dtype is malformed", place=place)
        return Input(_text(record["input"], place), tuple(shape), record["dtype"])
    kwargs = record.get("kwargs", {})
    if not isinstance(kwargs, dict):
        raise FormatError("named arguments are no object", place=place + "/kwargs")
    if "op" in record:
        _fields(record, place, {"op", "kwargs"})
        arguments = {k: reader.value(v) for k, v in kwargs.items()}
        ops.check_arguments(_text(record["op"], place + "/op"), arguments, place)
        return _with_tensor(Apply(record["op"], arguments), place)
    _fields(record, place, {"layer"}, {"args", "kwargs"})
    layer = layers.get(_text(record["layer"], place + "/layer"))
    if layer is None:
        raise FormatError("a node calls a layer that is not there", place=place, found=record["layer"])
    args = tuple(reader.value(v) for v in _list(record.get("args", []), place))
    strange = set(kwargs) - {*families.CLASSES[layer.class_name].arguments, *CALL_FLAGS} if layer.encoder else set()
    if layer.encoder and (args or strange):
        raise FormatError("an encoder's call is not by its arguments' names", place=place, found=sorted(strange))
    return _with_tensor(Call(layer.name, args, {k: reader.value(v) for k, v in kwargs.items()}), place)


def _with_tensor(node: Node, place: str) -> Node:
    if not any(refs(_arguments(node))):
        raise FormatError("a layer or an op without a tensor", place=place)
    return node


def _read_ends(record: Any, reader: _Reader) -> Tuple[Tuple[str, Ref], ...]:
    _fields(record, reader.place, {"form", "tensors"})
    tensors = _list(record["tensors"], reader.place)
    if record["form"] not in ("single", "list", "dict") or (record["form"] == "single" and len(tensors) != 1):
        raise FormatError("neither single, list nor dict", place=reader.place + "/form", found=record["form"])
    ends = []
    for item in tensors:
        if not isinstance(item, list) or len(item) != 2:
            raise FormatError("an end is not [name, tensor]", place=reader.place)
        ends.append((_text(item[0], reader.place), reader.ref(item[1])))
    return tuple(ends)


def _is_size(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < MAX_SIZE)


def _check_distinct(message: str, names: List[str]) -> None:
    """Of two layers with one path or folder, one would be left with the weights that it starts with."""
    seen = set()
    for name in names:
        if name in seen:
            raise FormatError(message, place=GRAPH + "#/layers", found=name)
        seen.add(name)


def _is_slice(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(v is None or type(v) is int for v in value)


def _fields(record: Any, place: str, needed: Any, optional: Any = frozenset()) -> None:
    if not isinstance(record, dict) or not needed <= set(record) or set(record) - needed - set(optional):
        raise FormatError(
            "malformed",
            place=place,
            wanted="an object with " + ", ".join(sorted(needed)),
            found=", ".join(sorted(record)) if isinstance(record, dict) else type(record).__name__,
        )


def _list(value: Any, place: str) -> List[Any]:
    if not isinstance(value, list):
        raise FormatError("not a list", place=place, found=type(value).__name__)
    if len(value) > MAX_NODES:
        raise LimitError("a list is too long", place=place, wanted="at most {}".format(MAX_NODES))
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or len(value) > 500:
        raise FormatError("not a text of at most 500 characters", place=place, found=type(value).__name__)
    return value
