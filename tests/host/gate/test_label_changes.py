"""The labels of two goldens on the examples that both have, and outputs that a gate cannot compare."""

from dataclasses import replace
from typing import Any

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.format.tasks import Task
from bert_bundle.host.config.gate_policy import Labels
from bert_bundle.host.gate import checks
from bert_bundle.host.gate.label_changes import behaviour, shared

SURE = {"no": [0.9, 0.1], "yes": [0.2, 0.8]}


def golden(texts: list[str], answers: Any = None, **outputs: Any) -> Golden:
    """Return what a model predicted for `texts`; a feature beside each is its length."""
    double = {name: np.asarray(values, np.float64) for name, values in outputs.items()}
    return Golden(
        texts={"text": texts},
        features={"length": np.array([[len(text)] for text in texts])},
        answers=None if answers is None else np.array(answers),
        token_ids={},
        predictions=double,
        float64_predictions=double,
        noise=dict.fromkeys(double, 1e-6),
        measured={},
        layers=(),
        architecture={},
        labels=("no", "yes"),
        inputs=(),
        interchangeable=(),
    )


def predicted(*words: str) -> list[list[float]]:
    return [SURE[word] for word in words]


def test_an_example_is_its_texts_and_its_features() -> None:
    one, other = golden(["a", "b"], p=predicted("no", "no")), golden(["b", "c", "a"], p=predicted("no", "no", "no"))
    assert shared(one, other) == [(0, 2), (1, 0)]
    other.features["length"][2] = 7
    assert shared(one, other) == [(1, 0)]


def test_of_an_example_that_stands_twice_the_first_counts() -> None:
    one, other = golden(["a"], p=predicted("no")), golden(["a", "a"], p=predicted("no", "yes"))
    assert shared(one, other) == [(0, 0)]
    assert shared(other, one) == [(0, 0), (1, 0)]


def test_of_several_outputs_labels_are_compared_and_answers_belong_to_none() -> None:
    one = golden(["a", "b"], [0, 0], p=predicted("no", "no"), q=predicted("no", "no"))
    other = golden(["a", "b"], [0, 0], p=predicted("no", "yes"), q=predicted("yes", "no"))
    found = behaviour(one, other, ("no", "yes"))
    assert [(c.kind, c.output, c.text, c.answer) for c in found.changes] == [
        ("changed", "p", "b", ""),
        ("changed", "q", "a", ""),
    ]
    assert (found.outputs, found.accuracy, found.answered) == (("p", "q"), None, 0)


def test_a_score_has_no_label_and_alone_it_leaves_behaviour_not_run() -> None:
    one, other = golden(["a", "b"], score=[[3.0], [-1.0]]), golden(["a", "b"], score=[[3.0], [5.0]])
    check = checks.behaviour(behaviour(one, other, ()), Labels())
    assert (check.status, check.reasons) == (
        "not run",
        ("no output has one label per example: run the gate without --baseline",),
    )


def test_a_score_beside_labels_is_named_as_not_compared() -> None:
    one = golden(["a"], p=predicted("no"), score=[[3.0]])
    check = checks.behaviour(behaviour(one, one, ()), Labels())
    assert (check.status, check.reasons) == ("passed", ("output score does not have labels and was not compared",))


def test_an_output_that_only_one_has_is_a_change_of_what_deploys() -> None:
    one, other = golden(["a"], p=predicted("no")), golden(["a"], p=predicted("no"), q=predicted("no"))
    check = checks.behaviour(behaviour(one, other, ()), Labels())
    assert (check.status, check.reasons) == (
        "failed",
        ("outputs that only one bundle has, or that have another shape: q",),
    )


def test_a_class_without_a_name_goes_by_its_number_and_a_text_is_told_whole() -> None:
    long = "a\x1b" * 400
    (change,) = behaviour(golden([long], p=predicted("no")), golden([long], p=predicted("yes")), ()).changes
    assert (change.before, change.after, change.text) == ("class 0", "class 1", long)


MULTILABEL, TOKENS = Task("multilabel", "probabilities"), Task("tokens", "probabilities")
REGRESSION = Task("regression", "values")
TAGS = [[0.9, 0.8, 0.1], [0.2, 0.7, 0.3]]
NAMES = ("bug", "billing", "praise")


