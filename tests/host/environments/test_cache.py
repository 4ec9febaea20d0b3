"""What is in the cache, what is pruned and what is kept. The entries are made by hand: no environment is installed."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bert_bundle.host.cli import main
from bert_bundle.host.environments.cache import entries, remove, to_prune
from bert_bundle.host.environments.environment import CACHE_VARIABLE, MARKER

NOW = datetime(2026, 11, 29, tzinfo=UTC)
OLD, NEW = "0" * 16, "1" * 16


def days_ago(path: Path, days: float) -> None:
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of two environments, one that is incomplete, results and a file of nobody's."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    for name, days, size in ((OLD, 40, 3_000_000), (NEW, 1, 2_000_000)):
        folder = tmp_path / "environments" / name
        folder.mkdir(parents=True)
        (folder / MARKER).write_text(json.dumps({"environment": f"row-{name[0]}", "size": size, "lock": name}))
        folder.with_name(f"{name}.lock").touch()
        days_ago(folder / MARKER, days)
    (tmp_path / "environments" / "2.failed").mkdir()
    days_ago(tmp_path / "environments" / "2.failed", 50)
    (tmp_path / "results" / "replays").mkdir(parents=True)
    (tmp_path / "results" / "replays" / "a.json.gz").write_bytes(b"x" * 10_000)
    days_ago(tmp_path / "results" / "replays" / "a.json.gz", 2)
    (tmp_path / "note.txt").write_text("mine")
    days_ago(tmp_path / "note.txt", 3)
    return tmp_path


def test_entries_are_named_by_their_rows_and_the_largest_is_first(cache: Path) -> None:
    found = entries()
    assert [(e.kind, e.id) for e in found] == [
        ("environment", "row-0"),
        ("environment", "row-1"),
        ("results", "results"),
        ("incomplete environment", "2.failed"),
        ("other", "note.txt"),
    ]
    assert [(e.size, e.lock) for e in found[:2]] == [(3_000_000, OLD), (2_000_000, NEW)]
    assert [(NOW - e.last_used).days for e in found] == [40, 1, 2, 50, 3]


def test_an_empty_cache_has_no_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "nothing"))
    assert entries() == ()


@pytest.mark.parametrize(
    ("days", "kept", "pruned"),
    [
        (30, (), ["row-0", "2.failed"]),
        (30, (OLD,), ["2.failed"]),
        (45, (), ["2.failed"]),
        (0, (NEW,), ["row-0", "results", "2.failed", "note.txt"]),
    ],
)
def test_what_was_unused_for_so_long_is_pruned_unless_its_group_is_kept(
    cache: Path, days: int, kept: tuple[str, ...], pruned: list[str]
) -> None:
    chosen = to_prune(entries(), unused_for=timedelta(days=days), kept_locks=kept, now=NOW)
    assert [e.id for e in chosen] == pruned


def test_what_is_removed_is_gone_with_its_lock(cache: Path) -> None:
    for entry in entries():
        remove(entry)
    assert sorted(p.name for p in cache.rglob("*")) == ["environments"]


def test_the_commands_list_prune_and_clear(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^row-0 +environment +2026-10-20 +0\.00$", out, re.MULTILINE)
    assert f"5 in the cache, together 0.0 GB: {cache}" in out
    assert main(["cache", "prune", "--unused-for", "36500", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"root": str(cache), "size": 0, "removed": True, "entries": []}
    assert main(["cache", "clear"]) == 0
    out, err = capsys.readouterr()
    assert "5 removed, together 0.0 GB" in out
    assert "removing row-0" in err
    assert entries() == ()


def test_a_group_to_keep_must_exist(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "prune", "--keep-groups", "cii"]) == 2
    assert "did you mean ci?" in capsys.readouterr().err
    assert len(entries()) == 5
