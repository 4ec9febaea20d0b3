"""Encoder classes of no family: saved with their own class, loaded by it, and the same to the bit."""

import functools
import json

import numpy as np
import other_encoders
import pytest

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.encoders import general, transformers
from bert_bundle.encoders.families import general as families

CASES = ["XLNet", "Funnel", "ConvBert", "MobileBert", "T5Encoder", "GPT2"]
CASES += [name for name in ("RemBert", "Deberta", "Esm") if name in other_encoders.present()]


@pytest.fixture(scope="module")
def bundles(keras, save, tmp_path_factory):
    """Return a function from a name to (what was built, the path of its bundle), made once."""

    @functools.lru_cache(maxsize=None)
    def made(name):
        built = other_encoders.build(keras, name)
        return built, save(built, tmp_path_factory.mktemp(name) / "bundle")

    return made


def batch():
    mask = (np.arange(12) < np.array([12, 5, 2])[:, None]).astype("int32")
    return [np.where(mask, np.random.RandomState(0).randint(5, 19, (3, 12)), 1).astype("int32"), mask]


@pytest.mark.parametrize("name", CASES)
def test_a_class_of_no_family_predicts_the_same_to_the_bit_and_in_float64(name, bundles, as_users_build):
    made, path = bundles(name)
    bundle = bert_bundle.load(path)
    before = np.asarray(made.model(batch(), training=False))
    np.testing.assert_array_equal(np.asarray(bundle.model(batch(), training=False)), before)
    assert np.abs(before[1:] - before[:-1]).max() > 1e-3
    assert bert_bundle.verify(path).figures.grade == "bitwise"
    assert type(bundle.encoders["encoder"]).__name__ == "TF{}Model".format(name)
    assert transformers.config(bundle.encoders["encoder"], "x") == transformers.config(made.encoder, "x")
    assert sorted(v.name for v in bundle.model.weights) == sorted(v.name for v in made.model.weights)
    assert bundle.manifest.encoders["encoder"]["general"] is True
    assert "Loads only with TensorFlow and a transformers 4 that has TF{}Model".format(name) in (
        path / "README.md"
    ).read_text("utf-8")


def test_a_class_of_no_family_by_itself_is_refused_with_what_to_write(keras, save, tmp_path):
    model = other_encoders.make("GPT2")
    made = specification.BuiltClassifier(model, model, specification.tokenizer(), (), {"text": ["why?"]}, 12)
    with pytest.raises(errors.ModelError, match="an encoder by itself that belongs to no family @ encoder") as caught:
        save(made, tmp_path / "bundle")
    assert "keras.Model(inputs, ...)" in caught.value.fix


def test_frozen_parts_stay_frozen(keras, save, tmp_path):
    made = other_encoders.build(keras, "XLNet")
    made.encoder.transformer.layer[0].trainable = False
    again = bert_bundle.load(save(made, tmp_path / "bundle")).encoders["encoder"]
    assert transformers.flags(again) == transformers.flags(made.encoder) != {}
    assert len(again.trainable_weights) == len(made.encoder.trainable_weights)


@pytest.mark.parametrize("part", ["ff/layer_1/kernel", "rel_attn/q"])
def test_two_layers_swapped_are_caught_at_save(part, keras, save, tmp_path, monkeypatch):
    made, honest = other_encoders.build(keras, "XLNet"), general.tensors
    names = ["transformer/layer_._{}/{}".format(number, part) for number in (0, 1)]

    def faulty(live):
        found = dict(honest(live))
        found[names[0]], found[names[1]] = found[names[1]], found[names[0]]
        return found

    monkeypatch.setattr(general, "tensors", faulty)
    with pytest.raises(errors.ModelError, match=r"the captured graph does not compute what .* @ probabilities"):
        save(made, tmp_path / "bundle")


def test_a_weight_that_is_missing_or_has_another_shape_is_refused_by_name(keras):
    encoder = other_encoders.build(keras, "XLNet").encoder
    tensors = transformers.tensors(encoder)
    name = "transformer/layer_._1/rel_attn/q"
    for fault in ({}, {name: tensors[name].T[:1]}):
        weights = dict({k: v for k, v in tensors.items() if k != name}, **fault)
        with pytest.raises(errors.FormatError, match=r"missing or does not fit @ x tensor " + name):
            transformers.assign(encoder, weights, keras, "x")
    with pytest.raises(errors.FormatError, match=r"missing or does not fit @ x tensor more"):
        transformers.assign(encoder, dict(tensors, more=np.zeros(1, "float32")), keras, "x")


