"""The properties of `test_properties` in the native runtime; their planted faults are tested there."""

import machine
import profiles
import properties
import pytest
from hypothesis import given

from bert_bundle.keras_models import rebuild
from bert_bundle.keras_models import runtime as keras_runtime


@pytest.fixture(scope="module")
def native():
    return keras_runtime.bind("native")


@profiles.of(0.6)  # JAX compiles every op for every shape
@given(spec=properties.ROUND_TRIP)
def test_whatever_is_saved_is_loaded_and_saved_again_as_the_same(spec, native, save, tmp_path_factory):
    properties.round_trip(spec, native, save, properties.fresh(tmp_path_factory))


@profiles.of(0.4)
@given(spec=properties.padded())
def test_padding_moves_predictions_by_no_more_than_rounding_does(spec, native, save, tmp_path_factory):
    assert properties.moved_by_padding(spec, native, save, properties.fresh(tmp_path_factory)) <= 1


def test_bundles_in_one_folder_are_what_was_done_to_them(native, save, tmp_path_factory):
    machine.run(machine.kinds(native, save, tmp_path_factory.mktemp("kinds")), tmp_path_factory)


def test_flags_that_are_not_restored_are_noticed(native, save, tmp_path, monkeypatch):
    monkeypatch.setattr(rebuild._Rebuild, "_set_trainable", lambda self, layer: None)
    with pytest.raises(AssertionError, match="trainable_weights are other ones"):
        properties.round_trip(properties.FROZEN, native, save, tmp_path)
