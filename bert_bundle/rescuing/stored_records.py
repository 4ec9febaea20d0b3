"""The records of layers in a configuration of Keras 2, and the tensors in the calls of them."""

from typing import Any, Iterator, List, Mapping, Optional, Tuple

from bert_bundle.errors import FormatError, LimitError

CONSTANT = "_CONSTANT_VALUE"  # in the place of a layer's name
MAX_LAYERS = 10_000


def records(config: Mapping[str, Any], place: str) -> List[Mapping[str, Any]]:
    layers = config.get("layers")
    if not isinstance(layers, list) or not all(isinstance(layer, Mapping) for layer in layers) or not layers:
        raise FormatError("a configuration without layers", place=place)
    if len(layers) > MAX_LAYERS:
        raise LimitError("a model of too many layers", place=place, wanted=MAX_LAYERS, found=len(layers))
    return layers


def name(record: Mapping[str, Any], place: str) -> str:
    """Return a layer's name, which stands beside its configuration; in it for the layers of a Sequential model."""
    return text(record, "name", place) if "name" in record else text(mapping(record, "config", place), "name", place)


def is_input(record: Mapping[str, Any]) -> bool:
    return bool(record.get("class_name") == "InputLayer")


def input_shape(record: Mapping[str, Any]) -> Tuple[Optional[int], ...]:
    config = record.get("config", {})
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    shape = shape.get("items") if isinstance(shape, Mapping) else shape  # a tuple in TensorFlow's metadata
    build = record.get("build_config") or {}
    shape = build.get("input_shape") if shape is None else shape
    if not isinstance(shape, list) or not all(size is None or type(size) is int for size in shape):
        raise FormatError("an input without a shape", place=str(config.get("name")))
    return tuple(shape[1:])


def policy(config: Mapping[str, Any]) -> str:
    dtype = config.get("dtype") or "float32"
    return str(dtype["config"]["name"]) if isinstance(dtype, Mapping) else str(dtype)


def ends(value: Any, place: str) -> Iterator[Tuple[str, Tuple[str, int, int]]]:
    """Yield (key, tensor) of a model's inputs or outputs: a list, a dict, or one by itself."""
    if isinstance(value, Mapping):
        for key, tensor in value.items():
            yield str(key), position(tensor, place)
    elif isinstance(value, list) and value and isinstance(value[0], str):
        yield "", position(value, place)
    elif isinstance(value, list) and value:
        for tensor in value:
            yield "", position(tensor, place)
    else:
        raise FormatError("a model without inputs or outputs", place=place)


def form(value: Any, count: int) -> str:
    if isinstance(value, Mapping):
        return "dict"
    return "single" if count == 1 else "list"


def position(value: Any, place: str) -> Tuple[str, int, int]:
    if (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and type(value[1]) is type(value[2]) is int
    ):
        return value[0], value[1], value[2]
    raise FormatError("not a tensor of a layer", place=place, found=value)


def tensor(value: Any, records: Mapping[str, Any]) -> Optional[Tuple[str, int, int]]:
    """Return (layer, call, position) if the value is a stored tensor: `["dense", 0, 0]` or `["dense", 0, 0, {}]`."""
    if not isinstance(value, list) or len(value) not in (3, 4) or not isinstance(value[0], str):
        return None
    is_call = type(value[1]) is int and type(value[2]) is int and (len(value) == 3 or isinstance(value[3], Mapping))
    return (value[0], value[1], value[2]) if is_call and value[0] in records else None


def tensors(value: Any, place: str) -> Iterator[Tuple[str, int, int]]:
    """Yield every tensor in a stored call, the keywords of the call included."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from tensors(item, place)
    elif isinstance(value, list):
        if len(value) in (3, 4) and isinstance(value[0], str) and type(value[1]) is type(value[2]) is int:
            if value[0] != CONSTANT:
                yield value[0], value[1], value[2]
            if len(value) == 4:
                yield from tensors(value[3], place)
        else:
            for item in value:
                yield from tensors(item, place)


def split(call: Any, place: str) -> Tuple[Any, Mapping[str, Any]]:
    """Return (first argument, keywords) of a stored call: every tensor of the first one carries the keywords."""
    given = next(keywords(call), {})
    if isinstance(call, list) and len(call) == 1 and not isinstance(call[0], (str, int)):
        call = call[0]
    return call, given


def keywords(call: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(call, Mapping):
        for item in call.values():
            yield from keywords(item)
    elif isinstance(call, list):
        if len(call) == 4 and isinstance(call[0], str) and isinstance(call[3], Mapping):
            yield call[3]
        else:
            for item in call:
                yield from keywords(item)


def mapping(record: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    value = record.get(key)
    if not isinstance(value, Mapping):
        raise FormatError("a configuration without a field", place=place, wanted=key)
    return value


def text(record: Mapping[str, Any], key: str, place: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise FormatError("a configuration without a field", place=place, wanted=key)
    return value
