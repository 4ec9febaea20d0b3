"""The labels of two goldens on the examples that both have, and outputs that a gate cannot compare."""

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.host.config.gate_policy import Labels
from bert_bundle.host.gate import checks
from bert_bundle.host.gate.label_changes import behaviour, shared

SURE = {"no": [0.9, 0.1], "yes": [0.2, 0.8]}


def golden(texts: list[str], answers: list[int] | None = None, **outputs: list[list[float]] | list[float]) -> Golden:
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
