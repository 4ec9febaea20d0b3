"""Grades: each has a planted cause in a real observation of a real golden."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.bundle_files import read_golden

from bert_bundle.format.golden import Golden
from bert_bundle.grading import differences, grades
from bert_bundle.grading.differences import difference, least_noise, noise_floor, scale
from bert_bundle.grading.grades import Figures, judge
from bert_bundle.host.config.matrix_file import Environment, Expectation
from bert_bundle.host.runs.verdict import MEANING, CellGrade
from bert_bundle.host.workers.worker import Worker
from bert_bundle.interpreter import known_breakages

NATIVE, FLOAT64 = "predictions", "float64_predictions"
OUTPUT = "probabilities"
FLOATS = hnp.arrays(
    "<f8", hnp.array_shapes(max_dims=2, max_side=4), elements=st.floats(-1e6, 1e6, allow_subnormal=False)
)

Observation = dict[str, Any]


@pytest.fixture(scope="module")
def golden(classic_bundle: Path) -> Golden:
    return read_golden(str(classic_bundle))


@pytest.fixture(scope="module")
def observed(classic_bundle: Path, writer: Worker) -> Observation:
    return writer.ask("replay", bundle=str(classic_bundle))


@pytest.fixture
def seen(observed: Observation) -> Observation:
    return copy.deepcopy(observed)


def with_(golden: Golden, **fields: Any) -> Golden:
    return Golden(**{**vars(golden), **fields})


def swap(rows: list[list[float]], row: int) -> None:
    rows[row].reverse()


def test_the_writer_itself_gives_the_same_bits(golden: Golden, observed: Observation) -> None:
    assert judge(golden, observed) == Figures(
        grade="bitwise",
        reason="equal to the last bit",
        float64_difference=0.0,
        native_difference=0.0,
        labels_changed=0,
        first_layer=None,
    )


def test_one_unit_in_the_last_place_is_identical_and_not_bitwise(golden: Golden, seen: Observation) -> None:
    values = np.array(seen["predictions"][OUTPUT], np.float32)
    unit = float(np.spacing(np.max(values)))
    values[values == np.max(values)] -= np.float32(unit)
    seen["predictions"][OUTPUT] = values.tolist()
    figures = judge(golden, seen)
    assert figures.grade == "identical"
    assert unit == 2.0**-24
    assert figures.native_difference == pytest.approx(unit / scale(golden.float64_predictions[OUTPUT]), rel=1e-3)
    assert (figures.float64_difference, figures.first_layer) == (0.0, None)


def test_one_unit_in_the_last_place_of_a_double_is_not_bitwise_either(golden: Golden, seen: Observation) -> None:
    seen["float64_predictions"][OUTPUT][0][0] = float(np.nextafter(seen["float64_predictions"][OUTPUT][0][0], 0))
    assert judge(golden, seen).grade == "identical"


def test_a_negative_zero_is_not_the_same_bits(golden: Golden, seen: Observation) -> None:
    zero = {OUTPUT: np.array([[1.0, 0.0]], np.float32)}
    one = with_(golden, predictions=zero, float64_predictions={OUTPUT: zero[OUTPUT].astype("<f8")}, token_ids={})
    seen.update(predictions={OUTPUT: [[1.0, -0.0]]}, float64_predictions={OUTPUT: [[1.0, 0.0]]}, token_ids={})
    assert judge(one, seen).grade == "identical"
    seen["predictions"][OUTPUT][0][1] = 0.0
    assert judge(one, seen).grade == "bitwise"


@pytest.mark.parametrize(("off", "grade"), [(4.9e-7, "identical"), (5.1e-7, "drift"), (1e-6, "drift"), (1e-3, "drift")])
def test_the_line_between_noise_and_drift_is_5e_7_of_the_scale(
    golden: Golden, seen: Observation, off: float, grade: str
) -> None:
    largest = np.abs(golden.float64_predictions[OUTPUT]).max()
    seen["float64_predictions"][OUTPUT][3][0] += off * largest
    figures = judge(golden, seen)
    assert figures.grade == grade
    assert figures.float64_difference == pytest.approx(off, rel=1e-6)


def test_a_drift_names_the_first_layer_that_moved(golden: Golden, seen: Observation) -> None:
    names = [name for name, _ in golden.layers]
    for first in range(len(names)):
        moved = copy.deepcopy(seen)
        moved["float64_predictions"][OUTPUT][0][0] += 1e-5
        for _, values in moved["layers"][first:]:
            values[1] += 1e-5 * max(map(abs, values))
        figures = judge(golden, moved)
        assert (figures.grade, figures.first_layer) == ("drift", names[first])
        assert figures.reason.endswith("first in " + names[first])


def test_a_layer_that_moved_is_drift_also_where_the_predictions_hide_it(golden: Golden, seen: Observation) -> None:
    """Planted: a change of the first layer that a saturated head lets nothing of through."""
    name, values = seen["layers"][3]
    values[1] += 1e-5 * max(map(abs, values))
    figures = judge(golden, seen)
    assert (figures.grade, figures.float64_difference, figures.first_layer) == ("drift", 0.0, name)
    assert figures.reason == f"the function changed in {name}, which these predictions hide"


def test_a_missing_layer_is_the_first_that_differs(golden: Golden, seen: Observation) -> None:
    seen["float64_predictions"][OUTPUT][0][0] += 1e-5
    del seen["layers"][2]
    assert judge(golden, seen).first_layer == golden.layers[2][0]


def test_a_drift_that_no_layer_shows_names_no_layer(golden: Golden, seen: Observation) -> None:
    seen["float64_predictions"][OUTPUT][0][0] += 1e-5
    figures = judge(golden, seen)
    assert (figures.grade, figures.first_layer) == ("drift", None)


def test_more_than_noise_in_single_precision_alone_is_drift(golden: Golden, seen: Observation) -> None:
    seen["predictions"][OUTPUT][0][0] -= 2 * golden.noise[OUTPUT]
    figures = judge(golden, seen)
    assert figures.grade == "drift"
    assert "of the scale in single precision, noise is" in figures.reason


def test_a_label_that_changed_is_a_flip(golden: Golden, seen: Observation) -> None:
    for kind in ("predictions", "float64_predictions"):
        swap(seen[kind][OUTPUT], 0)
        swap(seen[kind][OUTPUT], 5)
    figures = judge(golden, seen)
    assert (figures.grade, figures.labels_changed) == ("flip", 2)
    assert figures.reason == "2 of 8 labels changed"


def test_a_tie_within_the_noise_is_not_a_flip_and_is_reported(golden: Golden, seen: Observation) -> None:
    tie = np.array([[0.5 + 1e-7, 0.5 - 1e-7], [0.9, 0.1]])
    noise = golden.noise[OUTPUT]
    small = with_(
        golden, predictions={OUTPUT: tie.astype("<f4")}, float64_predictions={OUTPUT: tie}, token_ids={}, layers=()
    )
    seen.update(
        float64_predictions={OUTPUT: tie.tolist()},
        predictions={OUTPUT: [[0.5 - 1e-7, 0.5 + 1e-7], [0.9, 0.1]]},
        token_ids={},
    )
    figures = judge(small, seen)
    assert (figures.grade, figures.labels_changed) == ("identical", 0)
    assert figures.reason.endswith("1 ties fell the other way")
    wide = tie + np.array([[4 * noise, -4 * noise], [0, 0]])
    wider = with_(small, predictions={OUTPUT: wide.astype("<f4")}, float64_predictions={OUTPUT: wide})
    assert judge(wider, {**seen, "double": {OUTPUT: wide.tolist()}}).grade == "flip"


def test_a_single_probability_flips_at_one_half(golden: Golden, seen: Observation) -> None:
    yes = np.array([[0.7], [0.2]])
    one = with_(
        golden, predictions={OUTPUT: yes.astype("<f4")}, float64_predictions={OUTPUT: yes}, token_ids={}, layers=()
    )
    seen.update(predictions={OUTPUT: [[0.3], [0.2]]}, float64_predictions={OUTPUT: [[0.3], [0.2]]}, token_ids={})
    assert judge(one, seen).labels_changed == 1


def test_a_regression_has_no_labels_to_flip(golden: Golden, seen: Observation) -> None:
    value = np.array([[7.0], [-3.0]])
    one = with_(
        golden, predictions={OUTPUT: value.astype("<f4")}, float64_predictions={OUTPUT: value}, token_ids={}, layers=()
    )
    seen.update(predictions={OUTPUT: [[-7.0], [3.0]]}, float64_predictions={OUTPUT: [[-7.0], [3.0]]}, token_ids={})
    figures = judge(one, seen)
    assert (figures.grade, figures.labels_changed) == ("drift", 0)


CHANGES: dict[str, tuple[Callable[[Observation], Any], str, str]] = {
    "token id": (
        lambda o: o["token_ids"]["input_ids"][4].__setitem__(1, 3),
        "retokenized",
        "1 examples differ, example 4 first",
    ),
    "mask": (lambda o: o["token_ids"]["attention_mask"][7].__setitem__(0, 0), "retokenized", "attention_mask: token"),
    "length": (
        lambda o: o["token_ids"].update(input_ids=[ids[:8] for ids in o["token_ids"]["input_ids"]]),
        "retokenized",
        "(8, 16) became (8, 8)",
    ),
    "ids missing": (lambda o: o["token_ids"].pop("input_ids"), "retokenized", "(8, 16) became (0,)"),
    "ids too many": (lambda o: o["token_ids"].update(more=[[1]]), "retokenized", "more: token ids of shape (0,)"),
    "graph": (lambda o: o["architecture"].update({"graph.json": "0" * 64}), "reconfigured", "graph.json is not what"),
    "config missing": (
        lambda o: o["architecture"].pop("encoders/bert_encoder/config.json"),
        "reconfigured",
        "config.json is not",
    ),
    "labels": (lambda o: o["labels"].reverse(), "reconfigured", "labels are not what was saved: ['"),
    "labels missing": (lambda o: o["labels"].clear(), "reconfigured", "labels are not what was saved: [] for ['"),
    "inputs": (
        lambda o: o["inputs"].insert(0, o["inputs"].pop()),
        "reconfigured",
        "input_ids is not what was saved: ['numerical_features', 'feature', 'float32', [10]] for ['input_ids', 'input",
    ),
    "input of another type": (
        lambda o: o["inputs"][2].__setitem__(2, "float64"),
        "reconfigured",
        "features is not what was saved: ['nume",
    ),
    "input missing": (lambda o: o["inputs"].pop(), "reconfigured", "features is not what was saved: no input for"),
    "encoder too many": (lambda o: o["architecture"].update(x="0"), "reconfigured", "x is not what was saved"),
    "NaN": (lambda o: o[FLOAT64][OUTPUT][0].__setitem__(0, float("nan")), "drift", "inf of the scale in float64"),
    "infinity": (lambda o: o[FLOAT64][OUTPUT][0].__setitem__(0, float("inf")), "drift", "inf of the scale in float64"),
    "single NaN": (lambda o: o[NATIVE][OUTPUT][0].__setitem__(0, float("nan")), "drift", "inf of the scale in si"),
    "shape": (lambda o: o[FLOAT64][OUTPUT].pop(), "drift", "inf of the scale in float64"),
    "single shape": (lambda o: o[NATIVE][OUTPUT].pop(), "drift", "inf of the scale in single precision"),
    "output missing": (lambda o: (o[NATIVE].pop(OUTPUT), o[FLOAT64].pop(OUTPUT)), "drift", "inf of the scale"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_planted_cause_has_its_grade(golden: Golden, seen: Observation, name: str) -> None:
    plant, grade, reason = CHANGES[name]
    plant(seen)
    figures = judge(golden, seen)
    assert figures.grade == grade
    assert reason in figures.reason


def test_the_worst_finding_decides(golden: Golden, seen: Observation) -> None:
    grades = []
    for plant in (
        lambda: seen[FLOAT64][OUTPUT][0].__setitem__(0, 0.3),
        lambda: swap(seen[NATIVE][OUTPUT], 0),
        lambda: seen["token_ids"]["input_ids"][0].__setitem__(0, 7),
        lambda: seen["architecture"].clear(),
    ):
        plant()
        grades.append(judge(golden, seen).grade)
    assert grades == ["drift", "flip", "retokenized", "reconfigured"]
    assert judge(golden, seen).labels_changed == 1


def test_accuracy_counts_the_answers_where_there_are_any(golden: Golden, observed: Observation) -> None:
    assert judge(golden, observed).accuracy is None
    answers = golden.float64_predictions[OUTPUT].argmax(-1)
    answers[:2] = 1 - answers[:2]  # two of eight that the model gets wrong
    assert judge(with_(golden, answers=answers), observed).accuracy == 0.75


def test_the_bound_may_be_widened(golden: Golden, seen: Observation) -> None:
    seen[FLOAT64][OUTPUT][0][0] -= 1e-4
    assert judge(golden, seen).grade == "drift"
    assert judge(golden, seen, float64_tolerance=1e-3).grade == "identical"


@settings(max_examples=200, derandomize=True, deadline=None)
@given(FLOATS, st.floats(1e-9, 1e3))
def test_a_difference_is_measured_against_the_scale(array: Any, off: float) -> None:
    assert difference(array, array, array) == 0
    other = array.copy()
    other.flat[-1] += off * scale(array)
    assert difference(other, array, array) == pytest.approx(off, rel=1e-5)


@pytest.mark.parametrize(
    ("a", "b"), [([1.0], [1.0, 2.0]), ([np.nan], [1.0]), ([np.inf], [1.0]), ([np.inf], [-np.inf]), ([np.inf], [np.nan])]
)
def test_what_cannot_be_compared_is_infinitely_far(a: list[float], b: list[float]) -> None:
    assert difference(np.array(a), np.array(b), np.array(b)) == np.inf
    assert difference(np.array(b), np.array(a), np.array(b)) == np.inf
    assert difference(np.array(a), np.array(a), np.array(a)) == 0


@pytest.mark.parametrize(
    ("policies", "least"),
    [
        (["float32"], 32 * 2.0**-23),
        (["float32", "mixed_float16"], 32 * 2.0**-10),
        (["float16", "float32"], 32 * 2.0**-10),
        (["mixed_bfloat16", "mixed_float16"], 32 * 2.0**-7),
        (["float64"], 32 * 2.0**-23),
    ],
)
def test_the_least_noise_is_that_of_the_narrowest_dtype(policies: list[str], least: float) -> None:
    assert least_noise(policies) == least
    assert noise_floor([0.0], least) == least


def test_the_noise_floor_is_never_below_32_units_in_the_last_place() -> None:
    double = np.array([[0.25, 0.75]])
    assert noise_floor([difference(double.astype("<f4"), double, double)]) == 32 * 2.0**-23
    assert noise_floor([1e-7, 1e-5]) == 8 * 1e-5
    assert noise_floor([float("inf")]) == 32 * 2.0**-23


def test_a_fingerprint_sees_every_sampled_change_and_the_mean_sees_the_rest() -> None:
    array = np.arange(1000.0).reshape(10, 100)
    before = differences.fingerprint(array)
    assert before == (499.5, 499.5, 0.0, 249.0, 499.0, 749.0, 999.0)
    for position in (0, 1, 500, 999):
        moved = array.copy()
        moved.flat[position] += 1
        assert differences.fingerprint(moved) != before


def test_the_words_of_the_grades_are_defined_once() -> None:
    replayed, failed = get_args(grades.Grade), get_args(grades.FailedGrade)
    assert replayed == grades.GRADES == (*grades.SAME, *get_args(grades.ChangedGrade))
    assert get_args(CellGrade) == (*replayed, *failed, "not run") == tuple(MEANING)
    assert get_args(Expectation.model_fields["outcome"].annotation) == (*get_args(grades.ChangedGrade), *failed)


def test_the_names_of_the_runtimes_are_defined_once() -> None:
    assert get_args(known_breakages.RuntimeName) == known_breakages.RUNTIMES
    assert get_args(Environment.model_fields["runtime"].annotation) == known_breakages.RUNTIMES
