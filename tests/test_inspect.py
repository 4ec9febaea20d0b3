"""`inspect`, and what reading a bundle never does: import what is heavy, run, compile, connect, or write."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.bundle_files import tree
from support.forged_bundles import put, rewrite, small

import bert_bundle
from bert_bundle.format import strict_json

# argv: bundles. The first is whole: what reading imports is imported then. After that, whatever runs is recorded.
AUDITED = """
import json, os, sys
import bert_bundle
from bert_bundle.errors import BundleError, RuntimeUnavailableError

first, *others = sys.argv[1:]
bert_bundle.inspect(first)
try:
    bert_bundle.load(first)
except RuntimeUnavailableError:
    pass
try:
    bert_bundle.load(others[0])
except BundleError:
    pass
watched = ("import", "exec", "compile", "marshal", "pickle", "socket", "subprocess", "os.system", "os.exec",
           "os.posix_spawn", "os.fork", "ctypes", "shutil", "os.remove", "os.rename", "os.mkdir", "os.chmod", "os.ch")
events = []

def hook(event, arguments):
    if event.startswith(watched):
        events.append([event, str(arguments[:1])])
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & 3:
        events.append([event, str(arguments)])

sys.addaudithook(hook)
path, cwd = list(sys.path), os.getcwd()
answers = []
for bundle in others:
    for read in (bert_bundle.inspect, bert_bundle.load):
        try:
            read(bundle)
            answers.append("read")
        except BundleError as error:
            answers.append(type(error).__name__)
unmoved = path == sys.path and cwd == os.getcwd()
print(json.dumps({"answers": answers, "events": events, "unmoved": unmoved}))
"""

FRESH = """
import sys
import bert_bundle
assert not {"numpy", "json", "hashlib"} & set(sys.modules) - before, "importing bert_bundle imports more than itself"
bert_bundle.inspect(sys.argv[1])
heavy = {"tensorflow", "transformers", "keras", "tf_keras", "tokenizers", "torch", "safetensors", "click", "pydantic"}
print(sorted(heavy & set(sys.modules)))
"""


def child(script: str, *arguments: object) -> str:
    command = [sys.executable, "-c", "import sys; before = set(sys.modules)\n" + script, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_inspect_answers_with_the_manifest(classic_bundle: Path) -> None:
    manifest = bert_bundle.inspect(classic_bundle)
    assert manifest.to_bytes() == (classic_bundle / "bundle.json").read_bytes()
    assert manifest.labels == ("class 0", "class 1")
    assert manifest.encoders == {"bert_encoder": {"class": "BertModel", "model_type": "bert"}}
    assert manifest.writer["packages"]["tensorflow-cpu"].startswith("2.15")
    assert [i["role"] for i in manifest.signature["inputs"]] == ["input_ids", "attention_mask", "feature"]


@pytest.mark.parametrize("kind", [str, Path, "with a slash", "relative"])
def test_a_path_may_be_written_in_any_way(classic_bundle: Path, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(classic_bundle.parent)
    ways = {"with a slash": f"{classic_bundle}/", "relative": classic_bundle.name}
    path = ways[kind] if isinstance(kind, str) else kind(classic_bundle)
    assert bert_bundle.inspect(path).digest == bert_bundle.inspect(classic_bundle).digest


def test_a_moved_bundle_is_the_same_bundle(classic_bundle: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(classic_bundle, tmp_path / "elsewhere" / "renamed")
    assert bert_bundle.inspect(moved) == bert_bundle.inspect(classic_bundle)


def test_the_manifest_contains_no_time_host_or_path(classic_bundle: Path) -> None:
    import getpass
    import platform

    text = (classic_bundle / "bundle.json").read_text()
    for secret in (str(classic_bundle.parent), str(Path.home()), platform.node(), f'"{getpass.getuser()}"', "/tmp"):
        assert secret not in text


def test_inspect_imports_nothing_heavy_and_the_package_nothing_at_all(tmp_path: Path) -> None:
    assert child(FRESH, small(tmp_path / "home" / "bundle")) == "[]\n"


def test_reading_hostile_bundles_runs_nothing_and_writes_nothing(classic_bundle: Path, tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(classic_bundle, tmp_path / name))

    damaged, planted, code, cut, config = map(copy, ("damaged", "planted", "code", "cut", "config"))
    (damaged / "graph.json").write_bytes(b"{}")
    for name in ("sitecustomize.py", "tensorflow.py", "transformers.py", "numpy.py", "conftest.py"):
        (planted / name).write_text("raise SystemExit('this ran')")
    document = json.loads((code / "graph.json").read_bytes())
    put("layers", 3, "config", "activation", "__import__('os').system('true')")(document)
    rewrite(code, "graph.json", strict_json.canonical(document))
    rewrite(cut, "weights.safetensors", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n.")
    rewrite(config, "encoders/bert_encoder/config.json", b'{"model_type": "evil", "auto_map": {"AutoModel": "evil.M"}}')
    bundles = [damaged, planted, code, cut, config]
    before = [tree(str(bundle)) for bundle in bundles if bundle is not planted]
    seen = json.loads(child(AUDITED, classic_bundle, *bundles))
    assert seen["events"] == []
    assert seen["unmoved"]
    assert seen["answers"] == [
        *("IntegrityError", "IntegrityError"),
        *("UnsafeError", "UnsafeError"),
        *("read", "FormatError"),
        *("read", "LimitError"),  # a pickle's first bytes, as the length of a header
        *("read", "UnsafeError"),
    ]
    assert before == [tree(str(bundle)) for bundle in bundles if bundle is not planted]


def test_the_audit_sees_what_it_looks_for(classic_bundle: Path, tmp_path: Path) -> None:
    """A whole bundle that is asked to do more than be read: the import that the test above must not see."""
    whole = shutil.copytree(classic_bundle, tmp_path / "whole")
    (damaged := Path(shutil.copytree(classic_bundle, tmp_path / "damaged")) / "graph.json").write_bytes(b"{}")
    importing = AUDITED.replace("answers = []\n", "answers = []\nimport colorsys\n", 1)
    seen = json.loads(child(importing, classic_bundle, damaged.parent, whole))
    assert seen["answers"] == ["IntegrityError", "IntegrityError", "read", "RuntimeUnavailableError"]
    assert [event for event in seen["events"] if event[0] == "import"]
