"""A load and a verification open each file of a bundle once; a save writes each file once."""

import os
import sys
from collections import Counter
from contextlib import contextmanager

import pytest
from support.bundle_files import tree

import bert_bundle
from bert_bundle import errors
from bert_bundle.format import layout
from bert_bundle.saving import proof

WRITING = os.O_WRONLY | os.O_RDWR
_recorded = []  # of each `record` that is in force: a list of (path, whether it is written)


def _hook(event, arguments):
    if event == "open" and _recorded and isinstance(arguments[0], str):
        written = bool(arguments[2] & WRITING) if isinstance(arguments[2], int) else False
        for opened in _recorded:
            opened.append((arguments[0], written))


sys.addaudithook(_hook)  # for good: there is no way to remove it


@contextmanager
def record():
    """Yield the files that are opened meanwhile, as (path, whether it is written)."""
    opened = []
    _recorded.append(opened)
    try:
        yield opened
    finally:
        _recorded.remove(opened)


@pytest.mark.parametrize("action", [bert_bundle.load, bert_bundle.verify])
def test_each_file_but_the_card_is_opened_once(classic_bundle, action):
    root = os.path.realpath(str(classic_bundle))
    with record() as opened:
        action(root)
    below = [os.path.relpath(path, root) for path, _ in opened if path.startswith(root + os.sep)]
    assert Counter(below) == dict.fromkeys(set(tree(root)) - {layout.CARD}, 1)


def _written(opened, folder):
    """How often each file of a staged bundle was opened for writing, by its path in the bundle."""
    inside = [os.path.relpath(path, folder) for path, written in opened if written and path.startswith(folder)]
    return Counter("/".join(path.split(os.sep)[1:]) for path in inside if os.sep in path)


@pytest.mark.parametrize("prove", [True, False])
def test_a_save_writes_each_file_once(classic, save, tmp_path, prove):
    folder = str(tmp_path / "models")
    with record() as opened:
        save(classic, os.path.join(folder, "bundle"), prove=prove)
    assert _written(opened, folder) == dict.fromkeys(tree(os.path.join(folder, "bundle")), 1)


def test_the_facts_hold_what_the_proof_measured(classic, save, tmp_path):
    from support.bundle_files import read_golden

    golden = read_golden(str(save(classic, tmp_path / "bundle", prove=True)))
    assert {proof.ONE_THREAD, proof.EVERY_CORE} < set(golden.measured)


def test_a_staged_file_that_changes_before_the_proof_is_refused_by_it(classic, save, tmp_path, monkeypatch):
    """Planted: the disk gives back other bytes than were written."""

    def faulty(path, *arguments):
        with open(os.path.join(path, layout.WEIGHTS), "r+b") as file:
            file.seek(-1, os.SEEK_END)
            (last,) = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last ^ 1]))
        return honest(path, *arguments)

    honest = proof.prove
    monkeypatch.setattr(proof, "prove", faulty)
    with pytest.raises(errors.ProofError, match="could not load the staged bundle: a file is not what was") as caught:
        save(classic, tmp_path / "models" / "bundle", prove=True)
    assert caught.value.place == layout.WEIGHTS
    assert os.listdir(str(tmp_path / "models")) == []
