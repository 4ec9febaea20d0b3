"""Which environments a selection means: by group, by id, by the beginning of an id, by a glob, and by none of these."""

import re
from pathlib import Path

import pytest

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.matrix_file import FILE_NAME, Matrix, read_matrix

IDS = ["tf2.10-hf4.25", "tf2.15-hf4.40", "tf2.15-hf4.41-broken", "tf2.18-hf4.48", "tf2.18-hf4.51"]
ROW = '{python: "3.11", as_of: 2024-05-15, packages: ["tensorflow-cpu==2.15.1"], runtime: transformers'


def matrix(folder: Path, *, groups: str = "[all]", refused: str = "tf2.15-hf4.41-broken") -> Matrix:
    rows = "".join(f"  {i}: {ROW}, groups: {groups}}}\n" for i in IDS)
    expect = f"expect: [{{environment: '{refused}', outcome: refused, reason: known}}]\n"
    (folder / FILE_NAME).write_text(f"version: 1\nenvironments:\n{rows}{expect}")
    return read_matrix(folder / FILE_NAME)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tf2.10-hf4.25", ["tf2.10-hf4.25"]),
        ("tf2.10", ["tf2.10-hf4.25"]),
        ("tf2.15", ["tf2.15-hf4.40"]),  # the other is expected to be refused
        ("tf2.15-hf4.41", ["tf2.15-hf4.41-broken"]),
        ("tf2.15-hf4.41-broken", ["tf2.15-hf4.41-broken"]),
        ("tf2.15*", ["tf2.15-hf4.40", "tf2.15-hf4.41-broken"]),
        ("*hf4.5?", ["tf2.18-hf4.51"]),
        ("*", IDS),
    ],
)
def test_a_name_is_an_id_or_the_beginning_of_one_that_works_or_a_glob(
    tmp_path: Path, name: str, meant: list[str]
) -> None:
    assert [row.id for row in matrix(tmp_path).select(names=[name])] == meant


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tf2.18", "more than one environment begins with this\n  wanted: one of tf2.18-hf4.48, tf2.18-hf4.51\n"),
        ("tf2.18", "  found: tf2.18\n  fix: write more of the id, or 'tf2.18*' for all of them"),
        ("tf2.1", "more than one environment begins with this\n  wanted: one of tf2.10-hf4.25, tf2.15-hf4.40"),
        ("tf2.15-hf4.30", "fix: did you mean tf2.15-hf4.40"),
        ("2.10", "fix: did you mean tf2.10-hf4.25?"),
        ("jax", "fix: choose one of them, or leave it out"),
        ("", "no environment matches"),
    ],
)
def test_a_name_that_means_none_or_several_is_refused_with_the_nearest_ids(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        matrix(tmp_path).select(names=[name])


def test_an_unknown_group_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"unknown group\n  wanted: one of all\n  found: alll\n  fix: did you mean all"
    ):
        matrix(tmp_path).select(groups=["alll"])
    with pytest.raises(ConfigError, match=r"wanted: no group: the matrix file has none\n  found: ci\n  fix: choose"):
        matrix(tmp_path, groups="[]").select(groups=["ci"])


@pytest.mark.parametrize(
    ("groups", "refused", "selected"),
    [
        ("[ci]", "tf2.15-*", IDS),
        ("[all]", "tf2.15-hf4.41-broken", [i for i in IDS if "broken" not in i]),
        ("[]", "tf2.1[58]-*", ["tf2.10-hf4.25"]),
        ("[]", "*", IDS),
    ],
)
def test_without_a_selection_it_is_the_default_group_else_what_is_not_expected_to_be_refused(
    tmp_path: Path, groups: str, refused: str, selected: list[str]
) -> None:
    assert [row.id for row in matrix(tmp_path, groups=groups, refused=refused).select_or_default()] == selected
    assert [row.id for row in matrix(tmp_path, groups=groups).select_or_default(names=["tf2.10"])] == IDS[:1]
