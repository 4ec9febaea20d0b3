"""compat_matrix.yaml: what it may contain, and the error for each fault."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from support.paths import ROOT

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.matrix_file import (
    FILE_NAME,
    Environment,
    Matrix,
    Properties,
    Tolerances,
    read_matrix,
)
from bert_bundle.interpreter.known_breakages import RULES

GOOD = """\
version: 1
environments:
  tf2.10-py3.9:
    python: "3.9"
    as_of: 2022-12-15
    packages: ["tensorflow-cpu==2.10.1", "transformers==4.25.1"]
    runtime: transformers
    groups: [demo, ci]
  tf2.4-py3.8:
    python: "3.8"
    as_of: 2022-01-15
    packages: ["tensorflow-cpu==2.4.4"]
    runtime: native
    groups: [full]
"""
ROW = "compat_matrix.yaml: environments.tf2.10-py3.9"


def read(folder: Path, text: str) -> Matrix:
    path = folder / FILE_NAME
    path.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    return read_matrix(path)


def test_the_file_becomes_records_in_its_own_order(tmp_path: Path) -> None:
    matrix = read(tmp_path, GOOD)
    first, second = matrix.environments
    assert [first.id, second.id] == ["tf2.10-py3.9", "tf2.4-py3.8"]
    assert (first.python, first.as_of, first.runtime) == ("3.9", date(2022, 12, 15), "transformers")
    assert first.packages == ("tensorflow-cpu==2.10.1", "transformers==4.25.1")
    assert first.pins == {"tensorflow-cpu": "2.10.1", "transformers": "4.25.1"}
    assert first.groups == ("demo", "ci")
    assert (matrix.expect, matrix.policy, matrix.properties) == ((), Tolerances(), Properties())


def test_the_example_of_the_design_is_read(tmp_path: Path) -> None:
    tail = (
        "expect:\n  - {environment: tf2.4-*, outcome: refused, reason: too old, see: tensorflow#1}\n"
        "policy: {labels: identical, double: 5.0e-7}\nproperties: {examples: 25, seed: 0}\n"
    )
    matrix = read(tmp_path, GOOD + tail)
    assert [(e.environment, e.outcome, e.see) for e in matrix.expect] == [("tf2.4-*", "refused", "tensorflow#1")]
    assert (matrix.policy.double, matrix.properties.examples, matrix.properties.seed) == (5e-7, 25, 0)


def test_an_expectation_takes_its_reason_and_link_from_the_rule_it_names(tmp_path: Path) -> None:
    entry = "expect: [{environment: tf2.4-*, outcome: refused, rule: numpy-2"
    (rule,) = (rule for rule in RULES if rule.id == "numpy-2")
    (expected,) = read(tmp_path, GOOD + entry + "}]").expect
    assert (expected.rule, expected.reason, expected.see) == (rule.id, rule.why, rule.see)
    (expected,) = read(tmp_path, GOOD + entry + ", reason: seen here too}]").expect
    assert (expected.reason, expected.see) == ("seen here too", rule.see)


def test_a_bound_may_be_wider_for_a_reason_and_tighter_without_one(tmp_path: Path) -> None:
    wider = read(tmp_path, GOOD + "policy: {double: 1.0e-6, noise: 2.0, reason: two kinds of CPU}").policy
    assert wider.widened == "bounds widened: double 1e-06 instead of 5e-07, noise 2 instead of 1: two kinds of CPU"
    assert Tolerances(noise=2.0, reason="x").widened == "bounds widened: noise 2 instead of 1: x"
    assert read(tmp_path, GOOD + "policy: {double: 1.0e-9, noise: 0.5}").policy.widened == ""


def test_a_record_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(tmp_path, GOOD).environments[0].python = "3.10"


@pytest.mark.parametrize(
    ("good", "bad", "place", "message", "fix"),
    [
        ('"3.9"', "3.9", f"{ROW}.python", "should be a valid string", 'python: "3.9"'),
        ('"3.9"', '"3.7"', f"{ROW}.python", "the value has the wrong form", 'python: "3.9"'),
        ('    python: "3.9"\n', "", f"{ROW}.python", "a key is missing", 'add it: python: "3.9"'),
        ("runtime: transformers", "runtme: transformers", f"{ROW}.runtme", "unknown key", "did you mean runtime"),
        ("runtime: transformers", "runtime: jax", f"{ROW}.runtime", "should be 'transformers' or 'native'", "runtime:"),
        ("2022-12-15", '"2022-12-15"', f"{ROW}.as_of", "should be a valid date", "as_of: 2022-12-15"),
        ("==4.25.1", ">=4.25", f"{ROW}.packages.1", "not pinned to one release", "packages: ["),
        ("==4.25.1", "==4.25.*", f"{ROW}.packages.1", "not pinned to one release", "packages: ["),
        ("==4.25.1", " @ file:///x", f"{ROW}.packages.1", "not pinned to one release", "packages: ["),
        ("==4.25.1", "==4; python_version<'4'", f"{ROW}.packages.1", "a URL or an environment marker", "packages: ["),
        ("transformers==", "--index-url==", f"{ROW}.packages.1", "not a requirement", "packages: ["),
        ("transformers==", "TensorFlow_CPU==", f"{ROW}.packages", "a package is listed twice", "packages: ["),
        ("[demo, ci]", "demo", f"{ROW}.groups", "not a list", "groups: [ci]"),
        (
            "tf2.10-py3.9:",
            "../x:",
            "compat_matrix.yaml: environments.../x.id",
            "the value has the wrong form",
            "tf2.10",
        ),
        ("version: 1", "version: 2", "compat_matrix.yaml: version", "less than or equal to 1", "version: 1"),
    ],
)
def test_a_fault_names_its_place_and_its_fix(
    tmp_path: Path, good: str, bad: str, place: str, message: str, fix: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, GOOD.replace(good, bad, 1))
    assert caught.value.place == place
    assert fix in caught.value.fix
    assert caught.value.wanted


@pytest.mark.parametrize(
    ("tail", "place", "message"),
    [
        (
            "expect: [{environment: tf9*, outcome: refused, reason: x}]",
            "expect.0.environment",
            "the exception matches no environment",
        ),
        (
            "expect: [{environment: tf2.4*, outcome: refused, reason: ' '}]",
            "expect.0.reason",
            "the value has the wrong form",
        ),
        ("expect: [{environment: tf2.4*, outcome: refused}]", "expect.0.reason", "a key is missing"),
        ("expect: [{environment: tf2.4*, outcome: refused, rule: numpy-3}]", "expect.0.rule", "unknown rule"),
        ("expect: [{environment: tf2.4*, outcome: refused, rule: []}]", "expect.0.rule", "should be a valid string"),
        ("expect: [{environment: tf2.4*, outcome: identical, reason: x}]", "expect.0.outcome", "should be 'drift'"),
        (
            "expect: [{environment: tf2.4*, outcome: drift, reason: x}, {environment: '*', outcome: flip, reason: y}]",
            "expect.1.environment",
            "matches tf2.4-py3.8, which an earlier one matches",
        ),
        ("policy: {double: 5e-7}", "policy.double", "should be a valid number"),  # YAML reads a string without the dot
        ("policy: {double: .nan}", "policy.double", "less than 1"),
        ("policy: {single: 1.0}", "policy.single", "unknown key"),
        ("policy: {noise: 0.0}", "policy.noise", "greater than 0"),
        ("policy: {double: 1.0e-6}", "policy.reason", "a bound is wider than the default and has no reason"),
        ("policy: {noise: 1.5}", "policy.reason", "a bound is wider than the default and has no reason"),
        ("policy: {noise: 1.5, reason: ' '}", "policy.reason", "the reason is empty"),
        ("properties: {examples: 0}", "properties.examples", "greater than or equal to 1"),
        ("extra: 1", "extra", "unknown key"),
    ],
)
def test_a_fault_below_the_environments_names_its_place_too(
    tmp_path: Path, tail: str, place: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, GOOD + tail)
    assert caught.value.place == f"compat_matrix.yaml: {place}"


@pytest.mark.parametrize("text", ["version: 1\nenvironments: []", "version: 1\nenvironments: {a: }", "- 1", ""])
def test_what_is_not_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="not a mapping"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("version: 1", "the key 'version' is repeated"),
        ("expect: &everything []", "anchors are not allowed"),
        ("expect: *everything", "aliases are not allowed"),
        ("expect: !!python/name:os.system x", "tags are not allowed"),
        ("policy: {<<: {}}", "merge keys are not allowed"),
        ("2.10: {}", "a key is not a string"),
        ("expect: " + 9000 * "[" + 9000 * "]", "more than 16 levels of nesting"),
        ("properties: {seed: 2022-13-01}", "an invalid value: month"),
        ("properties: {seed: " + 5000 * "9" + "}", "an invalid value"),
        ("---\nversion: 1", "another document"),
        ("]", "expected <block end>"),
    ],
)
def test_yaml_that_means_more_than_it_shows_is_refused_with_its_line(tmp_path: Path, tail: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, GOOD + tail + "\n")
    assert caught.value.place.startswith("compat_matrix.yaml: line 1")


@pytest.mark.parametrize(
    ("text", "message"),
    [(GOOD + "#" * 1_000_000, "too large"), (GOOD + "\udcff", "not UTF-8"), (GOOD + "\0", "not YAML")],
)
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the file"):
        read_matrix(tmp_path / FILE_NAME)


@pytest.mark.parametrize(
    ("groups", "names", "expected"),
    [
        ((), (), ["tf2.10-py3.9", "tf2.4-py3.8"]),
        (("full", "ci"), (), ["tf2.10-py3.9", "tf2.4-py3.8"]),
        (("ci",), (), ["tf2.10-py3.9"]),
        ((), ("*py3.8",), ["tf2.4-py3.8"]),
        (("full",), ("tf2*",), ["tf2.4-py3.8"]),
    ],
)
def test_groups_and_names_narrow_the_selection(
    tmp_path: Path, groups: tuple[str, ...], names: tuple[str, ...], expected: list[str]
) -> None:
    assert [e.id for e in read(tmp_path, GOOD).select(groups=groups, names=names)] == expected


def test_a_selection_that_is_unknown_or_empty_lists_what_exists(tmp_path: Path) -> None:
    matrix = read(tmp_path, GOOD)
    with pytest.raises(ConfigError, match="unknown group\n  wanted: one of ci, demo, full\n  found: nightly"):
        matrix.select(groups=["nightly"])
    with pytest.raises(ConfigError, match=r"no environment matches\n  wanted: one of tf2.10-py3.9, tf2.4-py3.8"):
        matrix.select(names=["tf2.4*", "tf3*"])
    with pytest.raises(ConfigError, match=r"in the groups and matches the names\n  wanted: one of tf2.10-py3.9"):
        matrix.select(groups=["demo"], names=["tf2.4*"])


def test_the_repositorys_own_matrix_has_its_groups() -> None:
    matrix = read_matrix(ROOT / FILE_NAME)
    assert [e.id.split("-")[0] for e in matrix.select(groups=["demo"])] == ["tf2.10", "tf2.15", "tf2.21"]
    assert [e.python for e in matrix.select(groups=["ci"])] == ["3.8", "3.9", "3.11", "3.11", "3.12", "3.13"]
    assert len(matrix.select(groups=["full"])) == len(matrix.environments)
    for environment in matrix.environments:
        named: dict[str, str] = dict(re.findall(r"(tf|hf|keras|jax|py)([0-9.]+)", environment.id))
        assert named.pop("py") == environment.python
        for short, release in named.items():
            pinned = environment.pins[{"tf": "tensorflow-cpu", "hf": "transformers"}.get(short, short)]
            assert f"{pinned}.".startswith(f"{release}.")


LOCKED = """\
version: 1
environments:
  today:
    python: "3.11"
    lock: ../requirements.txt
    runtime: transformers
