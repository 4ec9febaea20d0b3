"""The encoder in the forms in which people call it: as its main layer, without a pooler, in a Lambda."""

import numpy as np
import pytest
import tensorflow as tf
from test_families import FAMILIES, LENGTH, batch, make

import bert_bundle
from bert_bundle import errors
from bert_bundle.capturing import capture
from bert_bundle.classifiers import specification
from bert_bundle.encoders import transformers
from bert_bundle.graph import graph_json

# Lambdas and subclasses are user code: they are built and saved with AutoGraph on, as it is by default.
pytestmark = pytest.mark.usefixtures("as_users_build")


def built(case, **changes):
    """Return the live class of `case` with its weights, as one that was loaded from a checkpoint."""
    encoder = make(case, **changes)
    encoder(np.ones((1, 2), "int32"))
    return encoder


def main_layer(encoder):
    return getattr(encoder, encoder.base_model_prefix)


def _first_of_layers(encoder, ids, mask, keras):
    return encoder.layers[0]({"input_ids": ids, "attention_mask": mask})[0][:, 0]


def _keywords(encoder, ids, mask, keras):
    return main_layer(encoder)(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]


def _list(encoder, ids, mask, keras):
    return main_layer(encoder)([ids, mask])["last_hidden_state"][:, 0]


def _positions(encoder, ids, mask, keras):
    return main_layer(encoder)(ids, mask)[0][:, 0]


def _hidden_states(encoder, ids, mask, keras):
    states = main_layer(encoder)(ids, attention_mask=mask).hidden_states
    return keras.layers.Average(name="last_two")([states[-1], states[-2]])[:, 0]


def _lambda_by_position(encoder, ids, mask, keras):
    return keras.layers.Lambda(lambda x: x[0][:, 0, :], name="first")(encoder(ids, attention_mask=mask))


def _lambda_by_key(encoder, ids, mask, keras):
    first = keras.layers.Lambda(lambda x: x["last_hidden_state"][:, 0, :], name="first")
    return first(main_layer(encoder)(ids, attention_mask=mask))


def _by_attribute(encoder, ids, mask, keras):
    class First(keras.layers.Layer):
        def call(self, outputs):
            return outputs.last_hidden_state[:, 0] + outputs[0][:, 1]

    return First(name="first")(encoder(ids, attention_mask=mask))


def _inside_a_layer(encoder, ids, mask, keras):
    class Wrapped(keras.layers.Layer):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        def call(self, tokens, training=None):
            return main_layer(self.inner)(tokens[0], attention_mask=tokens[1], training=training)[0][:, 0]

    return Wrapped(encoder, name="wrapped")([ids, mask])


FORMS = {
    "the first of layers": _first_of_layers,
    "keywords": _keywords,
    "a list": _list,
    "positions": _positions,
    "hidden states": _hidden_states,
    "a Lambda by position": _lambda_by_position,
    "a Lambda by key": _lambda_by_key,
    "a layer by attribute": _by_attribute,
    "inside a layer": _inside_a_layer,
}
CASES = [("bert", form) for form in FORMS] + [(family, "a list") for family in FAMILIES if family != "bert"]
CASES += [("distilbert", "keywords"), ("roberta", "hidden states"), ("electra", "a Lambda by key")]


def randomized(model, encoder):
    specification.randomize(model, encoder, seed=7)
    return specification.BuiltClassifier(
        model, encoder, specification.tokenizer(), (), {"text": ["my invoice", "why?"]}, LENGTH
    )


def around(keras, encoder, form):
    """Return a functional classifier over the encoder; its embeddings and first block are frozen."""
    ids, mask = (keras.Input((LENGTH,), dtype="int32", name=name) for name in ("ids", "mask"))
    head = keras.layers.Dense(3, activation="softmax", name="probabilities")
    made = randomized(keras.Model([ids, mask], head(form(encoder, ids, mask, keras)), name="classifier"), encoder)
    inner = main_layer(encoder)
    inner.embeddings.trainable = False
    holder = inner.transformer if hasattr(inner, "transformer") else inner.encoder
    (holder.layer if hasattr(holder, "layer") else holder.albert_layer_groups)[0].trainable = False
    return made


