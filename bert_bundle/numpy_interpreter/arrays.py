"""The ops that make, cut, join and move arrays."""

import math
from typing import Any, Dict, Tuple

import numpy as np

from bert_bundle.errors import LimitError
from bert_bundle.graph.raw_ops import slice_key
from bert_bundle.numpy_interpreter.interpreter import Rule

MAX_ELEMENTS = 1 << 31  # of an array that an op makes from sizes alone


def _sizes(values: Any, node: Any) -> Tuple[int, ...]:
    """Return sizes as a shape. Raises LimitError for more elements than any classifier has."""
    shape = tuple(int(size) for size in np.ravel(values))
    if math.prod(max(size, 1) for size in shape) > MAX_ELEMENTS:
        raise LimitError("an array that is too large", place=node.place, wanted=MAX_ELEMENTS, found=shape)
    return shape


def _shape(interpreter: Any, node: Any, x: Any) -> Any:
    return [np.array(x[0].shape, node.attribute("out_type"))]


def _range(interpreter: Any, node: Any, x: Any) -> Any:
    start, stop, step = (float(value) if value.dtype.kind == "f" else int(value) for value in x)
    _sizes([(stop - start) / step if step else 0], node)
    return [np.arange(start, stop, step).astype(x[0].dtype)]


def _strided_slice(interpreter: Any, node: Any, x: Any) -> Any:
    return [x[0][tuple(slice_key(node.attribute, *(np.ravel(bound).tolist() for bound in x[1:4])))]]


def _slice(interpreter: Any, node: Any, x: Any) -> Any:
    bounds = zip(np.ravel(x[1]).tolist(), np.ravel(x[2]).tolist())
    return [x[0][tuple(slice(begin, None if size == -1 else begin + size) for begin, size in bounds)]]


def _gather(interpreter: Any, node: Any, x: Any) -> Any:
    axis = int(x[2]) if len(x) > 2 else 0
    batch = node.attribute("batch_dims")
    axis = axis + x[0].ndim if axis < 0 else axis
    batch = batch + x[1].ndim if batch < 0 else batch
    _in_range(x[1], x[0].shape[axis])
    if not batch:
        return [np.take(x[0], x[1], axis=axis)]
    rows = x[0].reshape((-1, *x[0].shape[batch:]))
    indices = x[1].reshape((-1, *x[1].shape[batch:]))
    taken = np.stack([np.take(row, index, axis=axis - batch) for row, index in zip(rows, indices)])
    return [taken.reshape(x[1].shape[:batch] + taken.shape[1:])]


def _in_range(indices: np.ndarray, size: int) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= size):
        raise IndexError("index {} of {}".format(int(indices.max()), size))


def _resource_gather(interpreter: Any, node: Any, x: Any) -> Any:
    table = interpreter.variable(x[0], node)
    _in_range(x[1], table.shape[0])
    return [table[x[1]]]


def _gather_nd(interpreter: Any, node: Any, x: Any) -> Any:
    return [x[0][tuple(np.moveaxis(x[1], -1, 0))]]


def _pad(interpreter: Any, node: Any, x: Any) -> Any:
    widths = [tuple(width) for width in x[1].tolist()]
    _sizes([size + sum(width) for size, width in zip(x[0].shape, widths)], node)
    value = x[2] if len(x) > 2 else 0
    return [np.pad(x[0], widths, constant_values=value)]


def _one_hot(interpreter: Any, node: Any, x: Any) -> Any:
    indices, depth, on, off = x
    _sizes([*indices.shape, int(depth)], node)
    hot = np.where(indices[..., None] == np.arange(int(depth)), on, off).astype(on.dtype)
    axis = node.attribute("axis")
    return [hot if axis == -1 else np.moveaxis(hot, -1, axis)]


def _split_by_sizes(interpreter: Any, node: Any, x: Any) -> Any:
    sizes, axis = np.ravel(x[1]).tolist(), int(x[2])
    if -1 in sizes:
        sizes[sizes.index(-1)] = x[0].shape[axis] - sum(size for size in sizes if size != -1)
    return np.split(x[0], np.cumsum(sizes)[:-1], axis)


