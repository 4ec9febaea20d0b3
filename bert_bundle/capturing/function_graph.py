"""User code run in a TensorFlow graph, and the ops that it consists of applied to symbolic tensors of Keras.

What `tracing` cannot run on the symbolic tensors of Keras runs here on those of a function's graph: a `tf.function`,
ops that Keras does not record, a layer of Keras 3 that calls TensorFlow. The layers and encoders that it calls are
recorded, not entered; the ops around them are translated one by one.

Does not know: the graph that is captured, files.
"""

import contextlib
import functools
from typing import Any, Callable, Dict, Iterator, List, Mapping

from bert_bundle.capturing.structures import is_in, is_symbolic, leaves, map_leaves
from bert_bundle.capturing.symbolic_replay import Conversions, RecordedCall, SymbolicReplay
from bert_bundle.keras_models.dialect import Dialect


def run(
    function: Callable[..., Any],
    args: List[Any],
    kwargs: Mapping[str, Any],
    dialect: Dialect,
    conversions: Conversions,
    place: str,
) -> Any:
    """Return the nested symbolic tensors that `function` computes from symbolic arguments.

    Raises KeyError with the op or the attribute that has no equivalent, ModelError for a variable of a recorded layer,
    and whatever the function raises.
    """
    import tensorflow
    from tensorflow.python.framework.func_graph import FuncGraph

    graph = FuncGraph("bert_bundle")
    given: Dict[int, Any] = {}  # id of a tensor of the graph -> symbolic tensor
    eager = tensorflow.config.functions_run_eagerly()
    recorder = _Recorder(graph, conversions)
    try:
        tensorflow.config.run_functions_eagerly(True)  # a tf.function inside is run as Python, in this graph
        with graph.as_default(), recorder.watching():
            inputs = map_leaves([list(args), dict(kwargs)], lambda tensor: _placeholder(tensor, given), is_symbolic)
            result = function(*inputs[0], **inputs[1])
    finally:
        tensorflow.config.run_functions_eagerly(eager)
    return SymbolicReplay(graph, recorder.calls, given, dialect, conversions, place).symbolic(result)


def _placeholder(tensor: Any, given: Dict[int, Any]) -> Any:
    import tensorflow

    placeholder = tensorflow.compat.v1.placeholder(tensor.dtype, tuple(tensor.shape))
    given[id(placeholder)] = tensor
    return placeholder


class _Recorder:
    """The calls of known layers while user code runs in a graph."""

    def __init__(self, graph: Any, conversions: Conversions) -> None:
        self._is_own = functools.partial(is_in, graph)
        self._conversions = conversions
        self._inside = 0  # known layers that are being called; their parts are not recorded
        self.calls: List[RecordedCall] = []

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Replace `__call__` of the base classes of layers by one that records, while inside the context."""
        before = [(base, base.__call__) for base in self._conversions.bases]
        try:
            for base, original in before:
                base.__call__ = self._watched(original)
            yield
        finally:
            for base, original in before:
                base.__call__ = original

    def _watched(self, original: Any) -> Any:
        import tensorflow

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if self._inside or next(leaves([args, kwargs], self._is_own), None) is None:
                return original(layer, *args, **kwargs)
            if not self._conversions.is_known(layer):
                self._conversions.entered(layer)
                return original(layer, *args, **kwargs)
            self._inside += 1
            try:
                outputs = map_leaves(original(layer, *args, **kwargs), self._copied, self._is_own)
            finally:
                self._inside -= 1
            self.calls.append(RecordedCall(layer, args, kwargs, outputs))
            return outputs

        return tensorflow.autograph.experimental.do_not_convert(call)

    @staticmethod
    def _copied(tensor: Any) -> Any:
        """Return a tensor that only this call returned: a layer may return its input as it is."""
        import tensorflow

        copy = tensorflow.identity(tensor)
        if hasattr(tensor, "_keras_mask"):  # which Keras passes on to the next layer
            copy._keras_mask = tensor._keras_mask
        return copy
