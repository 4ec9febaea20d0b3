"""A call of TensorFlow as an op of the vocabulary: its arguments by keras.ops names, without defaults.

Does not know: TensorFlow, graphs.
"""

from typing import Any, Dict, List, Mapping, Tuple

from bert_bundle.graph.ops import BY_SYMBOL, REQUIRED, REST, NestedOp, Op, Parameter


def operation(symbol: str, args: Tuple[object, ...], kwargs: Mapping[str, object]) -> Tuple[str, Dict[str, object]]:
    """Return (keras.ops name, arguments by keras.ops names) of a TensorFlow call; an argument may be a `NestedOp`.

    A squared difference is the square of a difference, and a variance the mean of squared differences: TensorFlow 2.4
    records them in that way. A clip without an upper bound, as in its `K.sqrt`, is a maximum. Raises KeyError with the
    symbol or argument that has no equivalent.
    """
    op = BY_SYMBOL.get(symbol)
    if op is None:
        raise KeyError("tf." + symbol)
    arguments = bind(op, args, kwargs)
    if symbol == "math.squared_difference":
        return "square", {"x": NestedOp("subtract", arguments)}
    if symbol == "math.reduce_variance":
        difference = {"x1": arguments["x"], "x2": NestedOp("mean", {**arguments, "keepdims": True})}
        return "mean", {**arguments, "x": NestedOp("square", {"x": NestedOp("subtract", difference)})}
    if op.name == "clip" and is_infinite(arguments["x_max"]):
        return "maximum", {"x1": arguments["x"], "x2": arguments["x_min"]}
    return op.name, arguments


def is_infinite(value: Any) -> bool:
    """Return whether an argument is a number, or a tensor of a known value, that is infinity."""
    try:
        return float(value) == float("inf")
    except Exception:  # a symbolic tensor: every Keras raises another error
        return False


def bind(op: Op, args: Tuple[object, ...], kwargs: Mapping[str, object]) -> Dict[str, object]:
    """Return the arguments of a TensorFlow call by keras.ops name, without defaults and without `name`.

    Raises KeyError with the first argument that has no equivalent.
    """
    by_name = _by_name(op, args)
    by_name.update((k, v) for k, v in kwargs.items() if k != "name")
    result = {}
    for parameter in op.signature:
        value = _dtype_name(by_name.pop(parameter.tensorflow, None))
        value = _value_if_omitted(parameter) if value is None else value
        value = value.lower() if parameter.name == "padding" else value  # TensorFlow's VALID
        if value is REQUIRED:
            raise KeyError(parameter.tensorflow)
        is_default = type(value) is type(parameter.default) and value == parameter.default
        if not parameter.name and not (is_default or value is False):
            raise KeyError(parameter.tensorflow)
        if parameter.name and not is_default:
            result[parameter.name] = axis(op.name, value) if parameter.name == "axis" else value
    for name, value in by_name.items():
        if value is not None and value is not False:
            raise KeyError(name)
    if op.name == "split" and type(result["indices_or_sections"]) is not int:
        raise KeyError("num_or_size_splits that is not an integer")  # sizes in TensorFlow, positions in keras.ops
    return result


def axis(op: str, value: object) -> object:
    """Return an axis as a graph records it: a list of one axis is that axis, except for `flip`, which takes a list.

    Keras 3 keeps the single axis of a reduction as a list, however it was passed.
    """
    if op == "flip":
        return [value] if type(value) is int else value
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def _value_if_omitted(parameter: Parameter) -> Any:
    if not parameter.name and parameter.default is REQUIRED:
        return False
    return parameter.default if parameter.implied is None else parameter.implied


def _by_name(op: Op, args: Tuple[object, ...]) -> Dict[str, object]:
    names = [p.tensorflow for p in op.signature]
    if names[-1] == REST:
        return {**dict(zip(names[:-1], args)), REST: list(args[len(names) - 1 :])}
    extra: List[object] = list(args[len(names) :])
    if any(value is not None for value in extra):  # a `name` of None by position is not an argument
        raise KeyError("argument {}".format(len(args)))
    return dict(zip(names, args))


def _dtype_name(value: Any) -> Any:
    """Return the name of a TensorFlow dtype, and any other value unchanged."""
    return str(value.name) if type(value).__name__ == "DType" else value
