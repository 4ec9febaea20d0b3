"""Properties of every classifier that Hypothesis draws: those of `properties`, on as many as `profiles` sets.

`machine` tests bundles in one folder. Each property has faults that it catches, for plain specifications.
"""

import itertools

import machine
import numpy as np
import profiles
import properties
import pytest
from hypothesis import example, given

import bert_bundle
from bert_bundle import api as bundles
from bert_bundle.format import staging
from bert_bundle.keras_models import rebuild, weights
from bert_bundle.loading import load as loading
from bert_bundle.saving import draft

HALF = {
    **properties.SMALL,
    "class": "RobertaModel",
    "policy": "mixed_float16",
}  # transformers 4.5 alone cannot build it
PADDED = {**properties.SMALL, "open": True, "texts": ["my invoice is wrong", "why?"]}


@example(spec=HALF)
@given(spec=properties.ROUND_TRIP)
def test_whatever_is_saved_is_loaded_and_saved_again_as_the_same(spec, runtime, save, tmp_path_factory):
    properties.round_trip(spec, runtime, save, properties.fresh(tmp_path_factory))


@profiles.of(0.5)
@given(spec=properties.padded())
def test_padding_moves_predictions_by_no_more_than_rounding_does(spec, runtime, save, tmp_path_factory):
    assert properties.moved_by_padding(spec, runtime, save, properties.fresh(tmp_path_factory)) <= 1


@pytest.fixture(scope="module")
def kinds(runtime, save, tmp_path_factory):
    return machine.kinds(runtime, save, tmp_path_factory.mktemp("kinds"))


def test_bundles_in_one_folder_are_what_was_done_to_them(kinds, tmp_path_factory):
    machine.run(kinds, tmp_path_factory)


def _lose_a_bit(monkeypatch):
    def collect(layers, runtime):
        return {path: _without_a_bit(array) for path, array in honest(layers, runtime).items()}

    honest = weights.collect
    monkeypatch.setattr(weights, "collect", collect)


def _without_a_bit(array):
    bits = np.ascontiguousarray(array).view(np.uint32)
    return (bits & ~np.uint32(1)).view(array.dtype)


def _sort_the_texts(monkeypatch):
    def read(given, *args):
        given["text"].sort()
        return honest(given, *args)

    honest = draft.read_examples
    monkeypatch.setattr(draft, "read_examples", read)


def _freeze_a_layer(monkeypatch):
    def sketch(model, *args, **options):
        model.layers[-1].trainable = False
        return honest(model, *args, **options)

    honest = bundles.draft
    monkeypatch.setattr(bundles, "draft", sketch)


def _keep_the_order(monkeypatch):
    def sketch(model, tokenizer, labels, examples, length, metadata, *rest, **options):
        return honest(model, tokenizer, labels, examples, length, {"columns": list(examples)}, *rest, **options)

    honest = bundles.draft
    monkeypatch.setattr(bundles, "draft", sketch)


def _count_the_saves(monkeypatch):
    counter = itertools.count()
    monkeypatch.setattr(bundles, "card", lambda *args: b"save %d" % next(counter))


def _forget_the_flags(monkeypatch):
    monkeypatch.setattr(rebuild._Rebuild, "_set_trainable", lambda self, layer: None)


def _pad_on_the_left(monkeypatch):
    honest = bert_bundle.load

    def load(path, runtime):
        bundle = honest(path, runtime=runtime)
        bundle.tokenizer.padding_side = "left"
        return bundle

    monkeypatch.setattr(bert_bundle, "load", load)


FAULTS = {
    "the last bit of a weight is lost": (_lose_a_bit, "weights are other ones"),
    "a save sorts the caller's texts": (_sort_the_texts, "save changed examples"),
    "a save freezes a layer": (_freeze_a_layer, "save changed flags"),
    "the order of the columns is kept": (_keep_the_order, "saved twice, the examples' columns in another order"),
    "each save is numbered": (_count_the_saves, "saved twice"),
    "flags are not restored": (_forget_the_flags, "trainable_weights are other ones"),
    "a loaded tokenizer pads on the other side": (_pad_on_the_left, "token ids are other ones"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_round_trip_that_loses_something_is_noticed(fault, runtime, save, tmp_path, monkeypatch):
    plant, message = FAULTS[fault]
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=message):
        properties.round_trip(properties.FROZEN, runtime, save, tmp_path)


def test_padding_that_no_mask_hides_moves_predictions(runtime, save, tmp_path):
    assert properties.moved_by_padding(PADDED, runtime, save, tmp_path / "masked") <= 1
    assert properties.moved_by_padding({**PADDED, "roles": ["input_ids"]}, runtime, save, tmp_path / "seen") > 100


@pytest.fixture
def history(kinds, tmp_path):
    """Return a machine with a bundle, to be driven by hand."""
    bundle = machine.Bundles(kinds, str(tmp_path / "folder"))
    bundle.begin(kind=0)
    return bundle


def test_a_flipped_bit_that_no_digest_is_held_against_is_noticed(history, monkeypatch):
    files = machine.verified(history._path("one"))
    unread = files.index("golden/tensors.safetensors")  # by a load
    history.corrupt(name="one", file=(unread + 0.5) / len(files), byte=0.5, bit=0)
    history.a_bundle_is_the_one_that_was_saved_or_is_refused()
    monkeypatch.setattr(bundles, "check_files", lambda bundle: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        history.a_bundle_is_the_one_that_was_saved_or_is_refused()
    history.load(name="one")
    monkeypatch.setattr(loading, "check_files", lambda bundle, keep: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        history.load(name="one")


def test_a_save_that_replaces_a_bundle_unasked_is_noticed(history, monkeypatch):
    history.save(name="one", kind=1)
    for module in (bundles, staging):
        monkeypatch.setattr(module, "check_target", lambda target, overwrite: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        history.save(name="one", kind=1)


def test_a_staging_folder_that_is_left_is_noticed(history, monkeypatch):
    monkeypatch.setattr(staging.shutil, "rmtree", lambda *args, **kwargs: None)
    history.overwrite(name="one", kind=1)
    with pytest.raises(AssertionError, match="tmp-"):
        history.nothing_else_lies_there()


def test_a_bundle_of_another_classifier_is_noticed(history):
    history.copy(name="one", target_name="two")
    history.a_bundle_is_the_one_that_was_saved_or_is_refused()
    history.known["two"][0] = 1
    with pytest.raises(AssertionError, match="class 0"):
        history.a_bundle_is_the_one_that_was_saved_or_is_refused()
    with pytest.raises(AssertionError):
        history.load(name="two")
