"""Names and layouts of encoder weights: TensorFlow's <-> PyTorch's (those of the Hugging Face checkpoint).

The rule is that of transformers' own conversion: `layer_._3` is `layer.3`, a kernel is a transposed weight, gamma and
beta are weight and bias, an embedding table is a weight. Shapes are derived from the configuration alone.
"""

import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from bert_bundle.encoders.configuration import classes, of_config, standard
from bert_bundle.encoders.families import Family
from bert_bundle.errors import FormatError, ModelError

_Modules = Mapping[str, Tuple[str, ...]]  # PyTorch name -> sizes of the weight; a bias has the first of them


@dataclass(frozen=True)
class Weights:
    """The modules of one family. Sizes go by BERT's names of configuration fields; `classes` counts the labels.

    inside   what a class with a head calls the encoder in it
    layers   what holds the numbered layers
    layer    the modules of one layer
    heads    head -> modules beside embeddings and layers; "" is the encoder by itself
    """

    inside: str
    layers: str
    layer: _Modules
    heads: Mapping[str, _Modules]


_SQUARE, _OUT = ("hidden_size", "hidden_size"), ("classes", "hidden_size")
_UP, _DOWN, _NORM = ("intermediate_size", "hidden_size"), ("hidden_size", "intermediate_size"), ("hidden_size",)
_TABLES = {
    "embeddings.word_embeddings": "vocab_size",
    "embeddings.position_embeddings": "max_position_embeddings",
    "embeddings.token_type_embeddings": "type_vocab_size",
}
_EMBEDDINGS_NORM, _PROJECTION = "embeddings.LayerNorm", "embeddings_project"
# Devlin et al. 2018, figure 2; in the names of Google's first checkpoints.
_BERT_LAYER = {
    "attention.self.query": _SQUARE,
    "attention.self.key": _SQUARE,
    "attention.self.value": _SQUARE,
    "attention.output.dense": _SQUARE,
    "attention.output.LayerNorm": _NORM,
    "intermediate.dense": _UP,
    "output.dense": _DOWN,
    "output.LayerNorm": _NORM,
}
_DISTILBERT_LAYER = {
    "attention.q_lin": _SQUARE,
    "attention.k_lin": _SQUARE,
    "attention.v_lin": _SQUARE,
    "attention.out_lin": _SQUARE,
    "sa_layer_norm": _NORM,
    "ffn.lin1": _UP,
    "ffn.lin2": _DOWN,
    "output_layer_norm": _NORM,
}
_POOLER = {"pooler.dense": _SQUARE}
_CLASSIFIER = {"classifier": _OUT}
_DEEP_CLASSIFIER = {"classifier.dense": _SQUARE, "classifier.out_proj": _OUT}
_TOKENS_AND_SPANS = {"ForTokenClassification": _CLASSIFIER, "ForQuestionAnswering": {"qa_outputs": _OUT}}
_OUTSIDE = ("classifier", "pre_classifier", "qa_outputs")  # modules of a head, beside the encoder

BERT = Weights(
    "bert",
    "encoder.layer",
    _BERT_LAYER,
    {"": _POOLER, "ForSequenceClassification": {**_POOLER, **_CLASSIFIER}, **_TOKENS_AND_SPANS},
)
DISTILBERT = Weights(
    "distilbert",
    "transformer.layer",
    _DISTILBERT_LAYER,
    {"": {}, "ForSequenceClassification": {"pre_classifier": _SQUARE, **_CLASSIFIER}, **_TOKENS_AND_SPANS},
)
ROBERTA = Weights(
    "roberta",
    "encoder.layer",
    _BERT_LAYER,
    {"": _POOLER, "ForSequenceClassification": _DEEP_CLASSIFIER, **_TOKENS_AND_SPANS},
)
ELECTRA = Weights(
    "electra",
    "encoder.layer",
    _BERT_LAYER,
    {"": {}, "ForSequenceClassification": _DEEP_CLASSIFIER, **_TOKENS_AND_SPANS},
)
WEIGHTS: Mapping[str, Weights] = {
    "bert": BERT,
    "distilbert": DISTILBERT,
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "electra": ELECTRA,
}

