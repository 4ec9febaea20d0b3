"""The serving function of a SavedModel as one list of ops: calls of functions are replaced by what they consist of.

The list has an order in which each op uses only earlier ones. What is known before the model runs is computed. Does
not know: layers, the vocabulary.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import BundleError, FormatError, LimitError
from bert_bundle.keras_files.graph_nodes import MAX_NODES, Node, Source
from bert_bundle.keras_files.saved_model import SavedModel
from bert_bundle.numpy_interpreter.interpreter import MAX_CALLS, Interpreter, in_order, position_of
from bert_bundle.numpy_interpreter.serving import RULES

CALLS = ("PartitionedCall", "StatefulPartitionedCall")
READS = ("ReadVariableOp", "ResourceGather")

_HANDLE = "VarHandleOp"
_NOT_KNOWN = ("Placeholder", "PlaceholderWithDefault", _HANDLE, *READS, "VariableShape")
_MAX_KNOWN = 1 << 20  # elements of an array that is computed before the model runs


class Tensor(NamedTuple):
    """One result of an op: the op's place in the list, and which of its results."""

    op: int
    position: int


@dataclass(frozen=True)
class Op:
    """One op: its name, with the scopes of the functions that it lies in, its node, the tensors it receives."""

    name: str
    node: Node
    inputs: Tuple[Tensor, ...]

    @property
    def kind(self) -> str:
        """Return the type of the op."""
        return self.node.kind


class ServingOps:
    """The ops of a signature.

    inputs, outputs   name in the signature -> tensor
    """

    def __init__(self, model: SavedModel) -> None:
        """Read the serving signature. Raises FormatError for a graph that is not whole, LimitError for a large one."""
        self._model = model
        self.ops: List[Op] = []
        signature = model.signature()
        wanted = [Source(end.node, end.position) for end in signature.outputs.values()]
        placeholders = [Source(end.node, end.position) for end in signature.inputs.values()]
        found = self._flattened(model.nodes, {}, [*wanted, *placeholders], "", 0)
        self.outputs: Mapping[str, Tensor] = dict(zip(signature.outputs, found))
        self.inputs: Mapping[str, Tensor] = dict(zip(signature.inputs, found[len(wanted) :]))
        self._known: List[Optional[Sequence[Any]]] = []
        interpreter = Interpreter(model, {}, RULES)
        for op in self.ops:
            self._known.append(self._computed(op, interpreter))

    def known(self, tensor: Tensor) -> Optional[np.ndarray]:
        """Return the value of a tensor that depends on no input and no variable, else None."""
        values = self._known[tensor.op]
        return np.asarray(values[tensor.position]) if values is not None and tensor.position < len(values) else None

    def variable(self, op: Op) -> str:
        """Return the full name of the variable that an op reads, empty if it reads none."""
        return self.handle(op.inputs[0]) if op.kind in READS and op.inputs else ""

    def handle(self, tensor: Tensor) -> str:
        """Return the full name of the variable whose handle a tensor is, empty if it is not one."""
        while self.ops[tensor.op].kind == "Identity":
            tensor = self.ops[tensor.op].inputs[0]
        op = self.ops[tensor.op]
        return self._model.variables.get(op.node.name, "") if op.kind == _HANDLE else ""

    def _computed(self, op: Op, interpreter: Interpreter) -> Optional[Sequence[Any]]:
        """Return the results of an op whose inputs are all known, else None."""
        operands = [self.known(tensor) for tensor in op.inputs]
        if op.kind in _NOT_KNOWN or op.kind not in RULES or any(value is None for value in operands):
            return None
        try:
            values = interpreter.apply(op.node, operands)
        except BundleError:  # of a branch that is never taken; where it is needed the op is translated
            return None
        small = all(isinstance(value, (np.ndarray, np.generic)) and value.size <= _MAX_KNOWN for value in values)
        return values if small else None

    def _flattened(
        self,
        nodes: Mapping[str, Node],
        given: Mapping[str, Tensor],
        wanted: Sequence[Source],
        scope: str,
        depth: int,
    ) -> List[Tensor]:
        """Add the ops that tensors of a graph or function need, and return those tensors.

        `given`: argument of the function -> tensor.
        """
        if depth > MAX_CALLS:
            raise LimitError("functions that call each other too deeply", place=scope, wanted=MAX_CALLS)
        results: Dict[str, List[Tensor]] = {name: [tensor] for name, tensor in given.items()}

        def tensor(source: Source) -> Tensor:
            found = results[source.node]
            position = position_of(source, nodes[source.node].kind if source.node in nodes else None)
            if source.node in given or (source.node in nodes and nodes[source.node].kind in CALLS):
                if position >= len(found):
                    raise FormatError("a result that an op does not have", place=scope, found=source)
                return found[position]
            return Tensor(found[0].op, position)

        for node in in_order(nodes, {name: [] for name in given}, wanted, scope):
            inputs = tuple(tensor(source) for source in node.sources)
            if node.kind in CALLS:
                results[node.name] = self._called(node, inputs, scope, depth)
            else:
                self.ops.append(Op(scope + node.name, node, inputs))
                results[node.name] = [Tensor(len(self.ops) - 1, 0)]
            if len(self.ops) > MAX_NODES:
                raise LimitError("a serving function of too many ops", place=scope, wanted=MAX_NODES)
        return [tensor(source) for source in wanted]

    def _called(self, node: Node, inputs: Sequence[Tensor], scope: str, depth: int) -> List[Tensor]:
        function = self._model.functions.get(node.attribute("f"))
        if function is None or len(function.arguments) != len(inputs):
            raise FormatError("a call of a function that the SavedModel does not have", place=node.place)
        holder = node.name.rpartition("/")[0]
        inner = scope + (holder + "/" if holder else "")
        given = dict(zip(function.arguments, inputs))
        return self._flattened(function.nodes, given, [source for _, source in function.results], inner, depth + 1)
