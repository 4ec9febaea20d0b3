"""Named arrays through a live model, in batches; knows nothing of bundles.

Eager, one kernel an op: no graph optimiser may fuse or reorder what a replay compares (a fused matmul with bias and
GELU differs from the three ops in its last bits).
"""

from typing import Any, Dict, Iterable, List, Mapping

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.signature import Slot
from bert_bundle.keras_models.runtime import Runtime

_FLOATS = ("float16", "float32", "float64")


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
    """Output name -> array (n, ...) for input name -> array (n, ...); float64 inputs with `float64`."""
    typed = {s.name: np.asarray(arrays[s.name], _dtype(s.dtype, float64)) for s in slots}
    count = len(next(iter(typed.values())))
    parts: Dict[str, List[np.ndarray]] = {name: [] for name, _ in graph.outputs}
    with runtime.dialect.working(float64):
        for start in range(0, count, batch):
            rows = {k: runtime.dialect.tensor(array[start : start + batch]) for k, array in typed.items()}
            for name, value in zip(parts, _ordered(model(_nested(graph, rows), training=False), graph)):
                parts[name].append(runtime.dialect.array(value))
    return {name: np.concatenate(chunks) for name, chunks in parts.items()}


def check_rows(slots: Iterable[Slot], arrays: Mapping[str, Any]) -> Dict[str, np.ndarray]:
    """The arrays as the slots declare them. Raises SignatureError for one that is missing or of another shape."""
    checked = {}
    for slot in slots:
        if slot.name not in arrays:
            raise SignatureError(
                "an input without values", place=slot.name, wanted="shape (n, {})".format(_shape(slot)),
                fix="pass it by the name of the model's input",
            )  # fmt: skip
        try:
            array = np.asarray(arrays[slot.name], slot.dtype)
        except (TypeError, ValueError):
            raise SignatureError("values are not a rectangular numeric array", place=slot.name) from None
        fits = array.ndim == len(slot.shape) + 1 and all(
            want is None or want == have for want, have in zip(slot.shape, array.shape[1:])
        )
        if not fits:
            raise SignatureError(
                "values of the wrong shape",
                place=slot.name,
                wanted="(n, {})".format(_shape(slot)),
                found=array.shape,
            )
        checked[slot.name] = array
    return checked


def _shape(slot: Slot) -> str:
    return ", ".join("any" if size is None else str(size) for size in slot.shape)


def _dtype(name: str, float64: bool) -> str:
    return "float64" if float64 and name in _FLOATS else name


def _nested(graph: Graph, rows: Mapping[str, Any]) -> Any:
    given = {name: rows[name] for name, _ in graph.inputs}
    if graph.inputs_form == "single":
        return next(iter(given.values()))
    return given if graph.inputs_form == "dict" else list(given.values())


def _ordered(result: Any, graph: Graph) -> List[Any]:
    if isinstance(
        result, Mapping
    ):  # of a dict's keys, or of an encoder by itself, whose outputs have names of their own
        return [result[name if graph.outputs_form == "dict" else ref.output] for name, ref in graph.outputs]
    return list(result) if isinstance(result, (list, tuple)) else [result]
