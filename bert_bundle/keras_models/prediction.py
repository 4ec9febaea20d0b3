"""Predictions of a live model for named arrays, in batches.

A model runs eagerly, one kernel per op, so that no graph optimizer fuses or reorders what a replay compares: a matmul
fused with bias and GELU differs from the three ops in its last bits.

Does not know: bundles.
"""

from typing import Any, Dict, Iterable, List, Mapping

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.layers import STRING, widened_dtype
from bert_bundle.graph.signature import Slot
from bert_bundle.keras_models.runtime import Runtime


def predict(
    runtime: Runtime,
    model: Any,
    graph: Graph,
    slots: Iterable[Slot],
    arrays: Mapping[str, np.ndarray],
    *,
    batch: int,
    float64: bool = False,
) -> Dict[str, np.ndarray]:
    """Return output name -> array (n, ...) for input name -> array (n, ...); with `float64` inputs are float64."""
    typed = {s.name: np.asarray(arrays[s.name], _numpy_dtype(widened_dtype(s.dtype, float64))) for s in slots}
    count = len(next(iter(typed.values())))
    parts: Dict[str, List[np.ndarray]] = {name: [] for name, _ in graph.outputs}
    with runtime.dialect.compute_context(float64):
        for start in range(0, count, batch):
            rows = {k: runtime.dialect.tensor(array[start : start + batch]) for k, array in typed.items()}
            for name, value in zip(parts, _ordered(model(_nested(graph, rows), training=False), graph)):
                parts[name].append(runtime.dialect.array(value))
    return {name: np.concatenate(chunks) for name, chunks in parts.items()}


def check_rows(slots: Iterable[Slot], arrays: Mapping[str, Any]) -> Dict[str, np.ndarray]:
    """Return the arrays with the dtypes of the slots. Raises SignatureError for a missing one or another shape."""
    checked = {}
    for slot in slots:
        shape = "(n, {})".format(", ".join("any" if size is None else str(size) for size in slot.shape))
        if slot.name not in arrays:
            raise SignatureError(
                "an input without values",
                place=slot.name,
                wanted="shape " + shape,
                fix="pass it under the name of the model's input",
            )
        array = _typed(arrays[slot.name], slot.dtype, slot.name)
        fits = array.ndim == len(slot.shape) + 1 and all(
            want is None or want == have for want, have in zip(slot.shape, array.shape[1:])
        )
        if not fits:
            raise SignatureError("values of the wrong shape", place=slot.name, wanted=shape, found=array.shape)
        checked[slot.name] = array
    return checked


def _numpy_dtype(dtype: str) -> str:
    return "str" if dtype == STRING else dtype


def _typed(values: Any, dtype: str, place: str) -> np.ndarray:
    """Return values as an array of this dtype. Raises SignatureError if they are not one."""
    if dtype == STRING:
        return _strings(values, place)
    try:
        return np.asarray(values, dtype)
    except (TypeError, ValueError):
        raise SignatureError("values are not a rectangular numeric array", place=place) from None


def _strings(values: Any, place: str) -> np.ndarray:
    """Return strings, or their UTF-8 bytes, as an array of str. Raises SignatureError for anything else."""
    given = np.asarray(values, object)
    texts = [_decoded(value) for value in given.ravel()]
    wrong = [text for text in texts if not _is_unicode(text)]
    if wrong:
        raise SignatureError(
            "values are not a rectangular array of strings",
            place=place,
            found=repr(wrong[0]),
            fix="pass strings, with '' for a missing value",
        )
    return np.asarray(texts, str).reshape(given.shape)


def _decoded(value: Any) -> Any:
    """Return bytes as a string if they are UTF-8; anything else as it is."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _is_unicode(value: Any) -> bool:
    """Return whether a value is a string that NumPy and TensorFlow keep as it is: NumPy drops a zero at the end."""
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def _nested(graph: Graph, rows: Mapping[str, Any]) -> Any:
    """Return the inputs in the form in which the model takes them."""
    given = {name: rows[name] for name, _ in graph.inputs}
    if graph.inputs_form == "single":
        return next(iter(given.values()))
    return given if graph.inputs_form == "dict" else list(given.values())


def _ordered(result: Any, graph: Graph) -> List[Any]:
    """Return the outputs of a call in the order of the graph's outputs."""
    if isinstance(result, Mapping):  # keyed like the outputs, or, for an encoder by itself, by the encoder's own names
        return [result[name if graph.outputs_form == "dict" else ref.output] for name, ref in graph.outputs]
    return list(result) if isinstance(result, (list, tuple)) else [result]
