"""The nodes and functions of a TensorFlow graph, from `GraphDef` and `FunctionDefLibrary`."""

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.keras_files import tensor_protos
from bert_bundle.keras_files.wire import Message

MAX_NODES = 1_000_000  # of a graph or function

_SCALARS = {
    2: "text",
    3: "int",
    4: "float",
    5: "flag",
    6: "dtype",
    7: "shape",
    8: "tensor",
    9: "placeholder",
    10: "function",
}
# Attributes that a SavedModel leaves out because they have the default of their op (from TensorFlow's op definitions).
_DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys("transpose_a transpose_b adj_x adj_y keep_dims exclusive reverse".split(), False),
    **{name + "_mask": 0 for name in "begin end ellipsis new_axis shrink_axis".split()},
    "axis": 0,
    "batch_dims": 0,
    "data_format": "NHWC",
    "dilations": (1, 1, 1, 1),
    "alpha": 0.2,  # of LeakyRelu
    "epsilon": 1e-4,  # of FusedBatchNormV3
    "is_training": True,
    "out_type": "int32",
    "output_type": "int64",
    "batch_dim": 0,
    "shared_name": "",
    "squeeze_dims": (),
}
_DEFAULTS_OF: Mapping[Tuple[str, str], Any] = {("OneHot", "axis"): -1}


@dataclass(frozen=True)
class Source:
    """A tensor that a node receives: of the node of that name, and which of its results.

    In a graph that is a position. In a function it is the name of a result and a position within it; an argument of the
    function has neither.
    """

    node: str
    position: int = 0
    result: str = ""


class Node:
    """One op: its name, its kind (`MatMul`), what it receives in order, and its attributes."""

    def __init__(self, message: Message, place: str) -> None:
        """Read a `NodeDef`. Raises FormatError with the node."""
        self.name, self.kind = message.text(1), message.text(2)
        self.place = "{} node {}".format(place, self.name)
        self.sources = tuple(_source(text, self.place) for text in message.texts(3) if not text.startswith("^"))
        self._attributes = message.map(5)

    def attribute(self, name: str) -> Any:
        """Return an attribute as plain data, a dtype by its name; the default if it was left out.

        Raises FormatError if it has none.
        """
        if name in self._attributes:
            return _value(self._attributes[name].message(2), self.place + " attribute " + name)
        default = _DEFAULTS_OF.get((self.kind, name), _DEFAULTS.get(name))
        if default is None:
            raise FormatError("an op without an attribute that it needs", place=self.place, wanted=name)
        return default

    def __repr__(self) -> str:
        return "<{} {}>".format(self.kind, self.name)


@dataclass(frozen=True)
class Function:
    """A function of the graph: its arguments in order, its nodes by name, its results as (name, tensor) in order."""

    name: str
    arguments: Tuple[str, ...]
    nodes: Mapping[str, Node]
    results: Tuple[Tuple[str, Source], ...]


def nodes_of(messages: Iterable[Message], place: str) -> Dict[str, Node]:
    """Return nodes by name. Raises FormatError for a name that is there twice, LimitError for too many."""
    nodes: Dict[str, Node] = {}
    for message in messages:
        node = Node(message, place)
        if node.name in nodes:
            raise FormatError("two nodes of one name", place=node.place)
        nodes[node.name] = node
        if len(nodes) > MAX_NODES:
            raise LimitError("a graph of too many nodes", place=place, wanted=MAX_NODES)
    return nodes


def functions_of(library: Message) -> Dict[str, Function]:
    """Return the functions of a `FunctionDefLibrary` by name."""
    functions: Dict[str, Function] = {}
    for message in library.messages(1):
        function = _function(message)
        if function.name in functions:
            raise FormatError("two functions of one name", place=function.name)
        functions[function.name] = function
    return functions


def _function(message: Message) -> Function:
    signature = message.message(1)
    name = signature.text(1)
    returns = {key: entry.text(2) for key, entry in message.map(4).items()}
    results: List[Tuple[str, Source]] = []
    for result in (argument.text(1) for argument in signature.messages(3)):
        if result not in returns:
            raise FormatError("a result that no node of the function gives", place=name, wanted=result)
        results.append((result, _source(returns[result], name)))
    arguments = tuple(argument.text(1) for argument in signature.messages(2))
    return Function(name, arguments, nodes_of(message.messages(3), name), tuple(results))


def _source(text: str, place: str) -> Source:
    node, _, rest = text.partition(":")
    result, _, position = rest.rpartition(":")
    if (position and not position.isdigit()) or len(position) > 6:
        raise FormatError("not the name of a tensor", place=place, found=text)
    return Source(node, int(position or 0), result)


def _value(message: Message, place: str) -> Any:
    """Return an `AttrValue` as plain data."""
    if 1 in message:
        return _list(message.message(1), place)
    for number, kind in _SCALARS.items():
        if number in message:
            return _scalar(message, number, kind, place)
    return ()  # an empty list is written as nothing


def _scalar(message: Message, number: int, kind: str, place: str) -> Any:
    if kind == "text":
        return message.blob(number).decode("utf-8", "backslashreplace")
    if kind in ("int", "flag"):
        return message.integer(number) if kind == "int" else bool(message.integer(number))
    if kind == "float":
        return message.float(number)
    if kind == "dtype":
        return _dtype_name(message.integer(number))
    if kind == "shape":
        return tensor_protos.shape_of(message.message(number))
    if kind == "tensor":
        return tensor_protos.constant(Message(message.blob(number), place))
    if kind == "function":
        return message.message(number).text(1)
    raise FormatError("an attribute that is not a value", place=place, found=kind)


def _list(message: Message, place: str) -> Tuple[Any, ...]:
    for number, kind in ((3, "int"), (5, "flag")):
        if number in message:
            return tuple(value if kind == "int" else bool(value) for value in message.integers(number))
    if 2 in message:
        return tuple(blob.decode("utf-8", "backslashreplace") for blob in message.blobs(2))
    if 6 in message:
        return tuple(_dtype_name(value) for value in message.integers(6))
    if 7 in message:
        return tuple(tensor_protos.shape_of(shape) for shape in message.messages(7))
    if 9 in message:
        return tuple(function.text(1) for function in message.messages(9))
    if 4 in message or 8 in message:
        raise FormatError("an attribute that is a list of floats or tensors", place=place)
    return ()


def _dtype_name(number: int) -> Optional[str]:
    dtype = tensor_protos.DTYPES.get(number)
    names = {tensor_protos.STRING: "string", tensor_protos.RESOURCE: "resource", tensor_protos.VARIANT: "variant"}
    return dtype.name if dtype else names.get(number, "DataType {}".format(number))
