"""The known breakages: where each rule begins and ends, which runtime is chosen, and that a real lock shows each."""

import platform
from pathlib import Path

import pytest
from support.paths import ROOT

from bert_bundle.errors import RuntimeUnavailableError
from bert_bundle.host.config.matrix_file import FILE_NAME, read_matrix
from bert_bundle.host.environments.locks import FOLDER, read_lock
from bert_bundle.interpreter import installed, known_breakages
from bert_bundle.interpreter.known_breakages import (
    AUTO,
    NATIVE,
    RULES,
    RUNTIMES,
    TRANSFORMERS,
    Rule,
    broken_rules,
    choose,
    version_numbers,
)

MATRIX = read_matrix(ROOT / FILE_NAME)
BROKEN = MATRIX.select(groups=["broken"])

CLASSES = {
    "tensorflow-cpu": "2.15.1",
    "keras": "2.15.0",
    "tf-keras": "2.15.1",
    "transformers": "4.40.2",
    "numpy": "1.26.4",
    "protobuf": "4.25.3",
    "tokenizers": "0.19.1",
    "safetensors": "0.4.3",
}
KERAS_3 = {"jax": "0.12.0.1", "keras": "3.15.1", "numpy": "2.5.5", "tokenizers": "0.23.3", "safetensors": "0.8.0"}


def with_(packages: dict[str, str], **changed: str | None) -> dict[str, str]:
    """Return `packages` with some at another version, and without those that are None; "_" stands for "-"."""
    both: dict[str, str | None] = {**packages, **{name.replace("_", "-"): v for name, v in changed.items()}}
    return {name: version for name, version in both.items() if version is not None}


OLD = with_(CLASSES, tensorflow_cpu="2.11.1", keras="2.11.0", tf_keras=None, transformers="4.27.4", protobuf="3.19.6")
NEW = with_(CLASSES, tensorflow_cpu="2.21.0", keras="3.15.1", tf_keras="2.21.0", transformers="4.57.6", numpy="2.4.4")


@pytest.mark.parametrize("packages", [CLASSES, OLD, NEW], ids=["2.15", "2.11", "2.21"])
def test_packages_that_work_together_break_no_rule(packages: dict[str, str]) -> None:
    assert broken_rules(TRANSFORMERS, packages) == ()
    assert choose(TRANSFORMERS, packages) == choose(AUTO, packages) == TRANSFORMERS


@pytest.mark.parametrize("backend", [{}, {"torch": "2.13.0", "jax": None}, {"tensorflow": "2.21.0", "jax": None}])
def test_keras_3_with_a_backend_breaks_no_rule(backend: dict[str, str | None]) -> None:
    assert choose(NATIVE, with_(KERAS_3, **backend)) == choose(AUTO, with_(KERAS_3, **backend)) == NATIVE


@pytest.mark.parametrize(
    ("rule", "packages", "applies"),
    [
        ("tensorflow-missing", with_(CLASSES, tensorflow_cpu=None), True),
        ("tensorflow-missing", with_(CLASSES, tensorflow_cpu=None, tensorflow="2.15.1"), False),
        ("tensorflow-missing", with_(CLASSES, tensorflow_cpu=None, tensorflow_intel="2.15.1"), False),
        ("tensorflow-classes-missing", with_(CLASSES, transformers="5.0.0rc1"), True),
        ("tensorflow-classes-missing", with_(CLASSES, transformers="3.5.1"), True),
        ("tensorflow-classes-missing", with_(CLASSES, transformers=None), True),
        ("tensorflow-classes-missing", with_(CLASSES, transformers="4.57.6"), False),
        ("numpy-2", with_(CLASSES, numpy="2.0.0"), True),
        ("numpy-2", with_(CLASSES, tensorflow_cpu="2.17.1", numpy="2.0.0rc1"), True),
        ("numpy-2", with_(CLASSES, tensorflow_cpu="2.18.0", numpy="2.0.0"), False),
        ("numpy-2", with_(KERAS_3), False),
        ("h5py", with_(KERAS_3, h5py="3.10.0"), True),
        ("h5py", with_(KERAS_3, h5py="3.11.0"), False),
        ("h5py", with_(KERAS_3, h5py="3.10.0", numpy="1.26.4"), False),
        ("h5py", with_(NEW, h5py="2.10.0"), True),
        ("protobuf-4", with_(OLD, protobuf="4.21.0"), True),
        ("protobuf-4", with_(OLD, protobuf="3.20.3"), False),
        ("protobuf-4", with_(OLD, tensorflow_cpu="2.12.0", protobuf="4.21.0"), False),
        ("keras-engine-missing", with_(CLASSES, tensorflow_cpu="2.13.0", transformers="4.21.0"), True),
        ("keras-engine-missing", with_(CLASSES, transformers="4.29.2"), True),
        ("keras-engine-missing", with_(CLASSES, transformers="4.30.0"), False),
        ("keras-engine-missing", with_(CLASSES, transformers="4.20.1"), False),
        ("keras-engine-missing", with_(CLASSES, tensorflow_cpu="2.12.1", transformers="4.29.2"), False),
        ("tf-keras-missing", with_(NEW, tensorflow_cpu="2.16.0rc0", tf_keras=None), True),
        ("tf-keras-missing", with_(CLASSES, tf_keras=None), False),
        ("tf-keras-missing-2.15", with_(CLASSES, transformers="4.39.0", tf_keras=None), True),
        ("tf-keras-missing-2.15", with_(CLASSES, transformers="4.38.2", tf_keras=None), False),
        ("tf-keras-missing-2.15", with_(CLASSES, transformers="4.41.2"), False),
        ("tf-keras-missing-2.15", with_(OLD, tensorflow_cpu="2.14.1", transformers="4.41.2"), False),
        ("tf-keras-release", with_(NEW, tf_keras="2.20.1"), True),
        ("tf-keras-release", with_(NEW, tf_keras="2.21.7"), False),
        ("tf-keras-release", with_(NEW, tf_keras=None), False),
        ("python", with_(KERAS_3, keras=None, python="3.8.18"), True),
        ("python", with_(KERAS_3, keras="2.13.1", python="3.8"), True),
        ("python", with_(KERAS_3, keras="2.13.1", python="3.9"), False),
        ("python", with_(KERAS_3, python="3.8"), False),
        ("keras-3-missing", with_(KERAS_3, keras=None, python="3.8.18"), False),
        ("keras-3-missing", with_(KERAS_3, keras=None, python="3.10.0"), True),
        ("keras-3-missing", with_(KERAS_3, keras=None), True),
        ("keras-3-missing", with_(KERAS_3, keras="2.15.0"), True),
        ("keras-3-missing", with_(KERAS_3, keras="3.0.0"), False),
        ("backend-missing", with_(KERAS_3, jax=None), True),
        ("backend-missing", with_(KERAS_3, jax=None, jaxlib="0.12.0.1"), True),
        ("tokenizers-missing", with_(KERAS_3, tokenizers=None), True),
        ("safetensors-0.3", with_(KERAS_3, safetensors="0.3.0"), True),
        ("safetensors-0.3", with_(KERAS_3, safetensors=None), False),
        ("safetensors-0.3", with_(KERAS_3, safetensors="0.3.1"), False),
    ],
)
def test_a_rule_applies_up_to_its_bounds(rule: str, packages: dict[str, str], applies: bool) -> None:
    (found,) = [r for r in RULES if r.id == rule]
    assert found.applies(packages) == applies
    assert (found in broken_rules(found.runtimes[0], packages)) == applies


