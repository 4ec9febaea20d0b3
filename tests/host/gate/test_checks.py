"""May it ship: each check passes what is good and catches its planted fault; what did not run never ships."""

from pathlib import Path
from typing import Any

import pytest
from support.forged_bundles import rewrite
from support.forged_candidates import LABELS, RIGHT, TEXTS, but, figures, judged, made, reasons, release, statuses

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError, IntegrityError
from bert_bundle.host.config.matrix_file import Expectation
from bert_bundle.host.environments.prepare import FailedEnvironment
from bert_bundle.host.gate.checks import NAMES
from bert_bundle.host.gate.gate import read_checked_bundle
from bert_bundle.host.gate.load_times import LoadTimes

NOT_MADE = FailedEnvironment(
    id="d", error=EnvironmentNotMadeError("no interpreter", place="/home/me", fix="install it")
)
ALL_ASKED = dict.fromkeys(NAMES, "passed")
REQUIRED = {"card": {"required": ["owner"]}}
OWNED = {"metadata": {"owner": "the support team"}}


def test_what_is_the_same_again_ships(tmp_path: Path) -> None:
    found = judged(release(tmp_path, "new", **OWNED), release(tmp_path, "old", **OWNED), policy=REQUIRED)
    assert (found.decision, found.exit_code, found.changes) == ("ships", 0, ())
    assert statuses(found) == ALL_ASKED
    assert tuple(statuses(found)) == NAMES
    assert figures(found, "behaviour") == {
        "examples": 10,
        "answers known": 10,
        "answers that differ": 0,
        "broke": 0,
        "changed": 0,
        "fixed": 0,
        "accuracy before": 1.0,
        "accuracy": 1.0,
        "accuracy drop": 0.0,
    }


def test_a_bundle_beside_itself_ships(tmp_path: Path) -> None:
    only = release(tmp_path, "only")
    assert judged(only, only).decision == "ships"


def test_without_a_baseline_what_needs_one_is_not_asked_for_and_says_so(tmp_path: Path) -> None:
    found = judged(release(tmp_path, "new"))
    assert (found.decision, found.exit_code) == ("ships", 0)
    assert {name for name, status in statuses(found).items() if status == "not asked for"} == {
        "behaviour",
        "size",
        "load",
        "card",
    }
    assert reasons(found, "behaviour") == reasons(found, "load") == ("no --baseline was given",)
    assert reasons(found, "card") == ("the policy does not require any field",)


@pytest.mark.parametrize(
    ("check", "fault", "reason"),
    [
        ("bundle", {"proven": False}, "it was saved with prove=False"),
        ("verify", {"reading": "drifts"}, "a: drift: the function changed"),
        ("verify", {"reading": "crashes"}, "a: crashed: the worker was killed by SIGKILL"),
        ("audit", {"reading": "drifts"}, "a: drift: the function changed"),
        ("audit", {"reading": "missing_runtime"}, "a: refused: no TensorFlow here"),
        (
            "behaviour",
            {"predicted": but(RIGHT, at_4=2)},
            "1 of 10 examples were right and are now wrong; the limit is 0",
        ),
        ("size", {"metadata": {"owner": "x" * 2000}}, "times the size of the baseline; the limit is 1.1"),
        ("load", {"load_seconds": 1.6}, "1.60 times the load time of the baseline; the limit is 1.5"),
        ("card", {"metadata": {"owner": "  "}}, "metadata has no owner: save it with metadata={...}"),
        ("card", {"metadata": {}}, "metadata has no owner"),
    ],
)
def test_a_planted_fault_is_refused_by_its_check(
    tmp_path: Path, check: str, fault: dict[str, Any], reason: str
) -> None:
    found = judged(release(tmp_path, "new", **{**OWNED, **fault}), release(tmp_path, "old", **OWNED), policy=REQUIRED)
    assert found.decision == "refused"
    assert statuses(found)[check] == "failed"
    assert any(reason in given for given in reasons(found, check))
    expected = {"verify", "audit", "load"} if "reading" in fault else {check}
    assert {name for name, status in statuses(found).items() if status != "passed"} <= expected


def test_every_reason_is_given_not_only_the_first(tmp_path: Path) -> None:
    worst = release(
        tmp_path,
        "new",
        proven=False,
        reading="drifts",
        predicted=but(RIGHT, at_4=2),
        load_seconds=9.0,
        metadata={"about": "x" * 2000},
    )
    found = judged(worst, release(tmp_path, "old"), policy=REQUIRED)
    assert statuses(found) == dict.fromkeys(NAMES, "failed")
    assert (found.decision, found.exit_code) == ("refused", 1)