def test_a_field_that_this_release_ignores_is_saved_as_what_it_computes_and_another_value_refused(monkeypatch):
    """TFGPT2Model of transformers 4.5 to 4.10 computes GELU, whatever activation its configuration names."""
    monkeypatch.setitem(families.IGNORED, "GPT2Model", families.IGNORED["GPT2Model"]._replace(until=(4, 99)))
    encoder = other_encoders.make("GPT2")
    assert encoder.config.activation_function == "gelu_new"
    config = transformers.config(encoder, "x")
    assert config["activation_function"] == "gelu"
    assert "activation_function" not in config["left_at_default"]
    family = general.family_of(encoder)
    assert transformers.config(transformers.build(family, config, "encoder"), "x") == config
    with pytest.raises(
        errors.RuntimeUnavailableError, match="ignores a field of the encoder's configuration"
    ) as caught:
        transformers.build(family, dict(config, activation_function="gelu_new"), "encoder")
    assert caught.value.place == "GPT2Model activation_function"
    assert caught.value.fix.startswith("load the bundle in transformers 4.99 or newer")


def test_a_field_that_this_release_lacks_is_ignored_only_at_its_default(keras):
    encoder = other_encoders.make("XLNet")
    config = dict(transformers.config(encoder, "x"), newer=7)
    family = general.family_of(encoder)
    with pytest.raises(errors.RuntimeUnavailableError, match=r"does not have a field of .* configuration @ newer"):
        transformers.build(family, config, "encoder")
    config["left_at_default"] = sorted(config["left_at_default"] + ["newer"])
    again = transformers.build(family, config, "encoder")
    assert transformers.config(again, "x") == config  # as it was saved, in a release without it too
    again.config.dropout = 0.3
    changed = dict(config, dropout=0.3, left_at_default=[n for n in config["left_at_default"] if n != "dropout"])
    assert transformers.config(again, "x") == changed


@pytest.mark.parametrize(
    ("architecture", "model_type", "message"),
    [
        ("XLNetModel", "gpt2", "of another model type @ TFXLNetModel"),
        ("EvilModel", "xlnet", "does not have the encoder's class"),
        ("AutoModel", "xlnet", "of another model type @ TFAutoModel"),
    ],
)
def test_only_a_class_of_the_same_model_type_is_built(architecture, model_type, message, keras):
    family = general.general.of_name(architecture)
    config = dict(transformers.config(other_encoders.make("XLNet"), "x"), model_type=model_type)
    with pytest.raises((errors.FormatError, errors.RuntimeUnavailableError), match=message):
        transformers.build(family, config, "encoder")


def test_an_output_that_is_a_memory_is_refused(keras, save, tmp_path):
    encoder = other_encoders.make("GPT2", use_cache=True)
    ids = keras.Input((12,), dtype="int32", name="ids")
    past = encoder(ids).past_key_values[0]
    model = keras.Model(ids, keras.layers.Flatten(name="flat")(past[0][:, 0]), name="classifier")
    made = specification.BuiltClassifier(model, encoder, specification.tokenizer(), (), {"text": ["why?"]}, 12)
    with pytest.raises(errors.ModelError, match="an output of the encoder that a bundle cannot represent @ encoder"):
        save(made, tmp_path / "bundle")


def test_a_configuration_that_is_not_plain_data_is_refused(keras, save, tmp_path):
    made = other_encoders.build(keras, "XLNet")
    made.encoder.config.ff_activation = print
    with pytest.raises(errors.ModelError, match=r"a configuration that a bundle cannot .*config.json#/ff_activation"):
        save(made, tmp_path / "bundle")


def test_a_bundle_whose_graph_and_configuration_name_two_classes_is_refused(bundles):
    from bert_bundle.loading import parts

    _, path = bundles("GPT2")
    config = json.loads((path / "encoders/encoder/config.json").read_text("utf-8"))
    graph = json.loads((path / "graph.json").read_text("utf-8"))
    graph.pop("version")
    layer = next(
        layer for _, layer in parts.graph_json.graph_parser.parse_graph(graph, "graph.json#").walk() if layer.encoder
    )
    for architecture in ("CTRLModel", "XLNetModel"):
        family = parts.configuration.check_config(dict(config, architectures=[architecture]), "x")
        with pytest.raises(errors.FormatError, match="is not that of its class in the graph @ x#/architectures"):
            parts._check_class(layer, family, "x")
