"""What Keras 2 stores about the objects of a SavedModel: a JSON document for each, by the path of attributes to it.

Since TensorFlow 2.5 it is a file of its own, `keras_metadata.pb` (keras/protobuf/saved_metadata.proto); before, it lies
in the graph of the objects (`SavedUserObject.metadata`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.format import strict_json
from bert_bundle.keras_files.saved_model import SavedModel
from bert_bundle.keras_files.wire import Message

FILE_NAME = "keras_metadata.pb"
ROOT = "root"
MAX_OBJECTS = 1_000_000
MAX_BYTES = 256 << 20

# Attributes by which Keras holds variables once more, and those of training.
_OF_KERAS = frozenset(
    "variables trainable_variables non_trainable_variables regularization_losses keras_api layers metrics optimizer "
    "layer_metrics layer_regularization_losses losses signatures".split()
)


@dataclass(frozen=True)
class KerasObject:
    """A model, layer or other object of Keras in a SavedModel.

    path       the attributes that lead to it, such as `root.layer_with_weights-0.bert`
    metadata   its JSON document
    names      its name and those of the objects that hold it, joined by slashes; empty for the model itself
    variables  attributes that lead to a variable of its own, joined by dots -> the variable's full name
    frozen     the full names of those that were made with `trainable=False`
    """

    path: str
    metadata: Mapping[str, Any]
    names: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    frozen: Tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name that Keras knows it by."""
        return str(self.metadata.get("name"))

    @property
    def class_name(self) -> str:
        """Return its class, without the package that it is registered in: `Custom>TFBertMainLayer`."""
        return str(self.metadata.get("class_name")).rpartition(">")[2]

    @property
    def trainable(self) -> bool:
        """Return its flag `trainable`."""
        return bool(self.metadata.get("trainable", True))

    @property
    def config(self) -> Mapping[str, Any]:
        """Return its configuration, empty if it was saved without one."""
        config = self.metadata.get("config")
        return config if isinstance(config, dict) and "layer was saved without config" not in config else {}


def read(folder: Path, model: SavedModel) -> Dict[str, KerasObject]:
    """Return the objects of Keras by path, a holder before what it holds. Raises FormatError or LimitError."""
    path = folder / FILE_NAME
    if path.exists():
        if path.stat().st_size > MAX_BYTES:
            raise LimitError("metadata that is too large", place=FILE_NAME, wanted=MAX_BYTES)
        nodes = Message(path.read_bytes(), FILE_NAME).messages(1)
        documents = [
            (node.text(3), node.integer(2), _parsed(node.text(5), "{} {}".format(FILE_NAME, node.text(3))))
            for node in nodes
        ]
    else:
        documents = [(place, number, _parsed(text, place)) for place, number, text in _in_objects(model.objects)]
    return _objects([found for found in documents if found[2]], model.objects)


def flags(objects: Mapping[str, KerasObject]) -> Dict[str, bool]:
    """Return names of an object and of those that hold it, joined by slashes, -> its flag `trainable`."""
    found: Dict[str, bool] = {}
    for each in objects.values():
        if each.names and "trainable" in each.metadata:
            found.setdefault(each.names, each.trainable)
    return found


def encoder_config(objects: Iterable[KerasObject], path: str) -> Optional[Mapping[str, Any]]:
    """Return the configuration of transformers of the encoder at a path, None if it was saved without one.

    Its main layer has one, also where the encoder itself does not: up to transformers 4.12.
    """
    for found in objects:
        if found.path == path or found.path.startswith(path + "."):
            config = found.config.get("config", found.config)
            if isinstance(config, Mapping) and "model_type" in config:
                return config
    return None


def _objects(documents: List[Tuple[str, int, Mapping[str, Any]]], graph: Message) -> Dict[str, KerasObject]:
    nodes = graph.messages(1)
    numbers = frozenset(number for _, number, _ in documents)
    found: Dict[str, KerasObject] = {}
    for path, number, metadata in sorted(documents, key=lambda document: document[0].count(".")):
        if path.startswith(ROOT + ".keras_api"):
            continue
        holder = path.rpartition(".")[0]
        while holder and holder not in found:
            holder = holder.rpartition(".")[0]
        if not holder and path != ROOT:
            raise FormatError("metadata of an object outside of the model", place=FILE_NAME, found=path)
        above = found[holder].names + "/" if holder and found[holder].names else ""
        names = above + str(metadata.get("name")) if holder else ""
        own = dict(_variables(nodes, number, numbers))
        variables = {attribute: variable.text(6) for attribute, variable in own.items()}
        frozen = tuple(variable.text(6) for variable in own.values() if not variable.integer(3))
        found[path] = KerasObject(path, metadata, names, variables, frozen)
    return found


def _variables(nodes: List[Message], start: int, objects: FrozenSet[int]) -> Iterator[Tuple[str, Message]]:
    """Yield (attributes, `SavedVariable`) of what an object holds itself, not by another object of Keras."""
    reached = {start}
    queue = [("", start)]
    while queue:
        path, number = queue.pop(0)
        if not 0 <= number < len(nodes):
            raise FormatError("an object that the SavedModel does not have", place=FILE_NAME, found=number)
        if 7 in nodes[number]:
            yield path, nodes[number].message(7)
            continue
        for child in nodes[number].messages(1):
            target, attribute = child.integer(1), child.text(2)
            if target not in reached and target not in objects and attribute not in _OF_KERAS:
                reached.add(target)
                queue.append((path + "." + attribute if path else attribute, target))


def _in_objects(objects: Message) -> Iterator[Tuple[str, int, str]]:
    """Yield (path, number, metadata) of the objects that have some, the nearest to the root first."""
    nodes = objects.messages(1)
    reached = {0: ROOT}
    queue = [0] if nodes else []
    while queue:
        number = queue.pop(0)
        text = nodes[number].message(4).text(3)
        if text:
            yield reached[number], number, text
        for child in nodes[number].messages(1):
            target = child.integer(1)
            if not 0 <= target < min(len(nodes), MAX_OBJECTS):
                raise FormatError("an object that the SavedModel does not have", place=reached[number], found=target)
            if target not in reached:
                reached[target] = "{}.{}".format(reached[number], child.text(2))
                queue.append(target)


def _parsed(text: str, place: str) -> Mapping[str, Any]:
    document = strict_json.parse(text.encode("utf-8"), place)
    return document if isinstance(document, dict) else {}
