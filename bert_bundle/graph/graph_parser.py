"""The parser of graph.json: a JSON document as a `Graph`, checked against the closed vocabularies.

Accepts only what a save could have written, and raises FormatError with a JSON pointer for anything else. Builds no
layer.
"""

from typing import AbstractSet, Any, List, Mapping, Tuple

from bert_bundle.encoders import families
from bert_bundle.encoders.families import general
from bert_bundle.errors import FormatError, LimitError
from bert_bundle.graph import custom_classes, layer_configs, ops
from bert_bundle.graph.graph import CALL_FLAGS, Apply, Argument, Call, Graph, Input, Layer, Node, Ref, refs
from bert_bundle.graph.layers import LAYERS, MODELS, POLICIES

_MAX_LENGTH = 20_000  # of a list, such as the nodes of a graph
_MAX_SIZE = 1 << 31  # of one axis
_DTYPES = ("bool", "int32", "int64", "float16", "float32", "float64", "string")


def parse_graph(document: Any, place: str) -> Graph:
    """Return the graph in a JSON object; `place` is the JSON pointer to it."""
    _check_keys(document, place, {"name", "class", "layers", "nodes", "inputs", "outputs"}, {"trainable"})
    if document["class"] not in MODELS:
        raise FormatError("not a model class", place=place + "/class", found=document["class"])
    layers = tuple(
        _parse_layer(v, "{}/layers/{}".format(place, i)) for i, v in enumerate(_list(document["layers"], place))
    )
    by_name = {layer.name: layer for layer in layers}
    nodes = tuple(
        _parse_node(v, by_name, _ArgumentParser("{}/nodes/{}".format(place, i), i))
        for i, v in enumerate(_list(document["nodes"], place))
    )
    parser = _ArgumentParser(place + "/inputs", len(nodes))
    inputs = _parse_ends(document["inputs"], parser)
    if any(not isinstance(nodes[ref.node], Input) for _, ref in inputs):
        raise FormatError("an input of the model is not an input node", place=parser.place)
    outputs = _parse_ends(document["outputs"], _ArgumentParser(place + "/outputs", len(nodes)))
    used = [(_arguments(node), "{}/nodes/{}".format(place, i)) for i, node in enumerate(nodes)]
    for arguments, where in [*used, ([ref for _, ref in outputs], place + "/outputs")]:
        for ref in refs(arguments):
            if not _has_output(nodes[ref.node], by_name, ref.output):
                raise FormatError("a tensor that its node does not return", place=where, found=ref.output)
    return Graph(
        name=_string(document["name"], place + "/name"),
        class_name=document["class"],
        layers=layers,
        nodes=nodes,
        inputs=inputs,
        inputs_form=document["inputs"]["form"],
        outputs=outputs,
        outputs_form=document["outputs"]["form"],
        trainable=_trainable(document, place),
    )


class _ArgumentParser:
    """Parser of the arguments of one node, or of the inputs or outputs of a graph.

    place  JSON pointer that an error names
    nodes  number of earlier nodes, the only ones that an argument may refer to
    """

    def __init__(self, place: str, nodes: int) -> None:
        self.place = place
        self.nodes = nodes

    def argument(self, value: object) -> Argument:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, list):
            return [self.argument(v) for v in value]
        if isinstance(value, dict):
            keys = set(value)
            if keys == {"node"} or keys == {"node", "output"}:
                return self.ref(value)
            if keys == {"slice"} and isinstance(value["slice"], list) and len(value["slice"]) == 3:
                return slice(*(self.bound(part) for part in value["slice"]))
            if keys == {"ellipsis"}:
                return Ellipsis
            if keys == {"dict"} and isinstance(value["dict"], dict):
                return {k: self.argument(v) for k, v in value["dict"].items()}
        raise FormatError("an argument is malformed", place=self.place, found=value)

    def bound(self, value: object) -> Argument:
        """Return a bound of a slice: None, an integer or a tensor."""
        if value is None or type(value) is int:
            return value
        if not isinstance(value, dict):
            raise FormatError("an argument is malformed", place=self.place, found=value)
        return self.ref(value)

    def ref(self, value: object) -> Ref:
        node = value.get("node") if isinstance(value, dict) else None
        output = value.get("output", "") if isinstance(value, dict) else None
        if type(node) is not int or not 0 <= node < self.nodes:
            raise FormatError("a tensor is used before it is computed", place=self.place, found=node)
        if not isinstance(output, str) or not output.isprintable() or len(output) > 200:
            raise FormatError("not a valid name of an output", place=self.place, found=output)
        return Ref(node, output)


