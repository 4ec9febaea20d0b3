"""A state machine: bundles saved, replaced, copied, damaged, loaded and removed in one folder, in any order.

Its model knows which classifier each path has, and which bits of it are flipped. Owns no classifier.
"""

import os
import shutil
from collections import namedtuple

import numpy as np
import profiles
import properties
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.format.files import listing
from bert_bundle.format.layout import CARD
from bert_bundle.grading import grades

PATHS = st.sampled_from(["one", "two"])
KINDS = st.integers(0, 1)
PARTS = st.floats(0, 1, exclude_max=True)  # of a list or a file, wherever it ends
SELDOM = st.integers(0, 5)

# A classifier, how to save it, its runtime, and what it predicts for its own texts.
Kind = namedtuple("Kind", ["made", "save", "runtime", "predictions"])

# As small as a classifier gets: a step is to take milliseconds.
_TINY = {**properties.SMALL, "features": 0, "texts": ["my invoice", "why?"]}
_KINDS = ({**_TINY, "classes": 2}, {**_TINY, "class": "ElectraModel", "classes": 3, "max_length": 8, "seed": 1})


def kinds(runtime, save, folder):
    """Return the two classifiers, and what each predicts once it is loaded."""
    made = []
    for number, spec in enumerate(_KINDS):
        classifier = specification.build(spec, runtime.name)
        bundle = bert_bundle.load(save(classifier, folder / str(number)), runtime=runtime.name)
        made.append(Kind(classifier, save, runtime.name, bundle.predict(classifier.examples["text"])))
    return made


def run(kinds, tmp_path_factory):
    """As many histories as the profile sets, of a dozen steps each."""
    folders = tmp_path_factory.mktemp("histories")

    def start():
        start.number += 1
        return Bundles(kinds, str(folders / str(start.number)))

    start.number = 0
    run_state_machine_as_test(start, settings=profiles.of(1, stateful_step_count=12))


def verified(folder):
    """Return the files of a bundle that have a digest, and its manifest."""
    return [path for path in listing(folder) if path != CARD]


class Bundles(RuleBasedStateMachine):
    """`folder`, made here and removed by `teardown`, holds what the two `kinds` were saved as."""

    def __init__(self, kinds, folder):
        super().__init__()
        self.kinds, self.folder = kinds, folder
        self.known = {}  # path -> [position in kinds, flipped bits as (file, byte, bit)]
        os.makedirs(folder)

    def teardown(self):
        shutil.rmtree(self.folder)

    @initialize(kind=KINDS)
    def begin(self, kind):
        """Save a bundle, because without one most steps would do nothing."""
        self._save("one", kind)

    @rule(name=PATHS, kind=KINDS)
    def save(self, name, kind):
        """Save a new bundle, or refuse: what is there stays as it is."""
        if name not in self.known:
            self._save(name, kind)
            return
        with pytest.raises(errors.ConflictError, match="the target exists @"):
            self._save(name, kind)

    @rule(name=PATHS, kind=KINDS)
    def overwrite(self, name, kind):
        """Save a whole bundle, whatever was there."""
        self._save(name, kind, overwrite=True)

    @rule(name=PATHS, target_name=PATHS)
    def copy(self, name, target_name):
        """Copy a bundle with its damage; what was at the target is gone."""
        if name in self.known and name != target_name:
            self.delete(target_name)
            shutil.copytree(self._path(name), self._path(target_name))
            kind, flipped = self.known[name]
            self.known[target_name] = [kind, set(flipped)]

    @rule(name=PATHS, file=PARTS, byte=PARTS, bit=st.integers(0, 7))
    def corrupt(self, name, file, byte, bit):
        """Flip one bit of any file but the card; flipping it again restores the file."""
        if name in self.known:
            files = verified(self._path(name))
            path = files[int(file * len(files))]
            with open(os.path.join(self._path(name), path), "r+b") as opened:
                data = bytearray(opened.read())
                position = int(byte * len(data))
                data[position] ^= 1 << bit
                opened.seek(0)
                opened.write(data)
            self.known[name][1] ^= {(path, position, bit)}

    @rule(name=PATHS)
    def load(self, name):
        """Load the classifier that was saved there last, to the bit."""
        bundle = self._answer(name, bert_bundle.load, always=True)
        if bundle is not None:
            kind = self.kinds[self.known[name][0]]
            np.testing.assert_array_equal(bundle.predict(kind.made.examples["text"]), kind.predictions)

    @rule(name=PATHS, seldom=SELDOM)
    def verify(self, name, seldom):
        """Replay what was saved: one time in six, because it is slow, and always if it must be refused."""
        found = self._answer(name, bert_bundle.verify, always=seldom == 0)
        assert found is None or found.figures.grade == grades.BITWISE

    @rule(name=PATHS)
    def delete(self, name):
        """Nothing is left."""
        if self.known.pop(name, None):
            shutil.rmtree(self._path(name))

    @invariant()
    def nothing_else_lies_there(self):
        """No staging folder, no old bundle."""
        assert sorted(os.listdir(self.folder)) == sorted(self.known)

    @invariant()
    def a_bundle_is_the_one_that_was_saved_or_is_refused(self):
        """By its manifest and the digests of its files, after every step."""
        for name in self.known:
            manifest = self._answer(name, bert_bundle.inspect)
            if manifest is not None:
                made = self.kinds[self.known[name][0]].made
                assert (manifest.labels, manifest.tokenizer["max_length"]) == (made.labels, made.max_length)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _save(self, name, kind, **options):
        self.kinds[kind].save(self.kinds[kind].made, self._path(name), **options)
        self.known[name] = [kind, set()]

    def _answer(self, name, ask, always=None):
        """Return what `ask` returns for a whole bundle; None where it must refuse, and where it is not asked.

        `always`: whether it is asked of a bundle that is whole; None for what takes no runtime, and is asked.
        """
        given = {} if always is None else {"runtime": self.kinds[0].runtime}
        if name not in self.known:
            with pytest.raises(errors.FormatError, match="not a bundle: there is no such folder"):
                ask(self._path(name), **given)
        elif self.known[name][1]:
            with pytest.raises(errors.BundleError):
                ask(self._path(name), **given)
        elif always is not False:
            return ask(self._path(name), **given)
        return None
