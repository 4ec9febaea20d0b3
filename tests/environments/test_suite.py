"""The in-environment suite, the seed's three cases among it, in every environment of the group `ci`.

The last file of a session (tests/conftest.py): the runs it waits for have begun with the first.
"""

import re
import subprocess
from concurrent.futures import Future

import pytest

from bert_bundle.host.config.matrix_file import Matrix

ENVIRONMENTS = (
    "tf2.6-hf4.12-py3.8", "tf2.10-hf4.25-py3.9", "tf2.13-hf4.35-py3.11", "tf2.15-hf4.40-py3.11", "tf2.18-hf4.48-py3.12",
    "tf2.21-hf4.57-py3.13",
)  # fmt: skip


def test_these_are_the_environments_of_the_group_ci(matrix: Matrix) -> None:
    assert tuple(row.id for row in matrix.select(groups=["ci"])) == ENVIRONMENTS


@pytest.mark.parametrize("name", ENVIRONMENTS[::-1])
def test_the_suite_passes_in_the_environment_and_skips_nothing(
    name: str, suite_runs: "dict[str, Future[subprocess.CompletedProcess[str]]]"
) -> None:
    done = suite_runs[name].result()
    closing = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"[1-9][0-9]+ passed in [0-9.]+s.*", closing), closing
