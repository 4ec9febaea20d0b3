"""Encoder families: the configuration that defines one, every number of it in bounds, nothing that names code."""

from typing import Any

import pytest

from bert_bundle.errors import BundleError, FormatError, LimitError, ModelError, UnsafeError
from bert_bundle.model.encoders import families
from bert_bundle.model.encoders.families import BERT, canonical_config, check_config

PLACE = "encoders/bert/config.json"
WHOLE: dict[str, Any] = {"architectures": ["BertModel"], "model_type": "bert", **BERT.fields}
NUMBERS = [name for name, default in BERT.fields.items() if type(default) is int and name != "pad_token_id"]
SHARES = [name for name, default in BERT.fields.items() if type(default) is float]


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


NO_TOKENS: list[Any] = [-1, 2**40, "0", 0.0, True]
NO_FAMILIES: list[Any] = ["gpt2", "", None, ["bert"], {}, 1]
NO_BERTS: list[Any] = [["GPT2Model"], [], None, "BertModel", ["BertModel", "Evil"]]
NO_ACTIVATIONS: list[Any] = ["__import__('os')", "GELU", "", None, ["gelu"], {"name": "gelu"}]
NO_SIZES: list[Any] = [0, -1, 1.0, "1", None, True, [1]]
NO_SHARES: list[Any] = [-0.1, 1.1, 1e300, "0.1", None, True, [0.1], float("nan"), float("inf")]
REFUSALS: list[tuple[dict[str, Any], type[BundleError], str, str]] = [
    *(({name: value}, FormatError, "not a positive whole number", name) for name in NUMBERS for value in NO_SIZES),
    *(({name: 2**40}, LimitError, "larger than any encoder", name) for name in NUMBERS),
    ({"num_hidden_layers": 1025}, LimitError, "larger than any encoder", "num_hidden_layers"),
    *(({name: value}, FormatError, "not a number from 0 to 1", name) for name in SHARES for value in NO_SHARES),
    ({"layer_norm_eps": 0}, FormatError, "not a positive number", "layer_norm_eps"),
    ({"layer_norm_eps": 0.0}, FormatError, "not a positive number", "layer_norm_eps"),
    ({"classifier_dropout": 2}, FormatError, "not a number from 0 to 1", "classifier_dropout"),
    *(({"pad_token_id": value}, FormatError, "not a token id", "pad_token_id") for value in NO_TOKENS),
    *(
        ({"hidden_act": value}, FormatError, "a value the encoder does not honour", "hidden_act")
        for value in NO_ACTIVATIONS
    ),
    ({"position_embedding_type": "relative_key"}, FormatError, "does not honour", "position_embedding_type"),
    ({"hidden_size": 770}, FormatError, "heads do not divide the hidden size", "num_attention_heads"),
    *(({"model_type": value}, FormatError, "an encoder of no known family", "model_type") for value in NO_FAMILIES),
    *(
        ({"architectures": value}, FormatError, "an architecture of another family", "architectures")
        for value in NO_BERTS
    ),
    *(
        ({name: value}, UnsafeError, "a configuration that names code to run", name)
        for name, value in (("auto_map", {"AutoModel": "evil.M"}), ("trust_remote_code", True), ("auto_map", None))
    ),
    *(
        (labels, FormatError, "id2label and label2id do not say the same", "id2label")
        for labels in (
            {"id2label": {"0": "a"}},
            {"id2label": {"0": "a", "2": "b"}, "label2id": {"a": 0, "b": 2}},
            {"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 1, "b": 0}},
            {"id2label": {"0": 1}, "label2id": {"1": 0}},
            {"id2label": {"0": ["a"]}, "label2id": {}},
            {"id2label": {"999999999999": "a"}, "label2id": {"a": 999999999999}},
        )
    ),
    ({"id2label": ["a"], "label2id": {}}, FormatError, "labels are no objects", "id2label"),
    ({"id2label": {}, "label2id": None}, FormatError, "labels are no objects", "id2label"),
]


@pytest.mark.parametrize(("change", "error", "message", "field"), REFUSALS)
def test_a_value_out_of_bounds_is_refused_by_field(
    change: dict[str, Any], error: type[BundleError], message: str, field: str
) -> None:
    if message == "id2label and label2id do not say the same" and "label2id" not in change:
        change = {**change, "label2id": {}}
    with pytest.raises(BundleError, match=message) as caught:
        check_config({**WHOLE, **change}, PLACE)
    assert caught.type is error
    assert caught.value.place == f"{PLACE}#/{field}"


@pytest.mark.parametrize("config", [None, [], "bert", 1])
def test_what_is_no_object_is_refused(config: Any) -> None:
    with pytest.raises(FormatError, match="a configuration is no object"):
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
        ({"hidden_act": len}, "a configuration field that is no plain data"),
        ({"hidden_act": "gelu_fast"}, "a value the encoder does not honour"),
        ({"position_embedding_type": "relative_key_query"}, "a value the encoder does not honour"),
        ({"id2label": {0: "no", 2: "yes"}}, "id2label and label2id do not say the same"),
    ],
)
def test_what_a_rebuild_would_not_honour_is_refused_at_save(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        canonical_config(BERT, {**BERT.fields, **change}, PLACE)


def test_a_family_is_found_by_each_of_its_names() -> None:
    for family in families.FAMILIES:
        assert families.CLASSES[family.architecture] is family
        assert families.BY_TENSORFLOW[family.tensorflow] is family
        assert families.BY_MODEL_TYPE[family.model_type] is family
