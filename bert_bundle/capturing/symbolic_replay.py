"""A function's graph computed again on symbolic tensors of Keras: recorded layers are called, ops are translated.

Does not know: how the graph was made.
"""

import functools
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from bert_bundle.capturing.structures import is_in, leaves, map_leaves, paths, plain
from bert_bundle.errors import ModelError
from bert_bundle.graph.ops import NestedOp
from bert_bundle.graph.raw_ops import translate
from bert_bundle.keras_models.dialect import Dialect

_READ_FIX = "use it in the call of the layer that created it, as an attribute of that layer"

LayerCall = Callable[[Any, List[Any], Mapping[str, Any]], Any]  # (layer, args, kwargs) on symbolic tensors -> outputs


class Conversions(NamedTuple):
    """How what is found in a function's graph becomes symbolic tensors.

    bases      classes of layers whose calls are watched, each with `__call__`
    is_known   whether a layer is recorded as a layer; any other is entered
    call       calls a recorded layer on symbolic tensors
    variable   (variable's handle) -> the variable as a symbolic tensor, or None for a variable of a recorded layer
    entered    is told each layer that is entered
    """

    bases: Tuple[Any, ...]
    is_known: Callable[[Any], bool]
    call: LayerCall
    variable: Callable[[Any], Optional[Any]]
    entered: Callable[[Any], Any]


class RecordedCall(NamedTuple):
    """The call of a known layer: its arguments and its outputs, tensors of the function's graph."""

    layer: Any
    args: Tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: Any


