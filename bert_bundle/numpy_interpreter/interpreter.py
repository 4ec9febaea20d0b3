"""Compute a signature of a SavedModel: nodes in order, each by its entry in one closed table of ops.

An op that is not in the table is refused before anything is computed, so nothing can happen but arithmetic. In float64
the variables and the constants of the graph are widened, and every op that names float32 computes in float64.
"""

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import FormatError, LimitError, UnsafeError
from bert_bundle.keras_files.graph_nodes import Node, Source
from bert_bundle.keras_files.malformed import malformed
from bert_bundle.keras_files.saved_model import SERVING, SavedModel

MAX_CALLS = 64  # functions that call each other
Values = List[Any]  # the results of a node: arrays, handles of variables (`Handle`) or lists of arrays
Rule = Callable[["Interpreter", Node, Sequence[Any]], Values]


@dataclass(frozen=True)
class Handle:
    """A variable: its full name."""

    name: str


class Interpreter:
    """Computes the functions of one SavedModel. `variables`: full name -> array; `rules`: kind of op -> its rule."""

    def __init__(
        self,
        model: SavedModel,
        variables: Mapping[str, np.ndarray],
        rules: "Mapping[str, Rule]",
        *,
        float64: bool = False,
    ) -> None:
        self._model, self._rules = model, rules
        self._float64 = float64
        self._depth = 0
        self._variables = variables

    def run(self, inputs: Mapping[str, np.ndarray], signature: str = SERVING) -> Dict[str, np.ndarray]:
        """Return the outputs of a signature by name, from its inputs by name.

        Raises UnsafeError for an op outside of the table, FormatError for a graph that is not whole.
        """
        served = self._model.signature(signature)
        missing = sorted(set(served.inputs) - set(inputs))
        if missing:
            raise FormatError("an input of the signature is missing", place=signature, wanted=", ".join(missing))
        with malformed("an input of the signature that is not an array of numbers", signature):
            given = {
                endpoint.node: [self.widened(np.asarray(inputs[name]).astype(endpoint.dtype))]
                for name, endpoint in served.inputs.items()
            }
        for node, full_name in self._model.variables.items():
            given[node] = [Handle(full_name)]
        wanted = [Source(endpoint.node, endpoint.position) for endpoint in served.outputs.values()]
        results = self._computed("signature " + signature, self._model.nodes, given, wanted)
        return dict(zip(served.outputs, results))

    def call(self, name: str, arguments: Sequence[Any]) -> Values:
        """Return the results of a function of the graph. Raises FormatError for one that is not there."""
        function = self._model.functions.get(name)
        if function is None:
            raise FormatError("a call of a function that the SavedModel does not have", place=name)
        if len(arguments) != len(function.arguments):
            raise FormatError(
                "a call with another number of arguments",
                place=name,
                wanted=len(function.arguments),
                found=len(arguments),
            )
        self._depth += 1
        try:
            if self._depth > MAX_CALLS:
                raise LimitError("functions that call each other too deeply", place=name, wanted=MAX_CALLS)
            given = {argument: [value] for argument, value in zip(function.arguments, arguments)}
            return self._computed(name, function.nodes, given, [source for _, source in function.results])
        finally:
            self._depth -= 1

    def apply(self, node: Node, operands: Sequence[Any]) -> Values:
        """Return the results of one node. Raises FormatError for operands that do not fit its op."""
        return _checked(self._rules[node.kind], self, node, operands)

    def variable(self, handle: Any, node: Node) -> np.ndarray:
        """Return the value of the variable of a handle."""
        if not isinstance(handle, Handle) or handle.name not in self._variables:
            raise FormatError("a variable without a value", place=node.place, found=getattr(handle, "name", handle))
        value: np.ndarray = self.widened(self._variables[handle.name])
        return value

    def widened(self, value: Any) -> Any:
        """Return an array in the precision of this computation."""
        if self._float64 and getattr(value, "dtype", None) in (np.float32, np.float16):
            return value.astype(np.float64)
        return value

    def dtype(self, name: str) -> np.dtype:
        """Return the dtype to compute in where the graph names one."""
        return np.dtype("float64" if self._float64 and name in ("float32", "float16", "half") else name)

    def _computed(
        self, place: str, nodes: Mapping[str, Node], given: Dict[str, Values], wanted: Sequence[Source]
    ) -> Values:
        """Return tensors of a graph or function whose inputs are given. Results are dropped after their last use."""
        order = in_order(nodes, given, wanted, place)
        for node in order:
            if node.kind not in self._rules:
                raise UnsafeError(
                    "an op that a rescue does not compute",
                    place=node.place,
                    found="tf.raw_ops." + node.kind,
                    fix="give what the original predicted as a reference",
                )
        uses: Dict[str, int] = {}
        for source in [*(s for node in order for s in node.sources), *wanted]:
            uses[source.node] = uses.get(source.node, 0) + 1
        values = dict(given)

        def take(source: Source, kind: Optional[str], by: str) -> Any:
            found = _result(values[source.node], source, kind, by)
            uses[source.node] -= 1
            if not uses[source.node]:
                del values[source.node]
            return found

        def kind_of(source: Source) -> Optional[str]:
            return nodes[source.node].kind if source.node in nodes else None

        for node in order:
            operands = [take(source, kind_of(source), node.place) for source in node.sources]
            values[node.name] = self.apply(node, operands)
            if not uses.get(node.name):
                del values[node.name]
        return [take(source, kind_of(source), place) for source in wanted]


_SEVERAL = {  # kinds with several results that have names -> the position of each
    "FusedBatchNormV3": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"),
    "TopKV2": ("values", "indices"),
}


def position_of(source: Source, kind: Optional[str]) -> int:
    """Return which result of a node of that kind a source is; in a function it is named after what it belongs to."""
    names = _SEVERAL.get(kind or "", ())
    return source.position + (names.index(source.result) if source.result in names else 0)


def _result(values: Values, source: Source, kind: Optional[str], place: str) -> Any:
    """Return one result of a node."""
    position = position_of(source, kind)
    if position >= len(values):
        raise FormatError("a result that an op does not have", place=place, found=source)
    return values[position]


def _checked(rule: Rule, interpreter: Interpreter, node: Node, operands: Sequence[Any]) -> Values:
    """Return the results of a node. Raises FormatError with the node for operands that do not fit its op."""
    with malformed("an op whose inputs do not fit", node.place), np.errstate(all="ignore"):
        return rule(interpreter, node, operands)
    raise AssertionError("malformed() raises or passes")


def in_order(
    nodes: Mapping[str, Node], given: Mapping[str, Values], wanted: Sequence[Source], place: str
) -> Sequence[Node]:
    """Return the nodes that are needed, each after those that it uses. Raises FormatError for a cycle."""
    order: List[Node] = []
    begun: Dict[str, bool] = dict.fromkeys(given, True)  # name -> whether it is done
    for source in wanted:
        stack: List[Tuple[str, Optional[Iterator[Source]]]] = [(source.node, None)]
        while stack:
            name, inputs = stack.pop()
            if inputs is None:
                if begun.get(name):
                    continue
                if name not in nodes:
                    raise FormatError("a node that the graph does not have", place=place, wanted=name)
                if name in begun:
                    raise FormatError("nodes that use each other in a cycle", place=place, found=name)
                begun[name] = False
                inputs = iter(nodes[name].sources)
            following = next(inputs, None)
            if following is None:
                begun[name] = True
                order.append(nodes[name])
            else:
                stack += [(name, inputs), (following.node, None)]
    return order
