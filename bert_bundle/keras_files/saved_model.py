"""A SavedModel folder: its graph and functions, signatures, variables and objects. Nothing in it is executed.

The numbers of fields are those of tensorflow/core/protobuf/saved_model.proto, meta_graph.proto,
saved_object_graph.proto and of tensorflow/core/framework/graph.proto and function.proto.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.format import model_kinds
from bert_bundle.keras_files import tensor_protos
from bert_bundle.keras_files.graph_nodes import Function, Node, functions_of, nodes_of
from bert_bundle.keras_files.wire import Message

FILE_NAME = model_kinds.MODEL_FILE
VARIABLES = "variables/variables"  # the prefix of the checkpoint
SERVING = "serving_default"
MAX_BYTES = 1 << 31  # the most that a protocol buffer may have


@dataclass(frozen=True)
class Endpoint:
    """An input or output of a signature: the tensor `node:position`, its dtype by name, its shape with -1 for any."""

    node: str
    position: int
    dtype: str
    shape: Optional[Tuple[int, ...]]


@dataclass(frozen=True)
class Signature:
    """A signature by which a SavedModel is served: inputs and outputs by name."""

    inputs: Mapping[str, Endpoint]
    outputs: Mapping[str, Endpoint]


@dataclass(frozen=True)
class SavedModel:
    """What a SavedModel consists of, its variables apart: they are in a checkpoint, under `variables`.

    `variables`   name of a node that is the handle of a variable -> the variable's full name
    `objects`     the graph of the objects that were saved (`SavedObjectGraph`)
    """

    tensorflow: str
    nodes: Mapping[str, Node]
    functions: Mapping[str, Function]
    signatures: Mapping[str, Signature]
    variables: Mapping[str, str]
    objects: Message

    def signature(self, name: str = SERVING) -> Signature:
        """Return a signature. Raises FormatError if there is none of that name."""
        if name not in self.signatures:
            raise FormatError(
                "a SavedModel without that signature",
                place=FILE_NAME,
                wanted=name,
                found=", ".join(sorted(self.signatures)) or "none",
            )
        return self.signatures[name]


def read(folder: Path) -> SavedModel:
    """Read `folder/saved_model.pb`. Raises FormatError or LimitError."""
    path = folder / FILE_NAME
    if path.stat().st_size > MAX_BYTES:
        raise LimitError("a SavedModel that is too large", place=FILE_NAME, wanted=MAX_BYTES)
    return parse(path.read_bytes())


def parse(data: bytes) -> SavedModel:
    """Return the SavedModel of the bytes of its file. Raises FormatError, also for several graphs or assets."""
    graphs = Message(data, FILE_NAME).messages(2)
    if len(graphs) != 1:
        raise FormatError("a SavedModel of one graph is needed", place=FILE_NAME, wanted=1, found=len(graphs))
    meta = graphs[0]
    if meta.messages(6):
        raise FormatError("a SavedModel with assets", place=FILE_NAME, found="files that a layer reads")
    graph = meta.message(2)
    nodes = nodes_of(graph.messages(1), FILE_NAME)
    return SavedModel(
        tensorflow=meta.message(1).text(5),
        nodes=nodes,
        functions=functions_of(graph.message(2)),
        signatures={name: _signature(entry.message(2)) for name, entry in meta.map(5).items()},
        variables={
            name: str(node.attribute("shared_name") or name)
            for name, node in nodes.items()
            if node.kind == "VarHandleOp"
        },
        objects=meta.message(7),
    )


def _signature(message: Message) -> Signature:
    return Signature(_endpoints(message, 1), _endpoints(message, 2))


def _endpoints(message: Message, number: int) -> Dict[str, Endpoint]:
    return {name: _endpoint(entry.message(2)) for name, entry in message.map(number).items()}


def _endpoint(message: Message) -> Endpoint:
    node, _, position = message.text(1).partition(":")
    dtype = tensor_protos.DTYPES.get(message.integer(2))
    return Endpoint(
        node,
        int(position) if position.isdigit() else 0,
        dtype.name if dtype else "",
        tensor_protos.shape_of(message.message(3)),
    )