_KNOWN = frozenset(_TABLES).union(
    (_EMBEDDINGS_NORM, _PROJECTION),
    *(modules for weights in WEIGHTS.values() for modules in weights.heads.values()),
    *(["{}.*.{}".format(weights.layers, module) for module in weights.layer] for weights in WEIGHTS.values()),
)
_NUMBER = re.compile(r"\blayer\.[0-9]+\.")
_LAST = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "embeddings": "weight",
    "weight": "weight",
    "bias": "bias",
}


def prefix(family: Family) -> str:
    """What stands before an encoder's names in a checkpoint of this class: `bert.` under a head, else nothing."""
    return WEIGHTS[family.model_type].inside + "." if family.head else ""


def to_pytorch(name: str, prefix: str = "") -> Tuple[str, bool]:
    """(PyTorch name, whether the array is transposed) of a TensorFlow variable's name, whatever stands before it.

    `x/bert/encoder/layer_._0/output/dense/kernel:0` -> ("encoder.layer.0.output.dense.weight", True). `prefix` is put
    before a name of the encoder, not before one of its head. Raises ModelError for a name of neither.
    """
    path, _, last = layer_path(name.split(":")[0]).rpartition(".")
    parts = path.split(".")
    for start in range(len(parts)):
        module = ".".join(parts[start:])
        if last in _LAST and _NUMBER.sub("layer.*.", module) in _KNOWN:
            return _place(module, prefix) + "." + _LAST[last], last == "kernel"
    raise ModelError("an encoder's variable that a checkpoint does not name", place=name)


def layer_path(path: str) -> str:
    """A path of layer names as PyTorch writes it: `encoder/layer_._0/output` -> `encoder.layer.0.output`."""
    return path.replace("_._", ".").replace("/", ".")


def shapes(config: Mapping[str, Any]) -> Dict[str, Tuple[int, ...]]:
    """PyTorch name -> shape of every weight of the class that a canonical configuration names."""
    family, sizes = of_config(config), {**standard(config), "classes": classes(config)}
    weights, before = WEIGHTS[family.model_type], prefix(family)
    modules: Dict[str, Tuple[str, ...]] = {_EMBEDDINGS_NORM: ("embedding_size",), **weights.heads[family.head]}
    if sizes["embedding_size"] != sizes["hidden_size"]:
        modules[_PROJECTION] = ("hidden_size", "embedding_size")
    for index in range(sizes["num_hidden_layers"]):
        modules.update(("{}.{}.{}".format(weights.layers, index, name), of) for name, of in weights.layer.items())
    tables = {before + name: sizes[rows] for name, rows in _TABLES.items() if sizes[rows]}
    result: Dict[str, Tuple[int, ...]] = {t + ".weight": (n, sizes["embedding_size"]) for t, n in tables.items()}
    for module, of in modules.items():
        shape = tuple(sizes[name] for name in of)
        result[_place(module, before) + ".weight"] = shape
        result[_place(module, before) + ".bias"] = shape[:1]
    return result


def check_shapes(config: Mapping[str, Any], found: Mapping[str, Tuple[int, ...]], place: str) -> None:
    """Raises FormatError unless `found` (name -> shape) is exactly what the configuration asks for."""
    wanted = shapes(config)
    for name in sorted(set(wanted) | set(found)):
        if wanted.get(name) != found.get(name):
            raise FormatError(
                "an encoder's tensor does not fit its configuration",
                place="{} tensor {}".format(place, name),
                wanted=wanted.get(name, "no such tensor"),
                found=found.get(name, "no such tensor"),
            )


def _place(module: str, before: str) -> str:
    return module if module.split(".")[0] in _OUTSIDE else before + module