def test_auto_takes_the_installed_runtime() -> None:
    assert choose(AUTO, with_(NEW, tf_keras=None)) == NATIVE
    assert choose(AUTO, with_(NEW, transformers="5.23.0")) == NATIVE
    assert choose(AUTO, NEW) == TRANSFORMERS


def test_a_refusal_names_runtime_rule_versions_and_what_to_do() -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"tf\.keras is Keras 3") as caught:
        choose(TRANSFORMERS, with_(NEW, tf_keras=None))
    assert caught.value.place == "the transformers runtime, rule tf-keras-missing"
    assert caught.value.found == "tensorflow-cpu 2.21.0"
    assert caught.value.fix.startswith("install the minor release of tf-keras that matches TensorFlow")


@pytest.mark.parametrize(
    ("packages", "rule"),
    [
        ({"keras": "3.15.1", "tokenizers": "0.23.3", "safetensors": "0.8.0"}, "native runtime, rule backend-missing"),
        (with_(OLD, protobuf="4.25.3"), "transformers runtime, rule protobuf-4"),
        ({"safetensors": "0.8.0"}, "transformers runtime, rule tensorflow-missing"),
    ],
)
def test_auto_reports_the_nearest_runtime_when_none_is_installed(packages: dict[str, str], rule: str) -> None:
    with pytest.raises(RuntimeUnavailableError, match=rule):
        choose(AUTO, packages)


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("2.16.0", (2, 16, 0)), ("5.0.0rc1", (5, 0, 0)), ("2.17.0.dev20240101", (2, 17, 0)), ("1.26.4+mkl", (1, 26, 4))],
)
def test_the_numbers_of_a_version_are_what_is_compared(version: str, numbers: tuple[int, ...]) -> None:
    assert version_numbers({"a": version}, "b", "a") == numbers


def test_a_missing_package_is_below_every_release() -> None:
    assert version_numbers({}, "a") == () < (0,)


def test_the_installed_versions_are_read_from_metadata() -> None:
    found = known_breakages.installed_versions()
    assert found["numpy"]
    assert found["python"] == platform.python_version()
    assert "tensorflow" not in found


def test_what_was_missing_is_found_once_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook, where a package is installed beside a process that had asked for it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        RuntimeUnavailableError, match="which is not installed @ the native runtime, rule keras-3-missing"
    ):
        choose("native")
    for name, version in {"keras": "3.4.1", "jax": "0.4.30", "tokenizers": "0.19.1"}.items():
        (tmp_path / f"{name}-{version}.dist-info").mkdir()
        (tmp_path / f"{name}-{version}.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    assert choose("native") == "native"
    installed.clear_version_cache()  # nobody else has these


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_a_reason_and_a_fix_without_a_full_stop(rule: Rule) -> None:
    assert set(rule.runtimes) <= set(RUNTIMES)
    for part in (rule.why, rule.fix):
        assert part
        assert not part.endswith(".")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_has_a_locked_environment_that_no_other_rule_refuses(rule: Rule) -> None:
    (row,) = [row for row in BROKEN if row.id.endswith(f"-py{row.python}-{rule.id}")]
    versions = {known_breakages.PYTHON: row.python, **read_lock(row, ROOT / FOLDER).pins}
    assert [r.id for r in broken_rules(row.runtime, versions)] == [rule.id]
    (expected,) = [e for e in MATRIX.expect if e.environment == row.id]
    assert (expected.outcome, expected.rule) == ("refused", rule.id)


def test_every_broken_environment_is_for_a_rule_and_no_rule_refuses_another() -> None:
    assert len(BROKEN) == len(RULES)
    assert [row for row in MATRIX.environments if row not in BROKEN] == list(MATRIX.loading)
    for row in MATRIX.loading:
        assert choose(row.runtime, read_lock(row, ROOT / FOLDER).pins) == row.runtime
