"""What a release of Keras has and what it does not: the table of first releases, and bundles that need a later one."""

import shutil

import pytest

import bert_bundle
from bert_bundle import errors
from bert_bundle.format import layout
from bert_bundle.format.files import sha256
from bert_bundle.format.manifest import File, Manifest
from bert_bundle.graph import layers
from bert_bundle.keras_models import layer_construction
from bert_bundle.keras_models import runtime as keras_runtime


@pytest.mark.parametrize("name", layers.FIRST_RELEASE)
def test_the_table_of_first_releases_says_what_this_keras_has(name, keras):
    class_name, _, field = name.partition(".")
    there = layer_construction.release_of(keras) >= layers.FIRST_RELEASE[name]
    cls = getattr(keras.layers, class_name, None)
    needed = {"rate": 0.1, "stddev": 0.1}
    needed = {k: v for k, v in needed.items() if layers.LAYERS[class_name].get(k) is layers.REQUIRED}
    if not field:
        assert (cls is not None) == there
    elif there:
        cls(**needed, **{field: layers.LAYERS[class_name][field]})
    elif cls is not None:
        with pytest.raises((TypeError, ValueError)):
            cls(**needed, **{field: layers.LAYERS[class_name][field]})


def _with_weights(data, bundle, target):
    """Return a copy of the bundle with other bytes for weights, and a manifest to match."""
    shutil.copytree(str(bundle), str(target))
    manifest = Manifest.parse((target / layout.MANIFEST).read_bytes())
    files = {**manifest.files, layout.WEIGHTS: File(len(data), sha256(data))}
    (target / layout.WEIGHTS).write_bytes(data)
    (target / layout.MANIFEST).write_bytes(Manifest(**{**vars(manifest), "files": files}).to_bytes())
    return target


@pytest.mark.parametrize("read", [bert_bundle.load, bert_bundle.verify])
def test_a_layer_that_this_keras_does_not_have_is_refused_before_a_weight_is_read(
    read, classic_bundle, monkeypatch, tmp_path
):
    """Planted: weights that nobody can read, and a table in which Dense is younger than the newest Keras 2."""
    path = _with_weights(b"no header", classic_bundle, tmp_path / "bundle")
    with pytest.raises(errors.LimitError, match=r"the header is too long @ weights\.safetensors"):
        read(path)
    monkeypatch.setattr(layer_construction, "FIRST_RELEASE", {**layers.FIRST_RELEASE, "Dense.activation": (2, 99)})
    with pytest.raises(errors.RuntimeUnavailableError, match=r"TensorFlow 2\.99 or newer") as caught:
        read(path)
    assert caught.value.place == "probabilities"


def test_the_release_of_this_keras_is_known_without_it(keras):
    assert keras_runtime.bound_version()[:2] == layer_construction.release_of(keras)
