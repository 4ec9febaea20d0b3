"""Names of files: one meaning on every system, none that leads outside."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bert_bundle.errors import FormatError, LimitError, UnsafeError
from bert_bundle.format import layout

GOOD = [
    "graph.json", "README.md", "encoders/bert_encoder/model.safetensors", "tokenizer/vocab.txt", "a", "_", "a-b.c_d",
    "console", "nul1", "com", "auxiliary.txt", "a" * 240,
]  # fmt: skip
BAD = [
    "../x", "a/../b", "..", ".", "./a", "a/.", "/etc/passwd", "//srv/x", "a//b", "a/", "/", "", " ", "~", "~/x", "-rf",
    "C:\\x", "C:x", "\\\\srv\\x", "a\\..\\b", "a\\b", "a:ads", "a b", "a ", " a", "a.", "a./b", ".hidden", "a/.git/b",
    "CON", "con", "CON.json", "aux.txt", "a/NUL", "nul.tar.gz", "COM1", "lpt9.txt", "PRN.", "a\0b", "a\nb", "a\n",
    "graph.json\n", "a\x1b[31m", "é", "ﬁle", "a\u202eb", "a\u2044b", "\uff0e\uff0e/x", "a*", "a?", "a|b", "%2e%2e/x",
    "$HOME", "\udcff", "a/\u200b",
]  # fmt: skip


@pytest.mark.parametrize("path", GOOD)
def test_a_plain_path_is_itself(path: str) -> None:
    assert layout.check_path(path) is path


@pytest.mark.parametrize("path", BAD, ids=ascii)
def test_a_path_that_could_mean_another_place_is_unsafe(path: str) -> None:
    with pytest.raises(UnsafeError, match="could reach outside of the bundle or means another file") as caught:
        layout.check_path(path)
    assert caught.value.fix
    assert caught.value.place.isprintable()


def test_a_path_is_at_most_240_characters() -> None:
    with pytest.raises(LimitError, match="a path is too long"):
        layout.check_path("a" * 241)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(st.text(st.sampled_from("./\\:aA~ cConNULx1-_\0\né"), max_size=12) | st.text(max_size=12))
@example("x/../y")
def test_what_is_accepted_has_only_plain_parts(path: str) -> None:
    try:
        layout.check_path(path)
    except UnsafeError:
        return
    plain = set(string.ascii_letters + string.digits + "_.-")
    for part in path.split("/"):
        assert part
        assert set(part) <= plain
        assert part[0] not in ".-"
        assert part[-1] != "."
        assert part.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1"}


@pytest.mark.parametrize("paths", [["Vocab.txt", "vocab.txt"], ["a/B", "A/b"], ["x", "y", "X"]])
def test_paths_that_differ_only_in_case_are_one(paths: list[str]) -> None:
    with pytest.raises(FormatError, match="two paths differ only in case") as caught:
        layout.check_distinct(paths)
    assert caught.value.place == paths[-1]
    assert caught.value.found == paths[0]


def test_distinct_paths_are_distinct() -> None:
    layout.check_distinct(["a/b", "a/c", "b", "a/b"])


@pytest.mark.parametrize("path", ["graph.json", "README.md", "encoders/e/model.safetensors", "tokenizer/vocab.txt"])
def test_a_kind_of_file_that_nothing_runs_is_itself(path: str) -> None:
    assert layout.check_file(path) is path


@pytest.mark.parametrize("path", ["a.py", "a.pth", "a.bin", "a.pkl", "a.so", "a.JSON", "json", "a.json.exe", "vocab"])
def test_any_other_kind_is_unsafe(path: str) -> None:
    with pytest.raises(UnsafeError, match="a type of file that a bundle may not contain"):
        layout.check_file(path)


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("bundle.json", 4 << 20),
        ("graph.json", 16 << 20),
        ("golden/facts.json", 16 << 20),
        ("tokenizer/vocab.txt", 64 << 20),
        ("weights.safetensors", 64 << 30),
    ],
)
def test_every_file_has_a_limit(path: str, limit: int) -> None:
    assert layout.limit_of(path) == limit
