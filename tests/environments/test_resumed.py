"""A run that is cut short goes on where it ended: what was replayed by then is remembered, the rest is made."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.command_line import SAME, bert_bundle

from bert_bundle.host.environments.environment import cache_root

NAMES = ("tf2.6-hf4.12-py3.8", "tf2.10-hf4.25-py3.9", "tf2.15-hf4.40-py3.11", "tf2.21-hf4.57-py3.13")


@pytest.mark.parametrize("code", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_audit_killed_after_two_of_four_makes_the_other_two(
    classic_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: signal.Signals
) -> None:
    cache = tmp_path / "cache"  # no results of earlier runs; the environments are the cached ones
    cache.mkdir()
    (cache / "environments").symlink_to(cache_root() / "environments")
    monkeypatch.setenv("BERT_BUNDLE_CACHE", str(cache))
    bundle = Path(shutil.copytree(classic_bundle, tmp_path / "router"))
    asked = ["audit", str(bundle), "--jobs", "1", *(part for name in NAMES for part in ("--env", name))]
    output = killed_after(2, [sys.executable, "-m", "bert_bundle", *asked, "--json"], code)
    ended, document = bert_bundle(*asked)
    assert ended == 0
    remembered = [v["remembered"] for v in document["verdicts"]]
    assert remembered in ([True, True, False, False], [True, True, True, False])  # the third may end before the signal
    if code != signal.SIGKILL:
        found = json.loads(output)
        assert found["interrupted"] is True
        assert [v["grade"] in SAME for v in found["verdicts"]] == remembered
        assert {v["grade"] for v in found["verdicts"][remembered.count(True) :]} == {"not run"}
    assert all(v["grade"] in SAME for v in document["verdicts"])


def killed_after(jobs: int, command: list[str], code: signal.Signals) -> str:
    """Kill a command once so many jobs have ended; return its standard output when none of its processes is left."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as host:
        assert host.stderr is not None
        lines = iter(host.stderr.readline, "")
        assert any(line.startswith(f"[{jobs}/") for line in lines)
        assert any(" (reader): " in line for line in lines)  # the next one has begun
        family = psutil.Process(host.pid).children(recursive=True)
        os.kill(host.pid, code)
        output, _ = host.communicate(timeout=30)
        assert host.returncode == (-code if code == signal.SIGKILL else 130)
    assert not psutil.wait_procs(family, timeout=10)[1]
    return output
