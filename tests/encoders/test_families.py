"""Encoder families: the configuration that defines one has every number in bounds and does not name code."""

from typing import Any

import pytest

from bert_bundle.encoders import families
from bert_bundle.encoders.configuration import canonical_config, check_config, classes, longest, standard
from bert_bundle.encoders.families import ALBERT, BERT, CLASSES, DISTILBERT, ELECTRA, MPNET, Family
from bert_bundle.errors import BundleError, FormatError, LimitError, ModelError, UnsafeError

PLACE = "encoders/bert/config.json"
WHOLE: dict[str, Any] = {"architectures": ["BertModel"], "model_type": "bert", **BERT.fields}
WHOLE_DISTILBERT = {"architectures": ["DistilBertModel"], "model_type": "distilbert", **DISTILBERT.fields}
NUMBERS = [name for name, default in BERT.fields.items() if type(default) is int and name != "pad_token_id"]
SHARES = [name for name, default in BERT.fields.items() if type(default) is float]


def whole(family: Family) -> dict[str, Any]:
    return {"architectures": [family.architecture], "model_type": family.model_type, **family.fields}


def test_every_release_writes_the_same_configuration() -> None:
    older = {
        **BERT.fields,
        "gradient_checkpointing": False,
        "use_cache": True,
        "id2label": {0: "LABEL_0", 1: "LABEL_1"},
    }
    newer = {**BERT.fields, "dtype": None, "transformers_version": "5.23.0", "_name_or_path": "/home/me/model"}
    assert canonical_config(BERT, older, PLACE) == canonical_config(BERT, newer, PLACE) == WHOLE
    assert check_config(WHOLE, PLACE) is BERT


def test_labels_are_kept_and_read_again() -> None:
    config = canonical_config(BERT, {"id2label": {0: "no", 1: "maybe", 2: "yes"}}, PLACE)
    assert config["id2label"] == {"0": "no", "1": "maybe", "2": "yes"}
    assert config["label2id"] == {"no": 0, "maybe": 1, "yes": 2}
    assert check_config(config, PLACE) is BERT


