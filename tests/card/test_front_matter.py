"""The front matter of a card, as huggingface_hub reads it."""

from typing import Any

import pytest
import yaml
from support.hub_card import card_data, card_of
from support.made_up_bundles import OUTPUT, golden, manifest

from bert_bundle.card.card import card
from bert_bundle.card.front_matter import quoted

HOSTILE = [
    "a\n---\nlicense: x", 'a"b', "a\\",
    "a: b # c", "*a", "&a", "!!python/object:os.system", "{a", "\u2028\u0085\ufeff",
    "\U0001f600 caf\u00e9", "\x00\x1b", "- a", "yes", "1e3", "...", "", "%YAML", "'a'",
    "`a`", "<!-- bert_bundle: end -->",
    "\ud800",
]  # fmt: skip


def data(name: str = "router", **fields: Any) -> dict[str, Any]:
    return card_data(card(name, manifest(**fields), golden()).decode("utf-8"))


def test_a_card_without_metadata_names_library_and_task() -> None:
    assert data() == {"library_name": "bert_bundle", "pipeline_tag": "text-classification"}


def test_the_fields_of_the_metadata_are_those_of_the_hub() -> None:
    metadata = {
        "license": "Apache-2.0",
        "language": ["en", "de"],
        "base_model": "google-bert/bert-base-uncased",
        "datasets": "me/tickets",
        "tags": ["support", "routing"],
        "owner": "me",
    }
    found = data(metadata=metadata, proof={"proven": True, "accuracy": 0.87512})
    results = found.pop("model-index")
    assert found == {
        "library_name": "bert_bundle",
        "pipeline_tag": "text-classification",
        "license": "apache-2.0",
        "language": ["en", "de"],
        "base_model": ["google-bert/bert-base-uncased"],
        "datasets": ["me/tickets"],
        "tags": ["support", "routing"],
        "metrics": ["accuracy"],
    }
    (result,) = results
    assert result["name"] == "router"
    assert result["results"][0]["metrics"] == [{"type": "accuracy", "value": 0.87512}]
    assert result["results"][0]["task"] == {"type": "text-classification"}


def test_the_results_are_what_huggingface_hub_takes_for_evaluations() -> None:
    text = card("router", manifest(proof={"proven": True, "accuracy": 1.0}), golden()).decode("utf-8")
    (result,) = card_of(text).data.eval_results
    assert (result.task_type, result.metric_type, result.metric_value) == ("text-classification", "accuracy", 1.0)
    assert result.dataset_name == "labelled examples recorded in the bundle"


@pytest.mark.parametrize(
    ("tasks", "pipeline"),
    [
        ([("classes", "logits")], "text-classification"),
        ([("binary", "probabilities")], "text-classification"),
        ([("regression", "values")], "text-classification"),
        ([("tokens", "logits")], "token-classification"),
        ([("spans", "logits"), ("spans", "logits")], "question-answering"),
        ([("spans", "logits"), ("classes", "logits")], "text-classification"),
        ([], "text-classification"),
    ],
)
def test_the_pipeline_is_that_of_the_task(tasks: list[tuple[str, str]], pipeline: str) -> None:
    shapes = {"tokens": [16, 3], "binary": [1]}
    outputs = [
        {**OUTPUT, "name": f"o{i}", "shape": shapes.get(task, [3]), "task": task, "scores": scores}
        for i, (task, scores) in enumerate(tasks)
    ]
    assert data(signature={"inputs": [], "outputs": outputs})["pipeline_tag"] == pipeline


@pytest.mark.parametrize(
    ("given", "license", "name"),
    [
        ({"license": "mit"}, "mit", None),
        ({"licence": "MIT"}, "mit", None),
        ({"license": "BSD 3-clause"}, "bsd-3-clause", None),
        ({"license": "ACME internal, v2"}, "other", "ACME internal, v2"),
        ({"license": ["mit"]}, None, None),
        ({"license": "  "}, None, None),
    ],
)
def test_a_license_that_the_hub_does_not_know_is_other(given: Any, license: str | None, name: str | None) -> None:
    found = data(metadata=given)
    assert (found.get("license"), found.get("license_name")) == (license, name)


@pytest.mark.parametrize(
    "metadata",
    [
        {"language": "English"},
        {"language": {"en": 1}},
        {"base_model": "/srv/models/bert"},
        {"base_model": "https://hf.co/bert"},
        {"datasets": [3, None]},
        {"tags": ["", " ", "a" * 200]},
    ],
)
def test_what_the_hub_would_refuse_is_left_out(metadata: dict[str, Any]) -> None:
    assert set(data(metadata=metadata)) == {"library_name", "pipeline_tag"}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_one_scalar(text: str) -> None:
    assert len(quoted(text).splitlines()) == 1
    assert yaml.safe_load("a: " + quoted(text)) == {"a": text.replace("\ud800", "?")}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_metadata_and_names_cannot_leave_their_place(text: str) -> None:
    metadata = dict.fromkeys(("license", "language", "base_model", "tags", "datasets", "other", text), text)
    found = data(text, metadata=metadata, labels=(text, text + "2"), proof={"proven": True, "accuracy": 0.5})
    assert set(found) <= {
        "library_name", "pipeline_tag", "license", "license_name", "tags", "language", "metrics", "model-index",
        "base_model", "datasets",
    }  # fmt: skip
    assert found["library_name"] == "bert_bundle"
    assert found["model-index"][0]["name"] == text.replace("\ud800", "?")
