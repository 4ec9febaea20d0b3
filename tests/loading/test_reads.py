"""How often a load, a replay and an inspection open each file of a bundle: once."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.bundle_files import tree

from bert_bundle.format import layout

# argv: what to do, a bundle. Prints each path below the bundle that was opened, in order, and how it ended. There is no
# Keras here: a load ends when everything is read and the model would be built.
COUNTED = """
import json, os, sys
import bert_bundle
from bert_bundle import errors
from bert_bundle.format import open_bundle
from bert_bundle.loading import replay

def read(path):
    replay.read_for_replay(open_bundle.open_bundle(path), "auto")

action, root = {"inspect": bert_bundle.inspect, "load": bert_bundle.load, "replay": read, "verify": bert_bundle.verify,
                "twice": lambda path: [bert_bundle.inspect(path), bert_bundle.inspect(path)]}[sys.argv[1]], sys.argv[2]
opened = []

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(root + os.sep):
        opened.append(os.path.relpath(arguments[0], root).replace(os.sep, "/"))

sys.addaudithook(hook)
try:
    action(root)
    ended = "done"
except errors.RuntimeUnavailableError:
    ended = "nothing to build with"
print(json.dumps([opened, ended]))
"""


def opened(action: str, bundle: Path) -> tuple[list[str], str]:
    command = [sys.executable, "-c", COUNTED, action, str(bundle.resolve())]
    files, ended = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return files, ended


@pytest.mark.parametrize(
    ("action", "end"),
    [
        ("inspect", "done"),
        ("load", "nothing to build with"),
        ("replay", "done"),
        ("verify", "nothing to build with"),
    ],
)
def test_each_file_but_the_card_is_opened_once(classic_bundle: Path, action: str, end: str) -> None:
    files, ended = opened(action, classic_bundle)
    assert ended == end
    assert Counter(files) == dict.fromkeys(tree(str(classic_bundle)).keys() - {layout.CARD}, 1)
    assert files[0] == "bundle.json"


def test_a_file_that_is_opened_twice_is_counted_twice(classic_bundle: Path) -> None:
    files, _ = opened("twice", classic_bundle)
    assert Counter(files) == dict.fromkeys(tree(str(classic_bundle)).keys() - {layout.CARD}, 2)