NOT_TOKENS: list[Any] = [-1, 2**40, "0", 0.0, True]
NOT_FAMILIES: list[Any] = ["gpt2", "", None, ["bert"], {}, 1]
NOT_BERT: list[Any] = [["GPT2Model"], ["ElectraModel"], [], None, "BertModel", [["BertModel"]], ["BertModel", "Evil"]]
NOT_ACTIVATIONS: list[Any] = ["__import__('os')", "GELU", "", None, ["gelu"], {"name": "gelu"}]
NOT_SIZES: list[Any] = [0, -1, 1.0, "1", None, True, [1]]
NOT_SHARES: list[Any] = [-0.1, 1.1, 1e300, "0.1", None, True, [0.1], float("nan"), float("inf")]
REFUSALS: list[tuple[dict[str, Any], type[BundleError], str, str]] = [
    *(({name: value}, FormatError, "not a positive whole number", name) for name in NUMBERS for value in NOT_SIZES),
    *(({name: 2**40}, LimitError, "larger than any encoder", name) for name in NUMBERS),
    ({"num_hidden_layers": 1025}, LimitError, "larger than any encoder", "num_hidden_layers"),
    *(({name: value}, FormatError, "not a number from 0 to 1", name) for name in SHARES for value in NOT_SHARES),
    ({"layer_norm_eps": 0}, FormatError, "not a positive number", "layer_norm_eps"),
    ({"layer_norm_eps": 0.0}, FormatError, "not a positive number", "layer_norm_eps"),
    ({"classifier_dropout": 2}, FormatError, "not a number from 0 to 1", "classifier_dropout"),
    *(({"pad_token_id": value}, FormatError, "not a token id", "pad_token_id") for value in NOT_TOKENS),
    *(
        ({"hidden_act": value}, FormatError, "a value the encoder does not honour", "hidden_act")
        for value in NOT_ACTIVATIONS
    ),
    ({"position_embedding_type": "relative_key"}, FormatError, "does not honour", "position_embedding_type"),
    (
        {"hidden_size": 770},
        FormatError,
        "the hidden size is not a multiple of the number of heads",
        "num_attention_heads",
    ),
    *(({"model_type": value}, FormatError, "an encoder of an unknown family", "model_type") for value in NOT_FAMILIES),
    *(
        ({"architectures": value}, FormatError, "an architecture of another family", "architectures")
        for value in NOT_BERT
    ),
    *(
        ({name: value}, UnsafeError, "a configuration that names code to run", name)
        for name, value in (("auto_map", {"AutoModel": "evil.M"}), ("trust_remote_code", True), ("auto_map", None))
    ),
    *(
        (labels, FormatError, "id2label and label2id do not agree", "id2label")
        for labels in (
            {"id2label": {"0": "a"}},
            {"id2label": {"0": "a", "2": "b"}, "label2id": {"a": 0, "b": 2}},
            {"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 1, "b": 0}},
            {"id2label": {"0": 1}, "label2id": {"1": 0}},
            {"id2label": {"0": ["a"]}, "label2id": {}},
            {"id2label": {"999999999999": "a"}, "label2id": {"a": 999999999999}},
        )
    ),
    ({"id2label": ["a"], "label2id": {}}, FormatError, "labels are not JSON objects", "id2label"),
    ({"id2label": {}, "label2id": None}, FormatError, "labels are not JSON objects", "id2label"),
]


@pytest.mark.parametrize(("change", "error", "message", "field"), REFUSALS)
def test_a_value_out_of_bounds_is_refused_by_field(
    change: dict[str, Any], error: type[BundleError], message: str, field: str
) -> None:
    if message == "id2label and label2id do not agree" and "label2id" not in change:
        change = {**change, "label2id": {}}
    with pytest.raises(BundleError, match=message) as caught:
        check_config({**WHOLE, **change}, PLACE)
    assert caught.type is error
    assert caught.value.place == f"{PLACE}#/{field}"


@pytest.mark.parametrize("config", [None, [], "bert", 1])
def test_a_configuration_that_is_not_an_object_is_refused(config: Any) -> None:
    with pytest.raises(FormatError, match="a configuration is not a JSON object"):
        check_config(config, PLACE)


@pytest.mark.parametrize("field", BERT.fields)
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(FormatError, match="a configuration with unknown or missing fields") as caught:
        check_config({name: value for name, value in WHOLE.items() if name != field}, PLACE)
    assert caught.value.found == field


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(FormatError, match="a configuration with unknown or missing fields") as caught:
        check_config({**WHOLE, "quantization_config": {}}, PLACE)
    assert caught.value.found == "quantization_config"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": len}, "a configuration field that is not plain data"),
        ({"hidden_act": "gelu_fast"}, "a value the encoder does not honour"),
        ({"position_embedding_type": "relative_key_query"}, "a value the encoder does not honour"),
        ({"id2label": {0: "no", 2: "yes"}}, "id2label and label2id do not agree"),
    ],
)
def test_a_value_that_a_rebuild_does_not_honour_is_refused_at_save(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        canonical_config(BERT, {**BERT.fields, **change}, PLACE)


def test_a_family_is_found_by_each_of_its_names() -> None:
    for family in families.FAMILIES:
        assert families.CLASSES[family.architecture] is family
        assert families.BY_TENSORFLOW[family.tensorflow] is family
        assert families.BY_MODEL_TYPE[family.model_type] is family
        for head, outputs in families.HEADS.items():
            headed = families.CLASSES[family.architecture.replace("Model", head)]
            assert families.BY_TENSORFLOW["TF" + headed.architecture] is headed
            assert (headed.model_type, headed.fields, headed.always) == (family.model_type, family.fields, outputs)


@pytest.mark.parametrize("name", CLASSES)
def test_a_configuration_of_every_class_is_kept_whole(name: str) -> None:
    family = CLASSES[name]
    config = canonical_config(family, {**family.fields, "num_beams": 1}, PLACE)
    assert config == whole(family)
    assert check_config(config, PLACE) is family


@pytest.mark.parametrize("name", CLASSES)
def test_an_architecture_of_another_family_is_refused(name: str) -> None:
    other = next(family for family in families.FAMILIES if family.model_type != CLASSES[name].model_type)
    with pytest.raises(FormatError, match="an architecture of another family"):
        check_config({**whole(other), "architectures": [name]}, PLACE)


@pytest.mark.parametrize(
    ("change", "message", "field"),
    [
        ({"dim": 770}, "the hidden size is not a multiple of the number of heads", "n_heads"),
        ({"n_layers": 0}, "not a positive whole number", "n_layers"),
        ({"n_layers": 1025}, "larger than any encoder", "n_layers"),
        ({"activation": "evil"}, "a value the encoder does not honour", "activation"),
        ({"sinusoidal_pos_embds": 1}, "a value the encoder does not honour", "sinusoidal_pos_embds"),
        ({"sinusoidal_pos_embds": None}, "a value the encoder does not honour", "sinusoidal_pos_embds"),
        ({"seq_classif_dropout": 2}, "not a number from 0 to 1", "seq_classif_dropout"),
    ],
)
def test_a_field_is_checked_under_the_familys_own_name(change: dict[str, Any], message: str, field: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        check_config({**WHOLE_DISTILBERT, **change}, PLACE)
    assert caught.value.place == f"{PLACE}#/{field}"


@pytest.mark.parametrize("family", [families.ROBERTA, families.XLM_ROBERTA, families.CAMEMBERT, families.MPNET])
@pytest.mark.parametrize("value", [0, 2, None])
def test_padding_from_which_positions_are_not_numbered_is_refused(family: Family, value: Any) -> None:
    with pytest.raises(FormatError, match="a value the encoder does not honour") as caught:
        check_config({**whole(family), "pad_token_id": value}, PLACE)
    assert (caught.value.place, caught.value.wanted) == (PLACE + "#/pad_token_id", "1")


@pytest.mark.parametrize("groups", [5, 24])
def test_layers_that_cannot_share_blocks_evenly_are_refused(groups: int) -> None:
    assert check_config({**whole(ALBERT), "num_hidden_groups": 4}, PLACE) is ALBERT
    with pytest.raises(FormatError, match="the number of layers is not a multiple of the number of blocks") as caught:
        check_config({**whole(ALBERT), "num_hidden_groups": groups}, PLACE)
    assert (caught.value.place, caught.value.wanted) == (PLACE + "#/num_hidden_groups", "a divisor of 12")


@pytest.mark.parametrize(
    ("buckets", "error", "message"),
    [(3, FormatError, "a value the encoder does not honour"), (512, LimitError, "larger than any encoder")],
)
def test_distances_that_tensorflow_cannot_sort_into_buckets_are_refused(
    buckets: int, error: type[BundleError], message: str
) -> None:
    for honoured in (4, 511):
        check_config({**whole(MPNET), "relative_attention_num_buckets": honoured}, PLACE)
    with pytest.raises(error, match=message) as caught:
        check_config({**whole(MPNET), "relative_attention_num_buckets": buckets}, PLACE)
    assert caught.value.place == PLACE + "#/relative_attention_num_buckets"


def test_a_block_of_several_layers_is_refused() -> None:
    with pytest.raises(FormatError, match="a value the encoder does not honour") as caught:
        check_config({**whole(ALBERT), "inner_group_num": 2}, PLACE)
    assert caught.value.place == PLACE + "#/inner_group_num"


def test_positions_before_the_first_token_are_not_counted() -> None:
    assert {family.model_type: longest(whole(family)) for family in families.FAMILIES} == {
        "bert": 512,
        "distilbert": 512,
        "roberta": 510,
        "xlm-roberta": 510,
        "electra": 512,
        "camembert": 510,
        "albert": 512,
        "mpnet": 510,
        "deberta-v2": 512,
    }


def test_sizes_are_named_as_in_bert() -> None:
    sizes = standard({**WHOLE_DISTILBERT, "dim": 96, "hidden_dim": 100})
    assert (sizes["hidden_size"], sizes["intermediate_size"], sizes["num_hidden_layers"]) == (96, 100, 6)
    assert (sizes["embedding_size"], sizes["type_vocab_size"], sizes["layer_norm_eps"]) == (96, 0, 1e-12)
    assert (standard(whole(ELECTRA))["embedding_size"], standard(WHOLE)["embedding_size"]) == (128, 768)


def test_labels_are_counted_and_question_answering_has_two() -> None:
    three = {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
    assert (classes(WHOLE), classes({**WHOLE, **three})) == (2, 3)
    tokens, span = CLASSES["BertForTokenClassification"], CLASSES["BertForQuestionAnswering"]
    assert check_config({**whole(tokens), **three}, PLACE) is tokens
    with pytest.raises(FormatError, match="a question answering head without two labels, start and end") as caught:
        check_config({**whole(span), **three}, PLACE)
    assert (caught.value.place, caught.value.found) == (PLACE + "#/id2label", "3")
