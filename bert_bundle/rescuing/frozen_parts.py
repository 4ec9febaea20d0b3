"""Which parts of an encoder were frozen: read from the metadata of a SavedModel, or from the order of an HDF5 file.

Keras writes the trainable weights of a layer before the frozen ones, each group in the order of the layer. So where the
order of a file falls back once, what follows is frozen: that is how a file of a partly frozen encoder loads into
the wrong variables, and how it tells which they were. If none, all or only the last parts are frozen, it does not.
"""

from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple

from bert_bundle.encoders import checkpoint_names
from bert_bundle.encoders.families import of_layer
from bert_bundle.encoders.families.family import EMBEDDINGS, TABLES
from bert_bundle.errors import FormatError
from bert_bundle.graph.graph import Graph, Layer
from bert_bundle.keras_files.stored_model import StoredModel

_NONE_SEEN = (
    "the order of the weights shows no frozen parts, and would not if all or only the last were frozen; "
    "all are trainable"
)

Flags = Dict[str, Tuple[bool, Dict[str, bool]]]  # folder -> its own flag, those of parts that differ from their holder


def flags(
    graph: Graph,
    configs: Mapping[str, Mapping[str, Any]],
    stored: StoredModel,
    names: Mapping[str, Sequence[str]],
    findings: List[str],
) -> Flags:
    """Return the flags of every encoder; what was found is added to `findings`.

    `names`: folder of an encoder -> full names of its variables in the order of the file. Raises FormatError for an
    order that Keras does not write.
    """
    found: Flags = {}
    for _, layer in graph.walk():
        if not layer.encoder:
            continue
        if stored.flags is not None:
            found[layer.encoder] = _from_metadata(layer, stored.flags)
        elif stored.in_order:
            found[layer.encoder] = (
                True,
                _from_order(layer, configs[layer.encoder], names[layer.encoder], stored.source),
            )
        else:
            findings.append("{}: the file does not say which parts were frozen; all are trainable".format(layer.name))
            continue
        parts = sorted(path for path, flag in found[layer.encoder][1].items() if not flag)
        if parts:
            findings.append("{}: frozen when it was saved: {}".format(layer.name, ", ".join(parts)))
        elif stored.flags is None:
            findings.append("{}: {}".format(layer.name, _NONE_SEEN))
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


def _from_order(layer: Layer, config: Mapping[str, Any], names: Sequence[str], place: str) -> Dict[str, bool]:
    ranks = _ranks(layer, config, names)
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


def _ranks(layer: Layer, config: Mapping[str, Any], names: Sequence[str]) -> List[int]:
    """Return the rank of each variable in the order of the encoder; all tables of embeddings have one."""
    family = of_layer(layer.class_name, layer.config)
    order = list(checkpoint_names.shapes(config, pooler=family.has_pooler))
    prefix = checkpoint_names.prefix(family) + EMBEDDINGS + "."
    tables = tuple(prefix + table + "." for table in TABLES)
    last = len(order) if family.weights.embeddings_last else 0
    ranks = {
        name: (last if name.startswith(prefix) else 0) + (0 if name.startswith(tables) else position)
        for position, name in enumerate(order)
    }
    return [ranks[checkpoint_names.to_pytorch(name, family)[0]] for name in names]


def _part(name: str, layer: Layer) -> str:
    """Return the path of a part of an encoder: `tf_bert_model/bert/pooler` -> `bert.pooler`."""
    return checkpoint_names.layer_path(name.split(layer.name + "/", 1)[-1])