class SymbolicReplay:
    """The tensors of a function's graph as symbolic tensors, computed from those that are `given`."""

    def __init__(
        self,
        graph: Any,
        calls: List[RecordedCall],
        given: Dict[int, Any],
        dialect: Dialect,
        conversions: Conversions,
        place: str,
    ) -> None:
        self._graph, self._dialect, self._conversions, self._place = graph, dialect, conversions, place
        self._is_tensor = functools.partial(is_in, graph)
        self._values: Dict[int, Any] = dict(given)  # id of a tensor -> symbolic tensor
        self._constants: Dict[int, Optional[np.ndarray]] = dict.fromkeys(given)
        self._handles: Dict[int, Any] = {}  # id of a placeholder -> what the graph captured
        self._calls: Dict[int, Tuple[RecordedCall, Tuple[Any, ...]]] = {}  # id of a tensor -> its call, its path in it
        self._order = {operation.name: number for number, operation in enumerate(graph.get_operations())}
        for captured, placeholder in graph.captures:
            self._handles[id(placeholder)] = captured
            is_value = hasattr(captured, "numpy") and captured.dtype.name not in ("resource", "variant")
            self._constants[id(placeholder)] = captured.numpy() if is_value else None
        for call in calls:
            for path, tensor in paths(call.outputs):
                self._calls[id(tensor)] = call, path
                self._constants[id(tensor)] = None

    def symbolic(self, result: Any) -> Any:
        """Return a nested result of the function with symbolic tensors in place of those of the graph."""
        for tensor in self._needed(result):
            self._compute(tensor)
        return plain(map_leaves(result, self._value, self._is_tensor))

    def _needed(self, result: Any) -> List[Any]:
        """Return the tensors that have to be computed, one of each op or call, in the order of the graph."""
        found: Dict[int, Any] = {}
        seen = set()
        stack = list(leaves(result, self._is_tensor))
        while stack:
            tensor = stack.pop()
            if id(tensor) in seen or id(tensor) in self._values or self._constant(tensor) is not None:
                continue
            seen.add(id(tensor))
            call = self._calls.get(id(tensor))
            found[id(tensor)] = tensor
            if call is not None:
                stack.extend(leaves([call[0].args, dict(call[0].kwargs)], self._is_tensor))
            else:
                stack.extend(source for source in tensor.op.inputs if id(source) not in self._handles)
        return sorted(found.values(), key=lambda tensor: self._order[tensor.op.name])

    def _compute(self, tensor: Any) -> None:
        if id(tensor) in self._values:
            return
        call = self._calls.get(id(tensor))
        if call is not None:
            self._call(call[0])
        elif tensor.op.type == "ReadVariableOp":
            self._values[id(tensor)] = self._variable(tensor.op.inputs[0])
        else:
            results = self._apply(translate(_RawOp(tensor.op, self._constant)))
            for number, output in enumerate(tensor.op.outputs):
                self._values[id(output)] = results[number] if isinstance(results, (list, tuple)) else results

    def _call(self, call: RecordedCall) -> None:
        args, kwargs = map_leaves([list(call.args), dict(call.kwargs)], self._value, self._is_tensor)
        outputs = self._conversions.call(call.layer, args, kwargs)
        for path, tensor in paths(call.outputs):
            value = outputs
            for key in path:
                value = value[key]
            self._values[id(tensor)] = value

    def _apply(self, step: Any) -> Any:
        """Apply a translated op to symbolic tensors."""
        if isinstance(step, list):
            return [self._apply(item) for item in step]
        if not isinstance(step, NestedOp):
            return self._value(step)
        arguments = {name: self._argument(value) for name, value in step.arguments.items()}
        return self._dialect.apply(step.name, arguments, "float32")

    def _argument(self, value: Any) -> Any:
        if isinstance(value, NestedOp):
            return self._apply(value)
        if isinstance(value, list):
            return [self._argument(item) for item in value]
        if isinstance(value, slice):
            return slice(*(self._argument(part) for part in (value.start, value.stop, value.step)))
        return self._value(value) if self._is_tensor(value) else value

    def _value(self, tensor: Any) -> Any:
        if id(tensor) in self._values:
            return self._values[id(tensor)]
        if id(tensor) in self._handles and self._constants[id(tensor)] is None:
            return self._variable(tensor)
        constant = self._constant(tensor)
        return None if constant is None else constant.tolist()

    def _variable(self, placeholder: Any) -> Any:
        """Return a variable of an entered layer as a symbolic tensor. Raises ModelError for any other variable."""
        found = self._conversions.variable(self._handles.get(id(placeholder)))
        if found is None:
            raise ModelError("a variable used outside the layer that owns it", place=self._place, fix=_READ_FIX)
        return found

    def _constant(self, tensor: Any) -> Optional[np.ndarray]:
        """Return the value of a tensor that depends on no input, variable or recorded call, else None."""
        if id(tensor) not in self._constants:
            self._constants[id(tensor)] = None if tensor.dtype.name == "resource" else self._evaluated(tensor)
        return self._constants[id(tensor)]

    def _evaluated(self, tensor: Any) -> Optional[np.ndarray]:
        import tensorflow
        from tensorflow.python.framework.tensor_util import constant_value

        known = constant_value(tensor)
        if known is not None:
            return np.asarray(known)
        inputs = list(tensor.op.inputs)
        if not inputs or any(self._constant(source) is None for source in inputs) or tensor.op.op_def.is_stateful:
            return None
        with tensorflow.compat.v1.Session(graph=self._graph) as session:
            fed = {source: self._constant(source) for source in inputs}
            return np.asarray(session.run(tensor, fed))


class _RawOp:
    """`graph.raw_ops.RawOp` of an operation in a graph. `constant`: tensor -> its value if it is known, else None."""

    def __init__(self, operation: Any, constant: Callable[[Any], Optional[np.ndarray]]) -> None:
        self._operation, self._known = operation, constant
        self._inputs = list(operation.inputs)

    @property
    def kind(self) -> str:
        return str(self._operation.type)

    @property
    def inputs(self) -> List[Any]:
        return self._inputs

    def attribute(self, name: str) -> Any:
        value = self._operation.get_attr(name)
        if isinstance(value, bytes):
            return value.decode()
        return value.name if type(value).__name__ == "DType" else value

    def constant(self, position: int) -> Optional[np.ndarray]:
        return self._known(self._inputs[position])

    def elements(self, position: int) -> Optional[List[Any]]:
        tensor = self._inputs[position]
        value = self._known(tensor)
        if value is not None:
            return [int(item) for item in value] if value.ndim == 1 else None
        if tensor.op.type != "Pack":
            return None
        items = [(item, self._known(item)) for item in tensor.op.inputs]
        return [item if known is None else int(known) for item, known in items]