"""


def test_a_row_with_a_lock_of_the_users_own_has_no_date_and_is_named_by_that_lock(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    shutil.copy(ROOT / "locks" / "tf2.15-hf4.40-py3.11.txt", tmp_path / "requirements.txt")
    (row,) = read(tmp_path / "own", LOCKED).environments
    assert (row.as_of, row.lock, row.pins["transformers"]) == (None, "../requirements.txt", "4.40.2")
    again = Environment.model_validate_json(row.model_dump_json())  # as a job carries it
    assert again == row


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("runtime:", "as_of: 2024-05-15\n    runtime:", "environments.today.as_of", "the lock decides"),
        ("runtime:", "packages: [a==1]\n    runtime:", "environments.today.packages", "the lock decides"),
        ("    lock: ../requirements.txt\n", "", "environments.today.as_of", "a key is missing"),
        ("../requirements.txt", "3", "environments.today.lock", "should be a valid string"),
    ],
)
def test_a_row_has_either_a_lock_or_what_one_is_made_from(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, LOCKED.replace(old, new, 1))
    assert caught.value.place == f"{FILE_NAME}: {place}"
    assert caught.value.fix


def test_a_row_whose_lock_is_not_there_is_a_fault_of_the_matrix_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the file @ \.\./requirements\.txt"):
        read(tmp_path, LOCKED)
