"""Names of encoder weights: TensorFlow's as PyTorch writes them, and the shapes that a configuration asks for."""

import json
from pathlib import Path
from typing import Any

import pytest

from bert_bundle.errors import FormatError, ModelError
from bert_bundle.format import tensors
from bert_bundle.model.encoders import families
from bert_bundle.model.encoders.names import check_shapes, layer_path, shapes, to_pytorch

TABLE = [
    ("embeddings/word_embeddings/weight:0", "embeddings.word_embeddings.weight", False),
    ("embeddings/token_type_embeddings/embeddings:0", "embeddings.token_type_embeddings.weight", False),
    ("embeddings/position_embeddings/embeddings:0", "embeddings.position_embeddings.weight", False),
    ("embeddings/LayerNorm/gamma:0", "embeddings.LayerNorm.weight", False),
    ("embeddings/LayerNorm/beta:0", "embeddings.LayerNorm.bias", False),
    ("encoder/layer_._0/attention/self/query/kernel:0", "encoder.layer.0.attention.self.query.weight", True),
    ("encoder/layer_._0/attention/self/query/bias:0", "encoder.layer.0.attention.self.query.bias", False),
    ("encoder/layer_._11/attention/output/dense/kernel:0", "encoder.layer.11.attention.output.dense.weight", True),
    (
        "encoder/layer_._2/attention/output/LayerNorm/gamma:0",
        "encoder.layer.2.attention.output.LayerNorm.weight",
        False,
    ),
    ("encoder/layer_._2/intermediate/dense/kernel:0", "encoder.layer.2.intermediate.dense.weight", True),
    ("encoder/layer_._2/output/dense/bias:0", "encoder.layer.2.output.dense.bias", False),
    ("pooler/dense/kernel:0", "pooler.dense.weight", True),
    ("pooler/dense/bias:0", "pooler.dense.bias", False),
]
# Whatever the encoder, its model or what holds them are called.
PREFIXES = [
    "", "bert/", "tf_bert_model/bert/", "encoder/bert/", "pooler/bert/", "embeddings/bert/", "my/nested/model/bert/",
    "encoder/layer_._0/bert/", "pooler/dense/bert/", "bert_encoder/encoder/",
]  # fmt: skip
CONFIG: dict[str, Any] = {
    **families.BERT.fields, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12, "vocab_size": 20,
    "num_hidden_layers": 2, "max_position_embeddings": 16, "type_vocab_size": 3,
}  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("tensorflow", "pytorch", "transposed"), TABLE)
def test_a_variable_has_its_pytorch_name(prefix: str, tensorflow: str, pytorch: str, transposed: bool) -> None:
    assert to_pytorch(prefix + tensorflow) == (pytorch, transposed)
    assert to_pytorch((prefix + tensorflow)[:-2]) == (pytorch, transposed)


@pytest.mark.parametrize(
    "name",
    [
        "classifier/kernel:0", "bert/encoder/layer_._0/attention/self/query/evil:0", "pooler/dense/", "", "kernel:0",
        "bert/embeddings/weird/weight:0", "dense/kernel:0", "bert/pooler/kernel:0",
    ],
)  # fmt: skip
def test_a_variable_of_no_encoder_is_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError, match="an encoder's variable that a checkpoint does not name") as caught:
        to_pytorch(name)
    assert caught.value.place == name


def test_a_path_of_layers_is_written_as_pytorch_does() -> None:
    assert layer_path("encoder/layer_._0/output") == "encoder.layer.0.output"


def test_the_shapes_are_those_of_a_real_checkpoint(classic_bundle: Path) -> None:
    folder = classic_bundle / "encoders" / "bert_encoder"
    config = json.loads((folder / "config.json").read_bytes())
    found = tensors.from_bytes((folder / "model.safetensors").read_bytes(), "x")
    assert shapes(config) == {name: array.shape for name, array in found.items()}


def test_bert_base_has_its_199_weights_and_109_million_parameters() -> None:
    sizes = [rows * (columns[0] if columns else 1) for rows, *columns in shapes(families.BERT.fields).values()]
    assert len(sizes) == 199
    assert sum(sizes) == 109_482_240


@pytest.mark.parametrize("name", shapes(CONFIG))
def test_a_tensor_missing_too_many_or_transposed_is_named(name: str) -> None:
    whole = shapes(CONFIG)
    check_shapes(CONFIG, whole, "x")
    wrong: list[dict[str, tuple[int, ...]]] = [
        {other: shape for other, shape in whole.items() if other != name},
        {**whole, name: (*whole[name], 1)},
        {**whole, name: (whole[name][0] + 1, *whole[name][1:])},
    ]
    for found in wrong:
        with pytest.raises(FormatError, match="an encoder's tensor does not fit its configuration") as caught:
            check_shapes(CONFIG, found, "encoders/e/model.safetensors")
        assert caught.value.place == f"encoders/e/model.safetensors tensor {name}"
    with pytest.raises(FormatError, match="does not fit") as caught:
        check_shapes(CONFIG, {**whole, name + ".evil": (1,)}, "x")
    assert (caught.value.wanted, caught.value.found) == ("no such tensor", "(1,)")
