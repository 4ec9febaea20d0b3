"""The functions that a dialect has: what `keras2` and `keras3` do alike, each for its own Keras.

Live Keras objects (models, layers, variables, tensors) have no types here, because Keras has none. A symbolic tensor is
one of a graph of layers; calls of a layer are numbered in the order in which they were made.
"""

from types import ModuleType
from typing import Any, ContextManager, Dict, List, Mapping, Protocol, Tuple

import numpy as np

from bert_bundle.graph.graph import Input


class Dialect(Protocol):
    """The contract of a dialect. `place` is named in errors."""

    def bind(self) -> ModuleType:
        """Return the `keras` module that models of this dialect are made of, and import its backend.

        Raises RuntimeUnavailableError, naming what is missing, if the installed packages do not provide it.
        """

    def precision(self, keras: ModuleType, policy: str) -> ContextManager[None]:
        """Return a context in which new layers have the dtype policy; the previous settings are restored afterwards."""

    def compute_context(self, float64: bool, *, user_code: bool = False) -> ContextManager[None]:
        """Return the context to build and run a model in.

        With `float64`, every computation on float64 tensors is done in float64. `user_code`: whether layers run code of
        the user, which must run as it does outside the context.
        """

    def has_graph(self, model: Any) -> bool:
        """Return whether the model is functional, or Sequential with a known input."""

    def inputs(self, model: Any) -> Any:
        """Return the symbolic inputs of a model with a graph, in their original form: one tensor, a list or a dict."""

    def outputs(self, model: Any) -> Any:
        """Return the symbolic outputs of a model with a graph, in their original form."""

    def input_specs(self, model: Any) -> Any:
        """Return shape and dtype of the inputs that a subclassed model was first called on, in their original form.

        None if the model was never called; a dtype is None where Keras does not keep it. Raises ModelError for a model
        that was called on tensors in several arguments.
        """

    def passes_training(self, layer: Any) -> bool:
        """Return whether Keras passes `training` to the layer's `call`."""

    def call_arguments(self, layer: Any, number: int) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
        """Return the (positional, keyword) arguments of a layer's call as they were passed."""

    def call(self, layer: Any, args: List[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a layer on symbolic tensors, so that `call_arguments` returns exactly `args` and `kwargs` for it."""

    def call_outputs(self, layer: Any, number: int) -> Any:
        """Return the symbolic tensors, in their original form, that a layer's call returned."""

    def input_node(self, layer: Any, place: str) -> Input:
        """Return the graph node of an InputLayer. Raises ModelError if it is sparse or ragged."""

    def dtype_policy(self, layer: Any) -> str:
        """Return the name of the layer's dtype policy."""

    def is_floating(self, tensor: Any) -> bool:
        """Return whether a symbolic tensor or a variable holds floating-point numbers."""

    def cast(self, tensor: Any, dtype: str) -> Any:
        """Return the symbolic tensor in `dtype`, or the tensor itself if it has that dtype."""

    def is_op(self, layer: Any) -> bool:
        """Return whether what computed a symbolic tensor is a tensor op, not a layer."""

    def operation(self, layer: Any, number: int) -> Tuple[str, Dict[str, Any]]:
        """Return (op of the vocabulary, arguments by keras.ops names) of a tensor op's call.

        An argument may be an `ops.NestedOp`. Raises KeyError with the op or the argument that has no equivalent.
        """

    def apply(self, name: str, arguments: Mapping[str, Any], floating: str) -> Any:
        """Apply an op of the vocabulary to symbolic tensors.

        `floating` is the dtype of floating-point constants that are not combined with a tensor.
        """

    def tensor(self, array: np.ndarray) -> Any:
        """Return the array as a tensor of the backend."""

    def array(self, tensor: Any) -> np.ndarray:
        """Return a tensor of the backend as an array."""

    def variable_name(self, variable: Any) -> str:
        """Return the name of a variable, including every scope around it, separated by slashes."""

    def set_values(self, keras: ModuleType, pairs: List[Tuple[Any, np.ndarray]]) -> None:
        """Assign each (variable, array); the array is converted to the dtype of the variable."""
