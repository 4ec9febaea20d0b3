"""Names and layouts of encoder weights: TensorFlow's <-> PyTorch's (those of the Hugging Face checkpoint).

The rule is that of transformers' own conversion: `layer_._3` is `layer.3`, a kernel is a transposed weight, gamma and
beta are weight and bias, an embedding table is a weight. Shapes are derived from the configuration alone.
"""

import re
from typing import Any, Dict, Mapping, Tuple

from ...errors import FormatError, ModelError

# Anchored at the end: the encoder itself may be called "encoder" or "pooler".
_INSIDE = re.compile(
    r"(?:.*/)?(embeddings/(?:word_embeddings|token_type_embeddings|position_embeddings|LayerNorm)/[^/]+"
    r"|encoder/layer_\._[0-9]+/[^:]+|pooler/dense/[^/]+)\Z"
)
_LAST = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "embeddings": "weight",
    "weight": "weight",
    "bias": "bias",
}


def to_pytorch(name: str) -> Tuple[str, bool]:
    """(PyTorch name, whether the array is transposed) of a TensorFlow variable's name.

    `x/bert/encoder/layer_._0/output/dense/kernel:0` -> ("encoder.layer.0.output.dense.weight", True).
    Raises ModelError for a name that is no weight of an encoder.
    """
    match = _INSIDE.match(name.split(":")[0])
    parts = match.group(1).split("/") if match else [""]
    last = _LAST.get(parts[-1])
    if last is None:
        raise ModelError("an encoder's variable that a checkpoint does not name", place=name)
    return layer_path("/".join(parts[:-1])) + "." + last, parts[-1] == "kernel"


def layer_path(path: str) -> str:
    """A path of layer names as PyTorch writes it: `encoder/layer_._0/output` -> `encoder.layer.0.output`."""
    return path.replace("_._", ".").replace("/", ".")


def shapes(config: Mapping[str, Any]) -> Dict[str, Tuple[int, ...]]:
    """PyTorch name -> shape of every weight of a BERT of this configuration (Devlin et al. 2018, figure 2)."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    result: Dict[str, Tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
        **_norm("embeddings.LayerNorm", hidden),
        **_dense("pooler.dense", hidden, hidden),
    }
    for index in range(config["num_hidden_layers"]):
        layer = "encoder.layer.{}.".format(index)
        for name in ("query", "key", "value"):
            result.update(_dense(layer + "attention.self." + name, hidden, hidden))
        result.update(_dense(layer + "attention.output.dense", hidden, hidden))
        result.update(_norm(layer + "attention.output.LayerNorm", hidden))
        result.update(_dense(layer + "intermediate.dense", hidden, inner))
        result.update(_dense(layer + "output.dense", inner, hidden))
        result.update(_norm(layer + "output.LayerNorm", hidden))
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


def _dense(name: str, inputs: int, outputs: int) -> Dict[str, Tuple[int, ...]]:
    return {name + ".weight": (outputs, inputs), name + ".bias": (outputs,)}


def _norm(name: str, size: int) -> Dict[str, Tuple[int, ...]]:
    return {name + ".weight": (size,), name + ".bias": (size,)}
