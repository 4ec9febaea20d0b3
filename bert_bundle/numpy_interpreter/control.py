"""The ops that call functions, read variables, loop, and hold lists of arrays."""

from typing import Any, Dict, List, Sequence

import numpy as np

from bert_bundle.errors import LimitError
from bert_bundle.numpy_interpreter.interpreter import Interpreter, Rule

MAX_STEPS = 100_000  # of a loop: the tokens of a text, or its layers


def _call(interpreter: Interpreter, node: Any, x: Sequence[Any]) -> Any:
    return interpreter.call(node.attribute("f"), x)


def _while(interpreter: Interpreter, node: Any, x: Sequence[Any]) -> Any:
    state = list(x)
    for _ in range(MAX_STEPS):
        if not bool(interpreter.call(node.attribute("cond"), state)[0]):
            return state
        state = interpreter.call(node.attribute("body"), state)
    raise LimitError("a loop that does not end", place=node.place, wanted="{} steps".format(MAX_STEPS))


def _if(interpreter: Interpreter, node: Any, x: Sequence[Any]) -> Any:
    return interpreter.call(node.attribute("then_branch" if bool(x[0]) else "else_branch"), x[1:])


def _case(interpreter: Interpreter, node: Any, x: Sequence[Any]) -> Any:
    branches = node.attribute("branches")
    index = int(x[0])
    return interpreter.call(branches[index if 0 <= index < len(branches) else -1], x[1:])


def _reserve(interpreter: Interpreter, node: Any, x: Sequence[Any]) -> Any:
    if int(x[1]) > MAX_STEPS:
        raise LimitError("a list that is too long", place=node.place, wanted=MAX_STEPS, found=int(x[1]))
    return [[None] * int(x[1])]


def _set_item(interpreter: Interpreter, node: Any, x: Sequence[Any]) -> Any:
    items: List[Any] = list(x[0])
    items[int(x[1])] = x[2]
    return [items]


RULES: Dict[str, Rule] = {
    "Case": _case,
    "Const": lambda i, node, x: [i.widened(node.attribute("value"))],
    "EnsureShape": lambda i, node, x: [x[0]],
    "CheckNumerics": lambda i, node, x: [x[0]],
    "Identity": lambda i, node, x: [x[0]],
    "IdentityN": lambda i, node, x: list(x),
    "If": _if,
    "PartitionedCall": _call,
    "PreventGradient": lambda i, node, x: [x[0]],
    "ReadVariableOp": lambda i, node, x: [i.variable(x[0], node)],
    "Snapshot": lambda i, node, x: [x[0]],
    "StatefulPartitionedCall": _call,
    "StatelessCase": _case,
    "StatelessIf": _if,
    "StatelessWhile": _while,
    "StopGradient": lambda i, node, x: [x[0]],
    "TensorListFromTensor": lambda i, node, x: [list(x[0])],
    "TensorListGetItem": lambda i, node, x: [x[0][int(x[1])]],
    "TensorListLength": lambda i, node, x: [np.array(len(x[0]), np.int32)],
    "TensorListReserve": _reserve,
    "TensorListSetItem": _set_item,
    "TensorListStack": lambda i, node, x: [np.stack(x[0])],
    "VariableShape": lambda i, node, x: [np.array(i.variable(x[0], node).shape, node.attribute("out_type"))],
    "While": _while,
}