def test_labels_are_told_apart_by_what_was_right_and_listed_with_their_texts(tmp_path: Path) -> None:
    before, after = but(RIGHT, at_1=0, at_2=0), but(RIGHT, at_0=2, at_2=1)
    found = judged(
        release(tmp_path, "new", predicted=after),
        release(tmp_path, "old", predicted=before),
        policy={"behaviour": {"broke": 1, "changed": 1, "accuracy_drop": 0.0}},
    )
    assert [(c.kind, c.text, c.before, c.after, c.answer) for c in found.changes] == [
        ("broke", "ticket 0", "access", "bug", "access"),
        ("changed", "ticket 2", "access", "billing", "bug"),
        ("fixed", "ticket 1", "access", "billing", "billing"),
    ]
    assert found.decision == "ships"
    assert figures(found, "behaviour")["accuracy drop"] == 0.0


def test_without_answers_a_label_that_differs_merely_changed(tmp_path: Path) -> None:
    old = release(tmp_path, "old", answers=None)
    new = release(tmp_path, "new", answers=None, predicted=but(RIGHT, at_4=2))
    found = judged(new, old)
    assert reasons(found, "behaviour") == (
        "1 of 10 examples changed without a recorded true label, or from one wrong label to another; the limit is 0",
    )
    assert (figures(found, "behaviour")["accuracy"], found.changes[0].answer) == (None, "")
    assert judged(new, old, policy={"behaviour": {"changed": 0.1}}).decision == "ships"


def test_a_candidate_without_answers_is_judged_by_the_baselines(tmp_path: Path) -> None:
    found = judged(release(tmp_path, "new", answers=None, predicted=but(RIGHT, at_4=2)), release(tmp_path, "old"))
    assert (found.changes[0].kind, found.decision) == ("broke", "refused")


def test_a_candidate_does_not_say_itself_what_is_right(tmp_path: Path) -> None:
    wrong = but(RIGHT, at_4=2)
    found = judged(release(tmp_path, "new", predicted=wrong, answers=wrong), release(tmp_path, "old"))
    assert (found.decision, found.changes[0].kind) == ("refused", "broke")
    assert "1 true labels differ from the baseline's, which were used" in reasons(found, "behaviour")


def test_accuracy_may_fall_by_what_the_policy_says_and_no_more(tmp_path: Path) -> None:
    new, old = release(tmp_path, "new", predicted=but(RIGHT, at_4=2)), release(tmp_path, "old")
    loose = {"broke": 0.1, "accuracy_drop": 0.1}
    assert judged(new, old, policy={"behaviour": loose}).decision == "ships"
    found = judged(new, old, policy={"behaviour": {**loose, "accuracy_drop": 0.05}})
    assert reasons(found, "behaviour") == ("accuracy fell from 100.00% to 90.00%; the limit is 5.00%",)


def test_only_examples_that_both_recorded_count(tmp_path: Path) -> None:
    new = release(tmp_path, "new", texts=[*TEXTS[:4], "another", *TEXTS[5:]], predicted=but(RIGHT, at_4=2))
    found = judged(new, release(tmp_path, "old"))
    assert (found.decision, figures(found, "behaviour")["examples"]) == ("ships", 9)
    assert reasons(found, "behaviour") == ("1 of 10 examples of the baseline are not in the candidate",)


def test_a_policy_may_want_the_examples_of_the_baseline_so_that_none_is_left_out(tmp_path: Path) -> None:
    old, new = release(tmp_path, "old"), release(tmp_path, "new", texts=[*TEXTS[:9], "another"])
    assert judged(new, old, policy={"behaviour": {"shared": 0.9}}).decision == "ships"
    found = judged(new, old, policy={"behaviour": {"shared": 1.0}})
    assert (found.decision, reasons(found, "behaviour")[0]) == (
        "refused",
        "1 of 10 examples of the baseline are not in the candidate; a share of 1 is required",
    )


def test_bundles_that_share_no_example_leave_it_undecided_and_say_what_to_do(tmp_path: Path) -> None:
    new = release(tmp_path, "new", texts=[f"other {number}" for number in range(10)])
    found = judged(new, release(tmp_path, "old"))
    assert (found.decision, found.exit_code, statuses(found)["behaviour"]) == ("undecided", 3, "not run")
    assert reasons(found, "behaviour") == (
        "no example is in both bundles: save the candidate with the examples of the baseline",
    )


def test_what_did_not_run_is_no_success_even_beside_a_refusal(tmp_path: Path) -> None:
    new = release(tmp_path, "new", texts=[f"other {number}" for number in range(10)], proven=False)
    found = judged(new, release(tmp_path, "old"))
    assert (found.decision, found.exit_code) == ("refused", 3)


def test_a_baseline_that_cannot_be_loaded_leaves_it_undecided(tmp_path: Path) -> None:
    found = judged(release(tmp_path, "new"), release(tmp_path, "old", reading="crashes"))
    assert (found.decision, found.exit_code, statuses(found)["load"]) == ("undecided", 3, "not run")
    assert reasons(found, "load") == ("one of the two could not be loaded: the worker was killed by SIGKILL",)


