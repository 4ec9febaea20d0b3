"""A real save tells its steps: which, in which order, and how long each took. What is told can end it."""

import re

import pytest

SEQUENTIAL = ["capture", "golden examples", "staging", "publishing"]
PROOFS = ["proof 1 (one thread, no oneDNN)", "proof 2 (every core, default kernels)"]


def test_a_proven_save_tells_every_step_with_its_seconds(classic, save, tmp_path):
    steps = []
    save(classic, tmp_path / "router", prove=True, progress=steps.append)
    assert {step.bundle for step in steps} == {"router"}
    began = [step.name for step in steps if step.seconds is None]
    ended = {step.name: step.seconds for step in steps if step.seconds is not None}
    assert began == SEQUENTIAL[:3] + PROOFS + SEQUENTIAL[3:]
    assert [name for name in ended if name not in PROOFS] == SEQUENTIAL
    assert len(steps) == 2 * len(ended) == 2 * len(began)
    assert all(ended[name] > 1 for name in PROOFS)  # each imports TensorFlow


def test_lines_are_printed_when_asked_for_and_nothing_when_off(classic, save, tmp_path, capfd):
    save(classic, tmp_path / "silent", progress=False)
    save(classic, tmp_path / "unasked")
    assert "bert_bundle: " not in capfd.readouterr().err
    save(classic, tmp_path / "router", progress=True)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("bert_bundle: router: ")]
    assert [re.sub(r" (\.\.\.|[0-9.]+ s)$", "", line.split(": ")[2]) for line in lines] == [
        "capture",
        "golden examples",
        "golden examples",
        "staging",
        "publishing",
    ]


def test_a_function_that_raises_ends_the_save_and_leaves_nothing(classic, save, tmp_path):
    def refuse(step):
        if step.name == "staging" and step.seconds is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(classic, tmp_path / "models" / "router", progress=refuse)
    assert not (tmp_path / "models" / "router").exists()
