"""Which matrix file a command takes where none is named."""

import shutil
from pathlib import Path

import pytest
from support.paths import ROOT

from bert_bundle.errors import ConfigError
from bert_bundle.host.config import matrix_location
from bert_bundle.host.config.matrix_file import FILE_NAME
from bert_bundle.host.config.matrix_location import check_not_shipped, default_matrix_path
from bert_bundle.host.report import wording


def test_the_nearest_matrix_file_is_found_else_the_repositorys(tmp_path: Path) -> None:
    own = ROOT / FILE_NAME
    (tmp_path / "project" / "deep").mkdir(parents=True)
    assert default_matrix_path(tmp_path / "project" / "deep") == own
    shutil.copy(own, tmp_path / "project" / FILE_NAME)
    assert default_matrix_path(tmp_path / "project" / "deep") == tmp_path / "project" / FILE_NAME
    assert default_matrix_path(tmp_path) == own


def test_without_a_repository_it_is_the_packages_own_which_reports_name_and_nobody_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_location, "_REPOSITORY", tmp_path / "nothing")
    found = default_matrix_path(tmp_path)
    assert found == Path(matrix_location.__file__).parent / "shipped" / FILE_NAME
    assert wording.matrix(found).startswith(f"environments of the {FILE_NAME} that comes with bert_bundle ")
    with pytest.raises(ConfigError, match="the one that comes with bert_bundle is locked already"):
        check_not_shipped(found)


def test_a_file_of_the_users_own_needs_no_note(tmp_path: Path) -> None:
    assert wording.matrix(tmp_path / FILE_NAME) == wording.matrix(None) == ""
    check_not_shipped(ROOT / FILE_NAME)
