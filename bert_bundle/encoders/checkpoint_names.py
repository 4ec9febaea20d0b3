"""Names and layouts of encoder weights: TensorFlow's <-> PyTorch's, which are those of the Hugging Face checkpoint.

The rule is that of transformers' own conversion: `layer_._3` is `layer.3`, a kernel is a transposed weight, gamma and
beta are weight and bias, an embedding table is a weight. Shapes are derived from the configuration alone. Does not
know one family from another: what the modules are is data of the `Family`.
"""

import re
from typing import Any, Dict, FrozenSet, Iterator, Mapping, Tuple

from bert_bundle.encoders.configuration import classes, of_config, standard
from bert_bundle.encoders.families.family import EMBEDDINGS, LABELS, TABLES, Family, Module
from bert_bundle.errors import FormatError, ModelError

_NUMBER = re.compile(r"(?<=\.)[0-9]+(?=\.|$)")
_COUNTED = re.compile(r"_[0-9]+\Z")
_LAST = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "embeddings": "weight",
    "weight": "weight",
    "bias": "bias",
}


def prefix(family: Family) -> str:
    """Return what precedes an encoder's names in a checkpoint of this class: `bert.` under a head, else nothing."""
    return family.weights.prefix + "." if family.head else ""


def to_pytorch(name: str, family: Family) -> Tuple[str, bool]:
    """Return (PyTorch name, whether the array is transposed) of a TensorFlow variable's name, whatever precedes it.

    `x/bert/encoder/layer_._0/output/dense/kernel:0` -> ("encoder.layer.0.output.dense.weight", True). Under a head, a
    name of the encoder has the family's prefix, a name of the head has none. Raises ModelError for a name of neither.
    """
    path, _, last = layer_path(name.split(":")[0]).rpartition(".")
    path = renamed(path, family)
    parts, known = path.split("."), _known(family)
    for start in range(len(parts)):
        module = ".".join(parts[start:])
        if last in _LAST and _unnumbered(module) in known:
            return _in_checkpoint(module, family) + "." + _LAST[last], last == "kernel"
    raise ModelError("an encoder's variable that a checkpoint does not name", place=name)


def layer_path(path: str) -> str:
    """Return a path of layer names as PyTorch writes it: `encoder/layer_._0/output` -> `encoder.layer.0.output`."""
    return path.replace("_._", ".").replace("/", ".")


def renamed(path: str, family: Family) -> str:
    """Return a path as PyTorch writes it with PyTorch's name at its end, where TensorFlow's class has another.

    A name that TensorFlow made, because the class has none, ends in a number.
    """
    plain = _COUNTED.sub("", path)
    for end, own in family.weights.renamed.items():
        if ("." + plain).endswith("." + end):
            return plain[: len(plain) - len(end)] + own
    return path


def tensorflow_path(path: str) -> str:
    """Return a path of modules as TensorFlow writes it: `encoder.layer.0.output` -> `encoder/layer_._0/output`."""
    return re.sub(r"\.(?![0-9]+(?:\.|$))", "/", path).replace(".", "_._")


def shapes(config: Mapping[str, Any], *, pooler: bool = True) -> Dict[str, Tuple[int, ...]]:
    """Return PyTorch name -> shape of every weight of the class that a canonical configuration names.

    `pooler`: whether an encoder has the pooler of its family.
    """
    family, sizes = of_config(config), {**standard(config), LABELS: classes(config)}
    family = family if pooler else family.without_pooler()
    result: Dict[str, Tuple[int, ...]] = {}
    for module in _modules(family, sizes):
        name, shape = _in_checkpoint(module.path, family), module.shape(sizes)
        result.update({name + ".weight": shape} if shape else {})
        result.update({name + ".bias": shape[:1]} if shape and module.bias else {})
    return result


def check_shapes(
    config: Mapping[str, Any], found: Mapping[str, Tuple[int, ...]], place: str, *, pooler: bool = True
) -> None:
    """Raise FormatError unless `found` (name -> shape) is exactly what the configuration requires."""
    wanted = shapes(config, pooler=pooler)
    for name in sorted(set(wanted) | set(found)):
        if wanted.get(name) != found.get(name):
            raise FormatError(
                "an encoder's tensor does not fit its configuration",
                place="{} tensor {}".format(place, name),
                wanted=wanted.get(name, "no such tensor"),
                found=found.get(name, "no such tensor"),
            )


def _modules(family: Family, sizes: Mapping[str, Any]) -> Iterator[Module]:
    """Yield every module of an encoder of these sizes, its head's included, and those that have a size of 0."""
    weights = family.weights
    for table, rows in TABLES.items():
        yield Module("{}.{}".format(EMBEDDINGS, table), (rows, "embedding_size"), bias=False)
    yield weights.embeddings_norm
    if weights.projects(sizes):
        yield Module(weights.projection, ("hidden_size", "embedding_size"))
    yield from weights.beside_blocks()
    for number in range(sizes[weights.block_count]):
        for module in weights.block.modules.values():
            path = "{}.{}".format(weights.blocks.format(number), module.path)
            yield Module(path, module.sizes, module.bias)
    if family.has_pooler:
        yield Module(weights.pooler, ("hidden_size", "hidden_size"))
    if family.head:
        for dense in family.heads[family.head].layers:
            yield Module(dense.path, (dense.outputs, "hidden_size"))


def _known(family: Family) -> FrozenSet[str]:
    """Return every path of a module that some class of the family has, with `*` for a number."""
    weights = family.weights
    return frozenset(
        [
            *("{}.{}".format(EMBEDDINGS, table) for table in TABLES),
            weights.embeddings_norm.path,
            *filter(None, (weights.projection, weights.pooler)),
            *(module.path for module in weights.beside_blocks()),
            *(_unnumbered("{}.{}".format(weights.blocks.format(0), m.path)) for m in weights.block.modules.values()),
            *_of_heads(family),
        ]
    )


def _of_heads(family: Family) -> FrozenSet[str]:
    return frozenset(dense.path for head in family.heads.values() for dense in head.layers)


def _unnumbered(path: str) -> str:
    return _NUMBER.sub("*", path)


def _in_checkpoint(module: str, family: Family) -> str:
    """Return a module's path in the checkpoint: a head's modules lie beside the encoder, not in it."""
    return module if module in _of_heads(family) else prefix(family) + module
