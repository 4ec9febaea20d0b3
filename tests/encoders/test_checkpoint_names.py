"""Names of encoder weights: TensorFlow's as PyTorch writes them, and the shapes that a configuration asks for."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.shared_block_family import SHARED_WEIGHTS

from bert_bundle.encoders import families
from bert_bundle.encoders.checkpoint_names import (
    check_shapes,
    layer_path,
    prefix,
    shapes,
    tensorflow_path,
    to_pytorch,
)
from bert_bundle.encoders.families import (
    ALBERT,
    BERT,
    DEBERTA_V2,
    DISTILBERT,
    ELECTRA,
    FAMILIES,
    MPNET,
    ROBERTA,
    Family,
)
from bert_bundle.errors import FormatError, ModelError
from bert_bundle.format import tensors

TABLE = [
    (BERT, "embeddings/word_embeddings/weight:0", "embeddings.word_embeddings.weight", False),
    (BERT, "embeddings/token_type_embeddings/embeddings:0", "embeddings.token_type_embeddings.weight", False),
    (BERT, "embeddings/position_embeddings/embeddings:0", "embeddings.position_embeddings.weight", False),
    (BERT, "embeddings/LayerNorm/gamma:0", "embeddings.LayerNorm.weight", False),
    (BERT, "embeddings/LayerNorm/beta:0", "embeddings.LayerNorm.bias", False),
    (BERT, "encoder/layer_._0/attention/self/query/kernel:0", "encoder.layer.0.attention.self.query.weight", True),
    (BERT, "encoder/layer_._0/attention/self/query/bias:0", "encoder.layer.0.attention.self.query.bias", False),
    (
        BERT,
        "encoder/layer_._11/attention/output/dense/kernel:0",
        "encoder.layer.11.attention.output.dense.weight",
        True,
    ),
    (
        BERT,
        "encoder/layer_._2/attention/output/LayerNorm/gamma:0",
        "encoder.layer.2.attention.output.LayerNorm.weight",
        False,
    ),
    (BERT, "encoder/layer_._2/intermediate/dense/kernel:0", "encoder.layer.2.intermediate.dense.weight", True),
    (BERT, "encoder/layer_._2/output/dense/bias:0", "encoder.layer.2.output.dense.bias", False),
    (BERT, "pooler/dense/kernel:0", "pooler.dense.weight", True),
    (BERT, "pooler/dense/bias:0", "pooler.dense.bias", False),
    (ALBERT, "encoder/embedding_hidden_mapping_in/kernel:0", "encoder.embedding_hidden_mapping_in.weight", True),
    (
        ALBERT,
        "encoder/albert_layer_groups_._0/albert_layers_._0/attention/query/kernel:0",
        "encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight",
        True,
    ),
    (
        ALBERT,
        "encoder/albert_layer_groups_._3/albert_layers_._0/full_layer_layer_norm/gamma:0",
        "encoder.albert_layer_groups.3.albert_layers.0.full_layer_layer_norm.weight",
        False,
    ),
    (MPNET, "encoder/relative_attention_bias/embeddings:0", "encoder.relative_attention_bias.weight", False),
    (MPNET, "encoder/layer_._1/attention/attn/o/kernel:0", "encoder.layer.1.attention.attn.o.weight", True),
    (DEBERTA_V2, "encoder/rel_embeddings.weight:0", "encoder.rel_embeddings.weight", False),
    (DEBERTA_V2, "encoder/LayerNorm/gamma:0", "encoder.LayerNorm.weight", False),
    (
        DEBERTA_V2,
        "encoder/layer_._1/attention/self/query_proj/kernel:0",
        "encoder.layer.1.attention.self.query_proj.weight",
        True,
    ),
    (DEBERTA_V2, "embeddings/embed_proj/kernel:0", "embeddings.embed_proj.weight", True),
    (DEBERTA_V2, "embeddings/dense_3/kernel:0", "embeddings.embed_proj.weight", True),
    (DEBERTA_V2, "encoder/conv/conv/kernel:0", "encoder.conv.conv.weight", True),
    (DEBERTA_V2, "encoder/conv/conv/bias:0", "encoder.conv.conv.bias", False),
    (DEBERTA_V2, "encoder/conv/LayerNorm/beta:0", "encoder.conv.LayerNorm.bias", False),
    (
        DEBERTA_V2,
        "encoder/layer_._1/attention/self/pos_proj/kernel:0",
        "encoder.layer.1.attention.self.pos_key_proj.weight",
        True,
    ),
    (
        DEBERTA_V2,
        "encoder/layer_._0/attention/self/pos_q_proj/bias:0",
        "encoder.layer.0.attention.self.pos_query_proj.bias",
        False,
    ),
    (ALBERT, "pooler/kernel:0", "pooler.weight", True),
    (ELECTRA, "embeddings_project/kernel:0", "embeddings_project.weight", True),
    (DISTILBERT, "transformer/layer_._0/attention/q_lin/kernel:0", "transformer.layer.0.attention.q_lin.weight", True),
    (DISTILBERT, "transformer/layer_._5/attention/out_lin/bias:0", "transformer.layer.5.attention.out_lin.bias", False),
    (DISTILBERT, "transformer/layer_._10/sa_layer_norm/gamma:0", "transformer.layer.10.sa_layer_norm.weight", False),
    (DISTILBERT, "transformer/layer_._1/ffn/lin1/kernel:0", "transformer.layer.1.ffn.lin1.weight", True),
    (DISTILBERT, "transformer/layer_._1/output_layer_norm/beta:0", "transformer.layer.1.output_layer_norm.bias", False),
]
HEADS = [
    (BERT, "classifier/kernel:0", "classifier.weight", True),
    (BERT, "classifier/bias:0", "classifier.bias", False),
    (ROBERTA, "classifier/dense/kernel:0", "classifier.dense.weight", True),
    (ROBERTA, "classifier/out_proj/bias:0", "classifier.out_proj.bias", False),
    (DISTILBERT, "pre_classifier/kernel:0", "pre_classifier.weight", True),
    (BERT, "qa_outputs/kernel:0", "qa_outputs.weight", True),
]
# Names of encoder, model and enclosing models that must not matter.
PREFIXES = [
    "", "bert/", "tf_bert_model/bert/", "encoder/bert/", "pooler/bert/", "embeddings/bert/", "my/nested/model/bert/",
    "encoder/layer_._0/bert/", "pooler/dense/bert/", "bert_encoder/encoder/", "classifier/distilbert/", "qa_outputs/",
    "my.own/bert/",
]  # fmt: skip
CONFIG: dict[str, Any] = {
    "architectures": ["BertModel"], "model_type": "bert",
    **families.BERT.fields, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12, "vocab_size": 20,
    "num_hidden_layers": 2, "max_position_embeddings": 16, "type_vocab_size": 3,
}  # fmt: skip


def config(architecture: str, **changes: Any) -> dict[str, Any]:
    family = families.CLASSES[architecture]
    return {"architectures": [architecture], "model_type": family.model_type, **family.fields, **changes}


@pytest.mark.parametrize("before", PREFIXES)
@pytest.mark.parametrize(("family", "tensorflow", "pytorch", "transposed"), TABLE)
def test_a_variable_has_its_pytorch_name(
    before: str, family: Family, tensorflow: str, pytorch: str, transposed: bool
) -> None:
    headed = family.with_head("ForTokenClassification")
    assert to_pytorch(before + tensorflow, family) == (pytorch, transposed)
    assert to_pytorch((before + tensorflow)[:-2], family) == (pytorch, transposed)
    assert to_pytorch(before + tensorflow, headed) == (family.weights.prefix + "." + pytorch, transposed)


@pytest.mark.parametrize("before", PREFIXES)
@pytest.mark.parametrize(("family", "tensorflow", "pytorch", "transposed"), HEADS)
def test_a_variable_of_a_head_lies_beside_the_encoder(
    before: str, family: Family, tensorflow: str, pytorch: str, transposed: bool
) -> None:
    headed = family.with_head("ForSequenceClassification")
    found = [to_pytorch(before + tensorflow, each) for each in (family, headed)]
    assert found == [(pytorch, transposed)] * 2


@pytest.mark.parametrize(
    "name",
    [
        "logits/kernel:0", "bert/encoder/layer_._0/attention/self/query/evil:0", "pooler/dense/", "", "kernel:0",
        "bert/embeddings/weird/weight:0", "dense/kernel:0", "bert/poolers/kernel:0", "my_classifier/kernel:0",
        "bert/encoder/layer_._0/attention/kernel:0", "bert/encoder/layer_._x/output/dense/kernel:0",
    ],
)  # fmt: skip
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.model_type)
def test_a_variable_that_is_not_an_encoder_s_is_refused_by_name(name: str, family: Family) -> None:
    with pytest.raises(ModelError, match="an encoder's variable that a checkpoint does not name") as caught:
        to_pytorch(name, family)
    assert caught.value.place == name


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("transformer/layer_._0/ffn/lin1/kernel:0", BERT),
        ("pooler/kernel:0", BERT),
        ("embeddings_project/kernel:0", BERT),
        ("pooler/dense/kernel:0", DISTILBERT),
        ("pre_classifier/kernel:0", ELECTRA),
    ],
)
def test_a_variable_of_another_family_is_refused_by_name(name: str, family: Family) -> None:
    with pytest.raises(ModelError, match="an encoder's variable that a checkpoint does not name") as caught:
        to_pytorch("x/" + name, family)
    assert caught.value.place == "x/" + name


@pytest.mark.parametrize(
    ("tensorflow", "pytorch"),
    [
        ("encoder/layer_._0/output", "encoder.layer.0.output"),
        ("encoder/groups_._0/layers_._12", "encoder.groups.0.layers.12"),
        ("ffn/lin1", "ffn.lin1"),
        ("pooler", "pooler"),
    ],
)
def test_a_path_of_layers_is_written_as_either_library_does(tensorflow: str, pytorch: str) -> None:
    assert (layer_path(tensorflow), tensorflow_path(pytorch)) == (pytorch, tensorflow)


def test_the_shapes_are_those_of_a_real_checkpoint(classic_bundle: Path) -> None:
    folder = classic_bundle / "encoders" / "bert_encoder"
    found_config = json.loads((folder / "config.json").read_bytes())
    found = tensors.from_bytes((folder / "model.safetensors").read_bytes(), "x")
    assert shapes(found_config) == {name: array.shape for name, array in found.items()}


DEBERTA_V3_BASE = {
    "embedding_size": 768,
    "hidden_size": 768,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "intermediate_size": 3072,
    "position_buckets": 256,
    "position_biased_input": False,
}
# Tensors and parameters as PyTorch's classes count them with the same configuration.
PUBLISHED = [
    ("BertModel", {}, 199, 109_482_240),
    ("BertForSequenceClassification", {}, 201, 109_483_778),
    ("BertForTokenClassification", {}, 199, 108_893_186),
    ("DistilBertModel", {}, 100, 66_362_880),
    ("DistilBertForSequenceClassification", {}, 104, 66_955_010),
    ("RobertaModel", {"max_position_embeddings": 514, "type_vocab_size": 1}, 199, 124_645_632),
    ("RobertaForSequenceClassification", {"max_position_embeddings": 514, "type_vocab_size": 1}, 201, 124_647_170),
    ("XLMRobertaModel", {"max_position_embeddings": 514, "type_vocab_size": 1, "vocab_size": 250002}, 199, 278_043_648),
    (
        "AlbertModel",
        {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu_new"},
        25,
        11_683_584,
    ),
    ("MPNetModel", {"max_position_embeddings": 514}, 199, 109_486_464),
    ("DebertaV2Model", DEBERTA_V3_BASE, 198, 183_831_552),
    ("ElectraModel", {}, 199, 13_483_008),
    ("ElectraModel", {"embedding_size": 256}, 197, 17_422_848),
    ("ElectraForQuestionAnswering", {}, 201, 13_483_522),
]


@pytest.mark.parametrize(("architecture", "changes", "tensors", "parameters"), PUBLISHED)
def test_the_base_models_have_their_weights(
    architecture: str, changes: dict[str, Any], tensors: int, parameters: int
) -> None:
    sizes = [
        rows * (columns[0] if columns else 1) for rows, *columns in shapes(config(architecture, **changes)).values()
    ]
    assert (len(sizes), sum(sizes)) == (tensors, parameters)


def test_every_family_has_its_weights_and_every_class_its_head() -> None:
    for family in FAMILIES:
        assert set(family.heads) == set(families.HEADS)
    for architecture, family in families.CLASSES.items():
        names = shapes(config(architecture))
        inside = [name for name in names if name.startswith(prefix(family) or "embeddings.")]
        assert inside
        assert bool(family.head) == any(name.split(".")[0] in ("classifier", "qa_outputs") for name in names)


def test_layers_that_share_a_block_have_its_weights_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = replace(
        BERT,
        title="Shared",
        fields={**BERT.fields, "embedding_size": 8, "num_hidden_groups": 1},
        weights=SHARED_WEIGHTS,
    )
    monkeypatch.setitem(families.CLASSES, "SharedModel", shared)
    plain = shapes({**CONFIG, "num_hidden_layers": 1})
    wanted = {n.replace(".layer.0.", ".groups.0.layers.0.").replace("pooler.dense", "pooler"): plain[n] for n in plain}
    wanted.update({"encoder.map_in.weight": (8, 8), "encoder.map_in.bias": (8,)})
    changes = {"architectures": ["SharedModel"], "embedding_size": 8, "num_hidden_groups": 1, "num_hidden_layers": 5}
    assert shapes({**CONFIG, **changes}) == wanted
    for name in wanted:
        path, _, last = tensorflow_path(name).rpartition("/")
        assert to_pytorch("x/shared/" + path + "/" + last, shared) == (name, False)


def test_an_encoder_without_a_pooler_has_every_other_weight() -> None:
    whole = shapes(CONFIG)
    without = shapes(CONFIG, pooler=False)
    assert set(whole) - set(without) == {"pooler.dense.weight", "pooler.dense.bias"}
    check_shapes(CONFIG, without, "x", pooler=False)
    for found, pooler in ((whole, False), (without, True)):
        with pytest.raises(FormatError, match="an encoder's tensor does not fit its configuration"):
            check_shapes(CONFIG, found, "x", pooler=pooler)


def test_a_head_has_as_many_rows_as_labels() -> None:
    labels = {"id2label": {str(i): f"l{i}" for i in range(7)}, "label2id": {f"l{i}": i for i in range(7)}}
    found = shapes(config("ElectraForSequenceClassification", **labels))
    assert found["classifier.out_proj.weight"] == (7, 256)
    assert found["electra.embeddings_project.weight"] == (256, 128)


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
