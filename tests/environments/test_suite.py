"""The in-environment suite in every environment of the group `ci`, beside the other tests of the session.

`tests/conftest.py::suites` starts the suites with the first test, and orders these tests last.
"""

import re

import pytest
from support.suites import Suites

from bert_bundle.host.config.matrix_file import Matrix

# The newest first: it has Keras 3 too, and takes longest.
ENVIRONMENTS = (
    "tf2.21-hf4.57-py3.13",
    "tf2.18-hf4.48-py3.12",
    "tf2.15-hf4.40-py3.11",
    "tf2.13-hf4.35-py3.11",
    "tf2.10-hf4.25-py3.9",
    "tf2.6-hf4.12-py3.8",
)


def test_these_are_the_environments_of_the_group_ci(matrix: Matrix) -> None:
    assert {row.id for row in matrix.select(groups=["ci"])} == set(ENVIRONMENTS)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_suite_passes_in_the_environment_and_skips_nothing(name: str, suites: Suites) -> None:
    done = suites.result(name)
    assert done.returncode == 0, done.stdout + done.stderr
    closing = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"[1-9][0-9]+ passed in [0-9.]+s.*", closing), closing