def test_an_environment_that_cannot_be_made_refuses_the_release(tmp_path: Path) -> None:
    found = judged(release(tmp_path, "new"), environments=[made("a"), NOT_MADE])
    assert (found.decision, found.exit_code, statuses(found)["audit"]) == ("refused", 4, "not run")
    assert reasons(found, "audit") == ("d could not be made: no interpreter",)
    assert [place.id for place in found.environments] == ["a", "d"]


def test_so_does_the_one_nearest_to_the_writer(tmp_path: Path) -> None:
    found = judged(release(tmp_path, "new"), release(tmp_path, "old"), nearest=NOT_MADE, environments=[made("a")])
    assert (found.decision, found.exit_code) == ("refused", 4)
    assert {name for name, status in statuses(found).items() if status == "not run"} == {"verify", "load"}
    assert reasons(found, "verify") == ("d could not be made: no interpreter",)


def test_it_is_verified_beside_the_audit_where_the_policy_does_not_name_the_nearest(tmp_path: Path) -> None:
    found = judged(release(tmp_path, "new"), nearest=made("near"), environments=[made("a"), made("b")])
    assert reasons(found, "verify")[0].startswith("near: bitwise")
    assert [verdict.reader for verdict in found.run.verdicts] == ["a", "b"]
    assert [place.id for place in found.environments] == ["near", "a", "b"]


def test_environments_that_all_refuse_as_they_are_known_to_say_nothing_for_a_release(tmp_path: Path) -> None:
    known = Expectation.model_validate({"environment": "old", "outcome": "refused", "reason": "too old"})
    new = release(tmp_path, "new", reading="missing_runtime")
    found = judged(new, nearest=made("a"), environments=[made("old")], expect=[known])
    assert statuses(found)["audit"] == "not run"
    assert reasons(found, "audit")[0] == (
        "it was replayed in no environment of the policy: name some that can load a bundle"
    )


def test_the_bounds_are_the_policys(tmp_path: Path) -> None:
    new = release(tmp_path, "new", reading="drifts")
    assert judged(new).decision == "refused"
    assert judged(new, policy={"bounds": {"double": 0.01, "reason": "a trial"}}).decision == "ships"


def test_what_the_policy_has_no_budget_for_is_not_asked_for(tmp_path: Path) -> None:
    new = release(tmp_path, "new", load_seconds=9.0, metadata={"about": "x" * 2000})
    found = judged(new, release(tmp_path, "old"), policy={"budgets": {"size": None, "load": None}})
    assert found.decision == "ships"
    assert reasons(found, "size") == reasons(found, "load") == ("the policy does not set this budget",)


def test_a_load_time_is_the_ratio_of_medians_so_one_slow_turn_moves_it_not() -> None:
    found = LoadTimes(candidate=(1.2, 9.0, 1.2, 1.2, 1.2), baseline=(1.0, 1.0, 1.0, 0.5, 1.0))
    assert found.ratio == 1.2
    assert (min(found.turns), max(found.turns)) == (1.2, 9.0)


@pytest.mark.parametrize("labels", [(*LABELS[:2], "feature"), (LABELS[1], LABELS[0], LABELS[2]), LABELS[:2]])
def test_a_baseline_with_other_labels_is_a_fault_of_the_configuration(tmp_path: Path, labels: tuple[str, ...]) -> None:
    old = release(tmp_path, "old", labels=labels, predicted=[0] * 10, answers=None)
    with pytest.raises(ConfigError, match="the baseline has other labels") as refused:
        judged(release(tmp_path, "new"), old)
    assert (refused.value.wanted, refused.value.found) == ("access, billing, bug", ", ".join(labels))


def test_a_policy_that_requires_a_baseline_takes_no_candidate_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the policy requires a baseline"):
        judged(release(tmp_path, "new"), policy={"baseline": "required"})


def test_an_output_of_another_shape_is_refused(tmp_path: Path) -> None:
    old = release(tmp_path, "old")
    forged = release(tmp_path, "two", labels=LABELS[:2], predicted=[0] * 10, answers=None)
    golden = "golden/tensors.safetensors"
    new = release(tmp_path, "new", predicted=[0] * 10)
    rewrite(new.path, golden, (forged.path / golden).read_bytes())
    found = judged(read_checked_bundle(new.path), old)
    assert statuses(found)["behaviour"] == "failed"
    assert reasons(found, "behaviour") == (
        "outputs that only one bundle has, or that have another shape: probabilities",
    )


def test_a_damaged_release_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    new = release(tmp_path, "new")
    golden = new.path / "golden" / "inputs.json"
    golden.write_bytes(golden.read_bytes().replace(b"ticket 4", b"ticket 5"))
    with pytest.raises(IntegrityError, match="a file is not what was written"):
        read_checked_bundle(new.path)
