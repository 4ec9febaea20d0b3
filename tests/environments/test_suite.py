"""The in-environment suite in every environment of the group `ci`, beside the other tests of the session.

Whole in the newest environment; each test once more in one of the five older ones, which share them out by name. In
the profile `nightly` every environment runs all of it. `tests/conftest.py::suites` starts the suites with the first
test, and orders these tests last.
"""

import os
import re

import pytest
from support.suites import Suites

from bert_bundle.host.config.matrix_file import Matrix

WHOLE = "1/1"
# The share of the suite that each runs. The newest first: it has Keras 3 too, and takes longest.
ENVIRONMENTS = {
    "tf2.21-hf4.57-py3.13": WHOLE,
    "tf2.6-hf4.12-py3.8": "1/5",
    "tf2.18-hf4.48-py3.12": "2/5",
    "tf2.15-hf4.40-py3.11": "3/5",
    "tf2.13-hf4.35-py3.11": "4/5",
    "tf2.10-hf4.25-py3.9": "5/5",
}
if os.environ.get("BERT_BUNDLE_PROFILE") == "nightly":
    ENVIRONMENTS = dict.fromkeys(ENVIRONMENTS, WHOLE)


def test_these_are_the_environments_of_the_group_ci(matrix: Matrix) -> None:
    assert {row.id for row in matrix.select(groups=["ci"])} == set(ENVIRONMENTS)


@pytest.mark.parametrize(("name", "share"), ENVIRONMENTS.items())
def test_the_suite_passes_in_the_environment_and_skips_nothing(name: str, share: str, suites: Suites) -> None:
    done = suites.result(name)
    assert done.returncode == 0, done.stdout + done.stderr
    closing = done.stdout.strip().splitlines()[-1]
    others = "" if share == WHOLE else ", [1-9][0-9]+ deselected"
    assert re.fullmatch(rf"[1-9][0-9]+ passed{others} in [0-9.]+s.*", closing), closing