def test_a_secondary_label_of_a_multilabel_output_is_a_change() -> None:
    """Planted: the first example loses its second label; its largest column stays."""
    other = [[0.9, 0.3, 0.1], TAGS[1]]
    one, two = (replace(golden(["a", "b"], p=v), tasks={"p": MULTILABEL}) for v in (TAGS, other))
    (change,) = behaviour(one, two, NAMES).changes
    assert (change.text, change.before, change.after, change.kind) == ("a", "bug, billing", "bug", "changed")
    assert behaviour(golden(["a", "b"], p=TAGS), golden(["a", "b"], p=other), NAMES).changes == ()
    emptied = replace(golden(["a", "b"], p=[[0.1, 0.1, 0.1], TAGS[1]]), tasks={"p": MULTILABEL})
    assert behaviour(one, emptied, NAMES).changes[0].after == "none"


def test_sets_of_labels_are_right_or_wrong_as_a_whole() -> None:
    true, other = [[1, 1, 0], [0, 1, 1]], [[0.9, 0.3, 0.1], [0.2, 0.7, 0.9]]
    one, two = (replace(golden(["a", "b"], true, p=v), tasks={"p": MULTILABEL}) for v in (TAGS, other))
    found = behaviour(one, two, NAMES)
    assert [(c.kind, c.text, c.answer) for c in found.changes] == [
        ("broke", "a", "bug, billing"),
        ("fixed", "b", "billing, praise"),
    ]
    assert (found.accuracy, found.answered) == ((0.5, 0.5), 2)


def test_a_baseline_without_the_field_is_compared_by_the_task_of_the_candidate() -> None:
    one = golden(["a", "b"], p=TAGS)
    two = replace(golden(["a", "b"], p=[[0.9, 0.3, 0.1], TAGS[1]]), tasks={"p": MULTILABEL})
    found = behaviour(one, two, NAMES)
    assert (found.outputs, len(found.changes)) == (("p",), 1)


def test_an_output_must_not_lose_its_labels_or_change_its_task() -> None:
    """Planted: a candidate that calls its output a regression, so that no label could change."""
    one = golden(["a"], p=predicted("no"))
    for task in (REGRESSION, Task("multilabel", "logits")):
        two = replace(golden(["a"], p=predicted("yes")), tasks={"p": task})
        assert behaviour(replace(one, tasks={"p": MULTILABEL}), two, NAMES).unlike == ("p",)
    assert behaviour(one, replace(one, tasks={"p": REGRESSION}), NAMES).unlike == ("p",)


def test_labels_of_tokens_are_compared_without_padding_and_named_by_position() -> None:
    values = np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]])
    fields: dict[str, Any] = {
        "tasks": {"p": TOKENS},
        "inputs": (("mask", "attention_mask", "int32", (3,)),),
        "token_ids": {"mask": np.array([[1, 1, 0]])},
    }
    one = replace(golden(["a"], p=values), **fields)
    changed = replace(golden(["a"], p=np.array([[[0.1, 0.9], [0.2, 0.8], [0.1, 0.9]]])), **fields)
    (change,) = behaviour(one, changed, ("O", "PER")).changes
    assert (change.before, change.after) == ("token 0: O", "token 0: PER")


def test_each_output_is_named_by_its_own_labels_and_has_its_own_answers() -> None:
    answers = {"p": np.array([0, 0]), "q": np.array([1, 1])}
    one = replace(golden(["a", "b"], p=predicted("no", "no"), q=predicted("no", "yes")), output_answers=answers)
    two = replace(golden(["a", "b"], p=predicted("no", "yes"), q=predicted("yes", "yes")), output_answers=answers)
    found = behaviour(one, two, (), {"p": ("calm", "angry")})
    assert [(c.kind, c.output, c.before, c.after, c.answer) for c in found.changes] == [
        ("broke", "p", "calm", "angry", "calm"),
        ("fixed", "q", "class 0", "class 1", "class 1"),
    ]
    assert found.accuracy == (0.75, 0.75)


def test_one_name_is_that_of_the_label_above_the_threshold_and_a_span_is_a_token() -> None:
    binary: dict[str, Any] = {"tasks": {"p": Task("binary", "probabilities")}}
    one, two = (replace(golden(["a"], p=[[v]]), **binary) for v in (0.2, 0.9))
    (change,) = behaviour(one, two, ("spam",)).changes
    assert (change.before, change.after) == ("not spam", "spam")
    spans: dict[str, Any] = {"tasks": {"p": Task("spans", "logits")}}
    one, two = (replace(golden(["a"], p=[v]), **spans) for v in ([1.0, 2.0, 0.0], [3.0, 2.0, 0.0]))
    (change,) = behaviour(one, two, ()).changes
    assert (change.before, change.after) == ("token 1", "token 0")