def assert_same(made, path, runtime, arrays):
    """Predictions to the bit, and the loaded model captured again to the byte."""
    bundle = bert_bundle.load(path)
    before, after = made.model(arrays, training=False), bundle.model(arrays, training=False)
    if isinstance(after, dict):
        (before,), (after,) = list(before.values()), list(after.values())
    np.testing.assert_array_equal(np.asarray(after), np.asarray(before))
    assert np.abs(np.asarray(after)[1:] - np.asarray(after)[:-1]).max() > 1e-4  # rows differ: nothing is constant
    graph = (path / "graph.json").read_bytes()
    assert graph_json.to_bytes(capture.capture(bundle.model, runtime, made.max_length).graph) == graph
    return bundle


@pytest.mark.parametrize("case", CASES)
def test_an_encoder_is_saved_in_whatever_form_it_is_called(case, keras, runtime, save, tmp_path):
    family, form = case
    made = around(keras, built(family + " Model", output_hidden_states=form == "hidden states"), FORMS[form])
    bundle = assert_same(made, save(made, tmp_path / "bundle"), runtime, batch(made.encoder)[:2])
    (encoder,) = bundle.encoders.values()
    assert type(encoder) is type(made.encoder)
    assert transformers.config(encoder, "x") == transformers.config(made.encoder, "x")
    wanted = transformers.flags(made.encoder)
    assert transformers.flags(encoder) == wanted
    assert any(path.endswith("embeddings") for path in wanted)


def test_the_main_layer_of_xlm_r_is_not_that_of_roberta(keras, save, tmp_path):
    """Old releases make XLM-R of RoBERTa's main layer: its configuration tells the two apart."""
    made = around(keras, built("xlm-roberta Model"), _positions)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    assert [entry["class"] for entry in bundle.manifest.encoders.values()] == ["XLMRobertaModel"]


POOLERLESS = ["bert", "roberta", "xlm-roberta"]


def without_pooler(family):
    encoder = make(family + " Model")
    main_layer(encoder).pooler = None  # as add_pooling_layer=False does, which model classes of 4.5 do not have
    encoder(np.ones((1, 2), "int32"))
    return encoder


@pytest.mark.parametrize("form", [_keywords, lambda encoder, ids, mask, keras: encoder(ids, mask)[0][:, 0]])
@pytest.mark.parametrize("family", POOLERLESS)
def test_an_encoder_without_a_pooler_has_no_weights_of_one(family, form, keras, runtime, save, tmp_path):
    made = around(keras, without_pooler(family), form)
    path = save(made, tmp_path / "bundle")
    bundle = assert_same(made, path, runtime, batch(made.encoder)[:2])
    (encoder,) = bundle.encoders.values()
    assert main_layer(encoder).pooler is None
    assert len(encoder.weights) == len(made.encoder.weights)
    assert b'"pooler":false' in (path / "graph.json").read_bytes().replace(b" ", b"")


def test_the_main_layer_of_a_class_with_a_head_is_saved_as_the_encoder(keras, runtime, save, tmp_path):
    for head, has_pooler in (("ForSequenceClassification", True), ("ForTokenClassification", False)):
        made = around(keras, built("bert " + head), _keywords)
        bundle = assert_same(made, save(made, tmp_path / head), runtime, batch(made.encoder)[:2])
        assert (bundle.encoders["bert"].bert.pooler is not None) is has_pooler


