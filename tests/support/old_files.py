"""Have an environment write models in the formats of its Keras. Needs the host."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.interpreter import launch
from support.paths import ROOT


def write(environment: ReadyEnvironment, folder: Path, shapes: Sequence[str]) -> None:
    """Write the shapes of `old_models.py` into `folder`. Raises AssertionError with what the process printed."""
    command = [str(environment.python), str(ROOT / "tests" / "in_environment" / "old_models.py"), str(folder), *shapes]
    done = subprocess.run(command, env=launch.environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