def _arguments(node: Node) -> List[Argument]:
    if isinstance(node, Input):
        return []
    return [*node.args, *node.kwargs.values()] if isinstance(node, Call) else [*node.arguments.values()]


def _has_output(node: Node, layers: Mapping[str, Layer], output: str) -> bool:
    """Return whether a node has that output, which has a name, a key or a position, or is the only one (empty)."""
    layer = layers[node.layer] if isinstance(node, Call) else None
    if layer is None:
        returns_list = isinstance(node, Apply) and ops.BY_NAME[node.op].returns_list
        return output.isdigit() if returns_list else output == ""
    if layer.encoder:
        name, _, position = output.partition(".")
        always = families.of_layer(layer.class_name, layer.config).always
        return name in (families.PER_LAYER if position else always)
    if layer.graph is not None and layer.graph.outputs_form == "dict":
        return output in [key for key, _ in layer.graph.outputs]
    return output == "" or output.isdigit()


def _parse_layer(record: Any, place: str) -> Layer:
    optional = {"trainable", "dtype", "custom", "config", "encoder", "flags", "graph"}
    _check_keys(record, place, {"name", "class"}, optional)
    name, class_name = _string(record["name"], place + "/name"), _string(record["class"], place + "/class")
    policy, trainable = record.get("dtype", "float32"), record.get("trainable", True)
    if policy not in POLICIES or not isinstance(trainable, bool):
        raise FormatError("a layer's dtype or trainable flag is malformed", place=place, found=policy)
    flags = record.get("flags", [])
    if not isinstance(flags, list) or not all(
        isinstance(f, list) and len(f) == 2 and isinstance(f[0], str) and isinstance(f[1], bool) for f in flags
    ):
        raise FormatError("flags are not [path, flag] pairs", place=place + "/flags")
    config = record.get("config", {})
    is_general = "encoder" in record and isinstance(config, dict) and families.GENERAL in config
    is_encoder = is_general or class_name in families.CLASSES
    is_model, is_custom = class_name in MODELS, "custom" in record
    if is_custom:
        _check_custom(record, place)
    known = is_custom or is_encoder or is_model or class_name in LAYERS
    if not known or ("encoder" in record, "graph" in record) != (is_encoder, is_model) or record.get("encoder") == "":
        raise FormatError("a layer outside the vocabulary", place=place + "/class", found=class_name)
    if is_general:
        general.check_layer(class_name, config, place + "/config")
    elif is_encoder:
        _check_encoder_config(class_name, config, place + "/config")
    elif is_model:
        _check_keys(config, place + "/config", set())
    elif is_custom:
        custom_classes.check_config(config, place + "/config")
    else:
        layer_configs.check_config(class_name, config, place + "/config")
    return Layer(
        name=name,
        class_name=class_name,
        trainable=trainable,
        policy=policy,
        config=config,
        encoder=_string(record.get("encoder", ""), place + "/encoder"),
        flags=dict(flags),
        graph=parse_graph(record["graph"], place + "/graph") if "graph" in record else None,
        custom=is_custom,
    )


def _check_encoder_config(class_name: str, config: Any, place: str) -> None:
    """Raise FormatError unless the configuration is empty, or takes the pooler from an encoder that can have one."""
    _check_keys(config, place, set(), {families.POOLER})
    family = families.CLASSES[class_name]
    if config and (config[families.POOLER] is not False or family.head or not family.has_pooler):
        raise FormatError(
            "an encoder's pooler is malformed",
            place="{}/{}".format(place, families.POOLER),
            wanted="false, for an encoder of a family with a pooler",
            found=config[families.POOLER],
        )


def _check_custom(record: Mapping[str, Any], place: str) -> None:
    """Raise FormatError unless a layer marked as custom has a class name that a custom class may have."""
    if record["custom"] is not True or not custom_classes.is_name(record["class"]) or record.get("flags"):
        raise FormatError("a custom layer is malformed", place=place + "/custom", found=record["custom"])
    if record["class"] in custom_classes.BUILT_IN:
        raise FormatError("a built-in layer is marked as custom", place=place, found=record["class"])


