"""The policy of a gate: what its file may contain, the error for each fault, and the default that ships."""

from pathlib import Path

import pytest
from support.paths import ROOT

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.gate_policy import DEFAULT, GatePolicy, allowed, read_policy
from bert_bundle.host.config.matrix_file import FILE_NAME, Matrix, read_matrix

GOOD = """\
version: 1
environments: {groups: [ci], names: ["tf2.2*"]}
bounds: {labels: identical, double: 5.0e-7}
behaviour: {broke: 3, changed: 0.02, accuracy_drop: 0.01}
budgets: {size: 1.1, load: null}
card: {required: [licence, owner]}
baseline: required
"""


def read(folder: Path, text: str) -> GatePolicy:
    path = folder / "gate.yaml"
    path.write_text(text, "utf-8")
    return read_policy(path)


def test_the_file_becomes_a_record(tmp_path: Path) -> None:
    policy = read(tmp_path, GOOD)
    assert policy.environments is not None
    assert (policy.environments.groups, policy.environments.names) == (("ci",), ("tf2.2*",))
    assert (policy.behaviour.broke, policy.behaviour.changed, policy.behaviour.accuracy_drop) == (3, 0.02, 0.01)
    assert (policy.budgets.size, policy.budgets.load) == (1.1, None)
    assert (policy.card.required, policy.baseline, policy.bounds.double) == (("licence", "owner"), "required", 5e-7)


def test_the_default_that_ships_is_the_default_of_the_records_with_every_key_explained() -> None:
    assert read_policy() == GatePolicy(version=1)
    text = DEFAULT.read_text("utf-8")
    for field in GatePolicy.model_fields:
        before, _, _ = text.partition(f"\n{field}:")
        assert before.splitlines()[-1].startswith("#") or field == "version", field


def test_the_digest_is_of_what_is_asked_for(tmp_path: Path) -> None:
    assert read(tmp_path, "version: 1\n").digest == read_policy().digest
    assert read(tmp_path, GOOD).digest != read_policy().digest
    turned = "\n".join(reversed(GOOD.splitlines())) + "\n# a comment\n"
    assert read(tmp_path, GOOD).digest == read(tmp_path, turned).digest


@pytest.mark.parametrize(
    ("good", "bad", "place", "message", "fix"),
    [
        ("budgets:", "budget:", "gate.yaml: budget", "unknown key", "did you mean budgets?"),
        ("broke: 3", "broek: 3", "gate.yaml: behaviour.broek", "unknown key", "did you mean broke?"),
        ("broke: 3", "broke: -1", "gate.yaml: behaviour.broke", "neither a number of examples nor", "broke: 0"),
        ("broke: 3", "broke: 1.5", "gate.yaml: behaviour.broke", "neither a number of examples nor", "broke: 0"),
        ("broke: 3", "broke: true", "gate.yaml: behaviour.broke", "neither a number of examples nor", "broke: 0"),
        ("broke: 3", "broke: .nan", "gate.yaml: behaviour.broke", "neither a number of examples nor", "broke: 0"),
        ("0.01}", "2.0}", "gate.yaml: behaviour.accuracy_drop", "should be less than or equal to 1", "accuracy_drop"),
        ("size: 1.1", "size: 0", "gate.yaml: budgets.size", "should be greater than 0", "size: 1.1"),
        ("size: 1.1", "size: small", "gate.yaml: budgets.size", "should be a valid number", "size: 1.1"),
        ("5.0e-7", "5e-7", "gate.yaml: bounds.double", "should be a valid number", "double: 5.0e-7"),
        ("[licence, owner]", "owner", "gate.yaml: card.required", "not a list", "required: [licence, owner]"),
        ("baseline: required", "baseline: maybe", "gate.yaml: baseline", "should be 'optional' or 'required'", "write"),
        ("version: 1", "version: 2", "gate.yaml: version", "should be less than or equal to 1", "version: 1"),
        ("version: 1\n", "", "gate.yaml: version", "a key is missing", "add it: version: 1"),
        (
            "version: 1\n",
            "version: 1\nversion: 1\n",
            "gate.yaml: line 2",
            "the key 'version' is repeated",
            "remove one",
        ),
        (
            '{groups: [ci], names: ["tf2.2*"]}',
            "{groups: [], names: []}",
            "gate.yaml: environments",
            "no environment is selected, so nothing would be checked",
            "groups: [ci]",
        ),
    ],
)
def test_an_error_names_the_place_of_the_fault_and_the_fix(
    tmp_path: Path, good: str, bad: str, place: str, message: str, fix: str
) -> None:
    assert good in GOOD
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, GOOD.replace(good, bad))
    assert refused.value.place.startswith(place)
    assert message in refused.value.message
    assert fix in refused.value.fix


@pytest.mark.parametrize(
    ("environments", "message"),
    [
        ("{groups: [production]}", "unknown group"),
        ('{names: ["tf3*"]}', "no environment matches"),
        ('{groups: [native], names: ["tf2.4-*"]}', "no environment is in the groups and matches the names"),
    ],
)
def test_an_environment_that_the_matrix_does_not_have_is_refused(
    tmp_path: Path, environments: str, message: str
) -> None:
    matrix: Matrix = read_matrix(ROOT / FILE_NAME)
    policy = read(tmp_path, f"version: 1\nenvironments: {environments}\n")
    with pytest.raises(ConfigError, match=f"{message} @ gate.yaml: environments"):
        policy.rows(matrix, source="gate.yaml")


def test_a_share_is_rounded_down_and_a_number_is_a_number() -> None:
    assert [allowed(0.02, examples) for examples in (10, 49, 50, 100, 240)] == [0, 0, 1, 2, 4]
    assert [allowed(of, 100) for of in (0, 3, 0.29, 1.0)] == [0, 3, 29, 100]