def _unpack(interpreter: Any, node: Any, x: Any) -> Any:
    axis = node.attribute("axis")
    return [np.take(x[0], index, axis=axis) for index in range(x[0].shape[axis])]


def _squeeze(interpreter: Any, node: Any, x: Any) -> Any:
    return [np.squeeze(x[0], tuple(node.attribute("squeeze_dims")) or None)]


def _top_k(interpreter: Any, node: Any, x: Any) -> Any:
    order = np.argsort(-x[0], axis=-1, kind="stable")[..., : int(x[1])].astype(np.int32)
    return [np.take_along_axis(x[0], order, -1), order]


def _reverse_sequence(interpreter: Any, node: Any, x: Any) -> Any:
    time, batch = node.attribute("seq_dim"), node.attribute("batch_dim")
    result = np.moveaxis(x[0], (batch, time), (0, 1)).copy()
    for row, length in enumerate(np.ravel(x[1]).tolist()):
        result[row, :length] = result[row, :length][::-1]
    return [np.moveaxis(result, (0, 1), (batch, time))]


def _where(interpreter: Any, node: Any, x: Any) -> Any:
    return [np.argwhere(x[0]).astype(np.int64)]


RULES: Dict[str, Rule] = {
    "BroadcastArgs": lambda i, n, x: [
        np.array(np.broadcast(*(np.broadcast_to(0, _sizes(s, n)) for s in x)).shape, x[0].dtype)
    ],
    "BroadcastTo": lambda i, n, x: [np.broadcast_to(x[0], _sizes(x[1], n))],
    "ConcatV2": lambda i, n, x: [np.concatenate(x[:-1], int(x[-1]))],
    "ExpandDims": lambda i, n, x: [np.expand_dims(x[0], int(x[1]))],
    "Fill": lambda i, n, x: [np.full(_sizes(x[0], n), x[1], x[1].dtype)],
    "GatherNd": _gather_nd,
    "GatherV2": _gather,
    "MatrixBandPart": lambda i, n, x: [_band(x[0], int(x[1]), int(x[2]))],
    "OneHot": _one_hot,
    "Pack": lambda i, n, x: [np.stack(x, n.attribute("axis"))],
    "Pad": _pad,
    "PadV2": _pad,
    "Range": _range,
    "Rank": lambda i, n, x: [np.array(x[0].ndim, np.int32)],
    "Reshape": lambda i, n, x: [np.reshape(x[0], _sizes(x[1], n))],
    "ResourceGather": _resource_gather,
    "ReverseSequence": _reverse_sequence,
    "ReverseV2": lambda i, n, x: [np.flip(x[0], tuple(np.ravel(x[1]).tolist()))],
    "Shape": _shape,
    "ShapeN": lambda i, n, x: [np.array(each.shape, n.attribute("out_type")) for each in x],
    "Size": lambda i, n, x: [np.array(x[0].size, n.attribute("out_type"))],
    "Slice": _slice,
    "Split": lambda i, n, x: np.split(x[1], n.attribute("num_split"), int(x[0])),
    "SplitV": _split_by_sizes,
    "Squeeze": _squeeze,
    "StridedSlice": _strided_slice,
    "Tile": lambda i, n, x: [np.tile(x[0], _sizes(x[1], n))],
    "TopKV2": _top_k,
    "Transpose": lambda i, n, x: [np.transpose(x[0], np.ravel(x[1]).tolist())],
    "Unpack": _unpack,
    "Where": _where,
}


def _band(x: np.ndarray, lower: int, upper: int) -> np.ndarray:
    rows, columns = np.ogrid[: x.shape[-2], : x.shape[-1]]
    inside = ((lower < 0) | (rows - columns <= lower)) & ((upper < 0) | (columns - rows <= upper))
    return np.where(inside, x, np.zeros((), x.dtype))
