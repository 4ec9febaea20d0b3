"""What Keras 2 stores about the objects of a SavedModel: a JSON document for each, by the path of attributes to it.

Since TensorFlow 2.5 it is a file of its own, `keras_metadata.pb` (keras/protobuf/saved_metadata.proto); before, it lies
in the graph of the objects (`SavedUserObject.metadata`).
"""

from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Tuple

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.format import strict_json
from bert_bundle.keras_files.saved_model import SavedModel
from bert_bundle.keras_files.wire import Message

FILE_NAME = "keras_metadata.pb"
ROOT = "root"
MAX_OBJECTS = 1_000_000
MAX_BYTES = 256 << 20


def read(folder: Path, model: SavedModel) -> Dict[str, Mapping[str, Any]]:
    """Return path of an object, such as `root.layer_with_weights-0.bert`, -> its metadata."""
    path = folder / FILE_NAME
    if not path.exists():
        return {
            place: parsed for place, text in _in_objects(model.objects) for parsed in [_parsed(text, place)] if parsed
        }
    if path.stat().st_size > MAX_BYTES:
        raise LimitError("metadata that is too large", place=FILE_NAME, wanted=MAX_BYTES)
    nodes = Message(path.read_bytes(), FILE_NAME).messages(1)
    return {node.text(3): _parsed(node.text(5), "{} {}".format(FILE_NAME, node.text(3))) for node in nodes}


def flags(metadata: Mapping[str, Mapping[str, Any]]) -> Dict[str, bool]:
    """Return names of an object and of those that hold it, joined by slashes, -> its flag `trainable`."""
    found: Dict[str, bool] = {}
    names: Dict[str, str] = {ROOT: ""}
    for path in sorted(metadata, key=lambda path: path.count(".")):
        if path == ROOT or "trainable" not in metadata[path] or path.startswith("root.keras_api"):
            continue
        holder = path.rpartition(".")[0]
        while holder and holder not in names:
            holder = holder.rpartition(".")[0]
        if not holder:
            raise FormatError("metadata of an object outside of the model", place=FILE_NAME, found=path)
        names[path] = (names[holder] + "/" if names[holder] else "") + str(metadata[path].get("name"))
        found.setdefault(names[path], bool(metadata[path]["trainable"]))
    return found


def _in_objects(objects: Message) -> Iterator[Tuple[str, str]]:
    """Yield (path, metadata) of the objects that have some, the nearest to the root first."""
    nodes = objects.messages(1)
    reached = {0: ROOT}
    queue = [0] if nodes else []
    while queue:
        number = queue.pop(0)
        text = nodes[number].message(4).text(3)
        if text:
            yield reached[number], text
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
