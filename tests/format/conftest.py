"""What tests of files share: a small bundle that needs no TensorFlow, and a user whom permissions bind."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bert_bundle.matrix.process import silent
from bert_bundle.testing.forgery import forge

NOBODY = 65534


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of three golden files, alone in its folder."""
    path = tmp_path / "home" / "bundle"
    path.parent.mkdir()
    forge(progress=silent, specification={}, target=str(path))
    return path


@pytest.fixture
def restricted() -> Iterator[Path]:
    """A folder of this process' own, which is no superuser while the test runs: root may read everything."""
    was = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        if was == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(was)