def test_a_main_layer_made_by_itself_is_saved(keras, runtime, save, tmp_path):
    from transformers import TFBertMainLayer

    bert = TFBertMainLayer(make("bert Model").config, add_pooling_layer=False, name="bert")
    ids, mask = (keras.Input((LENGTH,), dtype="int32", name=name) for name in ("ids", "mask"))
    x = bert(ids, attention_mask=mask)[0][:, 0]
    model = keras.Model([ids, mask], keras.layers.Dense(3, name="probabilities")(x), name="classifier")
    made = randomized(model, bert)
    bert.trainable = False
    bundle = assert_same(made, save(made, tmp_path / "bundle"), runtime, batch(bert)[:2])
    assert [len(v.shape) for v in bundle.model.trainable_weights] == [2, 1]


def test_an_encoder_called_as_a_model_and_by_its_main_layer_is_refused(keras, save, tmp_path):
    def both(encoder, ids, mask, keras):
        states = [encoder(ids, attention_mask=mask)[0], encoder.bert(ids, attention_mask=mask)[0]]
        return keras.layers.Average(name="both")(states)[:, 0]

    made = around(keras, built("bert Model"), both)
    with pytest.raises(errors.ModelError, match="an encoder that is called as a model and by its main layer") as caught:
        save(made, tmp_path / "bundle")
    assert caught.value.place == "bert"


def test_the_main_layers_of_two_encoders_keep_apart(keras, runtime, save, tmp_path):
    class Two(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.left, self.right = built("bert Model", name="left"), built("bert Model", name="right")

        def call(self, tokens):
            return self.left.bert(tokens)[1] - self.right.bert(tokens)[1]

    two = Two(name="two")
    ids, mask = (keras.Input((LENGTH,), dtype="int32", name=name) for name in ("ids", "mask"))
    model = keras.Model([ids, mask], keras.layers.Dense(3, name="last")(two([ids, mask])), name="classifier")
    made = randomized(model, [two.left, two.right])
    arrays = batch(two.left)[:2]
    bundle = assert_same(made, save(made, tmp_path / "bundle"), runtime, arrays)
    assert sorted(encoder.name for encoder in bundle.encoders.values()) == ["bert", "right.bert"]


@pytest.mark.parametrize("case", ["bert ForSequenceClassification", "roberta ForTokenClassification"])
def test_a_class_with_a_head_by_itself_takes_what_it_took_before(case, keras, runtime, save, tmp_path):
    model = make(case, name="clf")
    # Tensors: transformers 4.12 asks an attention mask for its shape as only a tensor has it.
    ids, mask = map(tf.constant, batch(model)[:2])
    model(ids)
    bundle = bert_bundle.load(save(randomized(model, model), tmp_path / "bundle"))
    for args, kwargs in (
        ([{"input_ids": ids, "attention_mask": mask}], {}),
        ([[ids, mask]], {}),
        ([ids], {}),
        ([ids, mask], {}),
        ([ids], {"attention_mask": mask, "training": False}),
        ([], {"input_ids": ids}),
    ):
        wanted = np.asarray(model(*args, **kwargs).logits if args else model(ids).logits)
        np.testing.assert_array_equal(np.asarray(bundle.model(*args, **kwargs)), wanted)
    given = {"input_ids": ids, "attention_mask": mask}
    np.testing.assert_allclose(bundle.model.predict(given, verbose=0), np.asarray(model(given).logits), atol=1e-5)
    with pytest.raises(errors.SignatureError, match="an argument that the model does not take, or none of token ids"):
        bundle.model(attention_mask=mask)


def test_a_pooler_that_is_lost_is_caught(keras, save, tmp_path, monkeypatch):
    """Planted fault: the record of an encoder without a pooler does not mention that."""
    from bert_bundle.keras_models import bare_encoder

    made = around(keras, without_pooler("bert"), _keywords)
    monkeypatch.setattr(bare_encoder, "CLASSES", {"BertModel": transformers.family_of(main_layer(made.encoder))})
    with pytest.raises(errors.FormatError, match="an encoder's tensor does not fit its configuration"):
        save(made, tmp_path / "bundle")