def _parse_node(record: Any, layers: Mapping[str, Layer], parser: _ArgumentParser) -> Node:
    place = parser.place
    if not isinstance(record, dict):
        raise FormatError("a node is not an object", place=place)
    if "input" in record:
        _check_keys(record, place, {"input", "shape", "dtype"}, {"trainable"})
        shape = _list(record["shape"], place)
        if record["dtype"] not in _DTYPES or not all(map(_is_size, shape)):
            raise FormatError("an input's shape or dtype is malformed", place=place)
        return Input(_string(record["input"], place), tuple(shape), record["dtype"], _trainable(record, place))
    kwargs = record.get("kwargs", {})
    if not isinstance(kwargs, dict):
        raise FormatError("named arguments are not an object", place=place + "/kwargs")
    if "op" in record:
        _check_keys(record, place, {"op", "kwargs"})
        arguments = {k: parser.argument(v) for k, v in kwargs.items()}
        ops.check_arguments(_string(record["op"], place + "/op"), arguments, place)
        return _with_tensor(Apply(record["op"], arguments), place)
    _check_keys(record, place, {"layer"}, {"args", "kwargs"})
    layer = layers.get(_string(record["layer"], place + "/layer"))
    if layer is None:
        raise FormatError("a node calls a layer that does not exist", place=place, found=record["layer"])
    args = tuple(parser.argument(v) for v in _list(record.get("args", []), place))
    unknown = _unknown_arguments(layer, kwargs) if layer.encoder else set()
    if layer.encoder and (args or unknown):
        raise FormatError(
            "an encoder must be called with its own keyword arguments", place=place, found=sorted(unknown)
        )
    return _with_tensor(Call(layer.name, args, {k: parser.argument(v) for k, v in kwargs.items()}), place)


def _trainable(record: Mapping[str, Any], place: str) -> bool:
    """Return the flag of a model or an input, which is left out where it is true."""
    flag = record.get("trainable", True)
    if not isinstance(flag, bool):
        raise FormatError("a trainable flag is malformed", place=place + "/trainable", found=flag)
    return flag


def _unknown_arguments(layer: Layer, kwargs: Mapping[str, Any]) -> AbstractSet[str]:
    """Return the arguments that an encoder does not have; those of a class of no family are known only to it."""
    family = families.of_layer(layer.class_name, layer.config)
    if family.general:
        return {name for name in kwargs if not general.is_argument(name)}
    return set(kwargs) - {*family.arguments, *CALL_FLAGS}


def _with_tensor(node: Node, place: str) -> Node:
    if not any(refs(_arguments(node))):
        raise FormatError("a layer or an op is called without a tensor", place=place)
    return node


def _parse_ends(record: Any, parser: _ArgumentParser) -> Tuple[Tuple[str, Ref], ...]:
    """Return the inputs or outputs of a graph."""
    _check_keys(record, parser.place, {"form", "tensors"})
    tensors = _list(record["tensors"], parser.place)
    if record["form"] not in ("single", "list", "dict") or (record["form"] == "single" and len(tensors) != 1):
        raise FormatError(
            "the form is not single, list or dict",
            place=parser.place + "/form",
            wanted="single with one tensor, list or dict",
            found=record["form"],
        )
    ends = []
    for item in tensors:
        if not isinstance(item, list) or len(item) != 2:
            raise FormatError("an input or output is not [name, tensor]", place=parser.place)
        ends.append((_string(item[0], parser.place), parser.ref(item[1])))
    return tuple(ends)


def _is_size(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value < _MAX_SIZE)


def _check_keys(record: Any, place: str, required: AbstractSet[str], optional: AbstractSet[str] = frozenset()) -> None:
    if not isinstance(record, dict) or not required <= set(record) or set(record) - required - optional:
        raise FormatError(
            "malformed",
            place=place,
            wanted="an object with " + ", ".join(sorted(required)),
            found=", ".join(sorted(record)) if isinstance(record, dict) else type(record).__name__,
        )


def _list(value: object, place: str) -> List[Any]:
    if not isinstance(value, list):
        raise FormatError("not a list", place=place, found=type(value).__name__)
    if len(value) > _MAX_LENGTH:
        raise LimitError("a list is too long", place=place, wanted="at most {}".format(_MAX_LENGTH))
    return value


def _string(value: object, place: str) -> str:
    if not isinstance(value, str) or len(value) > 500:
        raise FormatError("not a string of at most 500 characters", place=place, found=type(value).__name__)
    return value
