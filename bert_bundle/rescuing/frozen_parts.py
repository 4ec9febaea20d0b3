"""Which parts of an encoder were frozen: read from the metadata of a SavedModel, or off the order of an HDF5 file.

Keras writes the trainable weights of a layer before the frozen ones, each group in the layer's own order. So where the
order of a file falls back once, what follows is frozen: that is how a file of a partly frozen encoder loads into
the wrong variables, and how it tells which they were. All or none of them look alike.
"""

from typing import Dict, List, Mapping, Sequence, Set, Tuple

from bert_bundle.encoders import checkpoint_names
from bert_bundle.encoders.families import of_layer
from bert_bundle.encoders.families.family import EMBEDDINGS, TABLES
from bert_bundle.errors import FormatError
from bert_bundle.graph.graph import Graph, Layer
from bert_bundle.keras_files.stored_model import StoredModel

Flags = Dict[str, Tuple[bool, Dict[str, bool]]]  # folder -> its own flag, those of parts that differ from their holder


def flags(graph: Graph, stored: StoredModel, names: Mapping[str, Sequence[str]], findings: List[str]) -> Flags:
    """Return the flags of every encoder; what was found is added to `findings`. Raises FormatError."""
    found: Flags = {}
    for _, layer in graph.walk():
        if not layer.encoder:
            continue
        if stored.flags is not None:
            found[layer.encoder] = _from_metadata(layer, stored.flags)
        elif stored.in_order:
            found[layer.encoder] = (True, _from_order(layer, names[layer.encoder], stored.source))
        else:
            findings.append("{}: the file does not say which parts were frozen; all are trainable".format(layer.name))
            continue
        parts = sorted(path for path, flag in found[layer.encoder][1].items() if not flag)
        if parts:
            findings.append("{}: frozen when it was saved: {}".format(layer.name, ", ".join(parts)))
        elif stored.flags is None:
            findings.append("{}: all of it was trainable, or all of it was frozen; it is trainable".format(layer.name))
    return found


def _from_metadata(layer: Layer, stored: Mapping[str, bool]) -> Tuple[bool, Dict[str, bool]]:
    """Return an encoder's own flag, and those of its parts with weights that differ from their holder's."""
    own = stored.get(layer.name, True)
    inside = {name: flag for name, flag in stored.items() if name.startswith(layer.name + "/")}
    differing = {}
    for name, flag in inside.items():
        holder = name.rpartition("/")[0]
        while holder != layer.name and holder not in inside:
            holder = holder.rpartition("/")[0]
        if flag != (own if holder == layer.name else inside[holder]):
            differing[_part(name, layer)] = flag
    return own, differing


def _from_order(layer: Layer, names: Sequence[str], place: str) -> Dict[str, bool]:
    ranks = _ranks(layer, names)
    falls = [position for position in range(1, len(ranks)) if ranks[position] < ranks[position - 1]]
    if not falls:
        return {}
    if len(falls) > 1:
        raise FormatError(
            "the weights of an encoder in an order that Keras does not write",
            place="{} {}".format(place, layer.name),
            wanted="the order of the encoder, falling back at most once",
            found="{} times, first at {}".format(len(falls), names[falls[0]]),
        )
    trainable, frozen = names[: falls[0]], names[falls[0] :]
    kept = {prefix for name in trainable for prefix in _holders(name)}
    return {_part(path, layer): False for path in _outermost(frozen, kept)}


def _outermost(frozen: Sequence[str], kept: Set[str]) -> List[str]:
    """Return the outermost holders of frozen weights that hold no trainable one, in their order."""
    found: List[str] = []
    for name in frozen:
        path = next(prefix for prefix in _holders(name) if prefix not in kept)
        if path not in found:
            found.append(path)
    return found


def _holders(name: str) -> List[str]:
    """Return the paths of what holds a variable, the outermost first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def _ranks(layer: Layer, names: Sequence[str]) -> List[int]:
    """Return where each variable stands in the encoder's own order. The tables of embeddings come first, as one."""
    family = of_layer(layer.class_name, layer.config)
    modules: Dict[str, int] = {}
    keys = [checkpoint_names.to_pytorch(name, family)[0] for name in names]
    prefix = checkpoint_names.prefix(family)
    tables = tuple("{}{}.{}.".format(prefix, EMBEDDINGS, table) for table in TABLES)
    order = _module_order(layer, keys)
    for position, module in enumerate(order):
        modules[module] = position + 1
    return [
        0 if key.startswith(tables) else 2 * modules[key.rpartition(".")[0]] + key.endswith(".bias") for key in keys
    ]


def _module_order(layer: Layer, keys: Sequence[str]) -> List[str]:
    """Return the modules of an encoder in the order in which TensorFlow's class makes them."""
    family = of_layer(layer.class_name, layer.config)
    listed = [module.path for module in family.weights.block.modules.values()]
    numbers = {path: position for position, path in enumerate(listed)}

    def place(module: str) -> Tuple[int, int, int]:
        for path, position in numbers.items():
            if module.endswith("." + path):
                digits = [int(part) for part in module[: -len(path)].split(".") if part.isdigit()]
                return 1, digits[-1] if digits else 0, position
        return (0 if EMBEDDINGS + "." in module else 2), 0, 0

    return sorted(dict.fromkeys(key.rpartition(".")[0] for key in keys), key=place)


def _part(name: str, layer: Layer) -> str:
    """Return the path of a part of an encoder: `tf_bert_model/bert/pooler` -> `bert.pooler`."""
    return checkpoint_names.layer_path(name.split(layer.name + "/", 1)[-1])
