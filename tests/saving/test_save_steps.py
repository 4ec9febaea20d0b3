"""Who is told of the steps of a save, and what is printed: a function, standard error, a terminal, nobody."""

import os
import pty
import re
import subprocess
import sys

import pytest

from bert_bundle import SaveStep
from bert_bundle.saving.save_steps import CAPTURE, GOLDEN, SaveProgress, SaveSteps, steps_of

SAVE = """
from bert_bundle.saving.save_steps import CAPTURE, GOLDEN, steps_of
steps = steps_of("router", {progress})
steps.begin(CAPTURE)
steps.then(CAPTURE, GOLDEN)
steps.end(GOLDEN)
"""
LINES = r"bert_bundle: router: capture \d\.\d s\nbert_bundle: router: golden examples \.\.\.\n" + (
    r"bert_bundle: router: golden examples \d\.\d s\n"
)


def told(progress: SaveProgress, *, before: str = "") -> str:
    """Return what a fresh process writes to standard error, which is a pipe."""
    command = [sys.executable, "-c", before + SAVE.format(progress=progress)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def test_a_function_is_told_that_each_step_begins_and_how_long_it_took() -> None:
    found: list[SaveStep] = []
    steps = steps_of("router", found.append)
    steps.begin(CAPTURE)
    steps.then(CAPTURE, GOLDEN)
    steps.end(GOLDEN)
    assert [(step.bundle, step.name, step.seconds is None) for step in found] == [
        ("router", "capture", True),
        ("router", "capture", False),
        ("router", "golden examples", True),
        ("router", "golden examples", False),
    ]
    assert all(step.seconds is None or 0 <= step.seconds < 1 for step in found)


def test_true_prints_a_line_for_each_step_and_for_a_long_one_that_begins() -> None:
    assert re.fullmatch(LINES, told(True))


@pytest.mark.parametrize("progress", [None, False])
def test_a_pipe_gets_no_lines_unless_they_are_asked_for(progress: SaveProgress) -> None:
    assert told(progress) == ""


def test_a_notebook_gets_lines() -> None:
    before = "import sys, types\nsys.modules['ipykernel'] = types.ModuleType('ipykernel')\n"
    assert re.fullmatch(LINES, told(None, before=before))
    assert told(False, before=before) == ""


def test_a_terminal_gets_plain_lines() -> None:
    reader, writer = pty.openpty()
    subprocess.run([sys.executable, "-c", SAVE.format(progress=None)], stderr=writer, check=True)
    os.close(writer)
    shown = os.read(reader, 4096).decode().replace("\r\n", "\n")
    os.close(reader)
    assert re.fullmatch(LINES, shown)


def test_a_process_without_standard_error_saves_silently() -> None:
    before = "import sys\nsys.stderr = None\n"
    assert told(None, before=before) == ""


def test_nobody_told_means_nothing_measured() -> None:
    steps = SaveSteps("router", None)
    steps.begin(CAPTURE)
    steps.end(GOLDEN)  # never begun: no time is looked up


def test_what_the_function_raises_is_raised() -> None:
    def refuse(_: SaveStep) -> None:
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        steps_of("router", refuse).begin(CAPTURE)
