"""The native runtime on the installed backend: models are built, saved, loaded and trained."""

from dataclasses import replace

import numpy as np
import pytest

import bert_bundle
from bert_bundle import errors
from bert_bundle.capturing import capture
from bert_bundle.classifiers import specification
from bert_bundle.encoders import families
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading import grades
from bert_bundle.keras_models import layer_construction
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.loading.parts import read_parts

FROZEN = {"pooling": "mean", "head": [7], "classes": 3, "frozen": ["embeddings", "layer.0"]}


@pytest.fixture(scope="module")
def native():
    return keras_runtime.bind("native")


@pytest.fixture(scope="module")
def made():
    return specification.build(FROZEN, runtime="native")


@pytest.fixture(scope="module")
def path(made, save, tmp_path_factory):
    return save(made, tmp_path_factory.mktemp("native") / "bundle")


def test_a_bundle_gives_the_model_s_predictions_again_to_the_bit(path):
    found = bert_bundle.verify(path, runtime="native")
    assert found.figures.grade == grades.BITWISE
    assert found.examples == 8


def test_names_and_trainable_flags_are_restored_and_a_second_load_has_them_too(made, path):
    def facts(model):
        trainable = sorted(v.path.split("/", 1)[1] for v in model.trainable_weights)
        return [layer.name for layer in model.layers], [layer.trainable for layer in model.layers], trainable

    first, second = (bert_bundle.load(path, runtime="native").model for _ in range(2))
    assert facts(first) == facts(second)
    assert [layer.name for layer in first.layers] == [layer.name for layer in made.model.layers]
    assert len(first.trainable_weights) == len(made.model.trainable_weights) < len(made.model.weights)
    assert first.name == made.model.name == "classifier"


def test_a_loaded_model_is_saved_as_the_same_bytes(made, path, save, tmp_path):
    bundle = bert_bundle.load(path, runtime="native")
    again = specification.BuiltClassifier(
        bundle.model, None, bundle.tokenizer, bundle.labels, made.examples, made.max_length
    )
    save(again, tmp_path / "again")
    first, second = (bert_bundle.inspect(p).files for p in (path, tmp_path / "again"))
    assert first == second


def test_a_loaded_model_can_be_trained_and_its_frozen_parts_stay(path, native):
    bundle = bert_bundle.load(path, runtime="native")
    encoder = bundle.encoders["bert_encoder"]
    before = native.encoders.tensors(encoder)
    bundle.model.compile(optimizer=native.keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy")
    texts = ["my invoice is wrong", "please add dark mode", "", "why?"]
    rows = dict(bundle.encode(texts), numerical_features=np.ones((4, 10), "float32"))
    bundle.model.fit(rows, np.array([0, 1, 2, 0]), epochs=2, batch_size=2, verbose=0)
    after = native.encoders.tensors(encoder)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert any(name.startswith("encoder.layer.1.") for name in moved)
    assert not any(name.startswith(("embeddings.", "encoder.layer.0.")) for name in moved)


def test_a_model_saved_after_training_is_proven_in_a_fresh_process(path, native, made, tmp_path):
    bundle = bert_bundle.load(path, runtime="native")
    bundle.model.compile(optimizer=native.keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    rows = dict(bundle.encode(["why?", "open"]), numerical_features=np.zeros((2, 10), "float32"))
    bundle.model.fit(rows, np.array([0, 1]), epochs=1, verbose=0)
    texts = made.examples["text"]
    expected = bundle.predict(texts, features={"numerical_features": made.examples["numerical_features"]})
    saved = bert_bundle.save(
        bundle.model,
        tmp_path / "trained",
        tokenizer=bundle.tokenizer,
        labels=bundle.labels,
        examples=made.examples,
        max_length=made.max_length,
    )
    assert saved.proof == {"proven": True}
    assert saved.runtime == "native"
    again = bert_bundle.load(tmp_path / "trained", runtime="native")
    found = again.predict(texts, features={"numerical_features": made.examples["numerical_features"]})
    np.testing.assert_array_equal(found, expected)


def test_the_release_of_keras_3_is_known_without_it(native):
    assert keras_runtime.bound_version("native")[:2] == layer_construction.release_of(native.keras) >= (3, 0)


def test_a_recorded_training_argument_is_recorded_again(native, path):
    parts = read_parts(open_bundle(str(path)), "native")
    dropout = next(i for i, node in enumerate(parts.graph.nodes) if getattr(node, "layer", "") == "dropout")
    for kwargs in ({}, {"training": False}):
        nodes = list(parts.graph.nodes)
        nodes[dropout] = replace(nodes[dropout], kwargs=kwargs)
        graph = replace(parts.graph, nodes=tuple(nodes))
        rebuilt = replace(parts, graph=graph).build(native)
        assert capture.capture(rebuilt.model, native).graph.nodes[dropout].kwargs == kwargs


def test_keras_3_ignores_training_false_and_stores_it_like_the_default(native):
    """So a bundle that Keras 3 writes records it only if the model was loaded with it."""
    x = native.keras.Input((400,))
    for kwargs in ({}, {"training": False}):
        dropout = native.keras.layers.Dropout(0.5)
        model = native.keras.Model(x, dropout(x, **kwargs))
        assert dropout._inbound_nodes[0].arguments.kwargs == {"training": False}
        assert native.dialect.call_arguments(dropout, 0)[1] == {}
        trained = native.dialect.array(model(native.dialect.tensor(np.ones((2, 400), "float32")), training=True))
        assert 200 < (trained == 0).sum() < 600


def test_every_output_of_an_encoder_has_its_name(native):
    config = {**families.BERT.fields, "vocab_size": 20, "hidden_size": 12, "num_hidden_layers": 2}
    config.update(num_attention_heads=2, intermediate_size=20, max_position_embeddings=8, model_type="bert")
    encoder = native.encoders.build(families.BERT, config, "e", frozenset(["hidden_states.1", "attentions.0"]))
    ids = native.keras.Input((8,), dtype="int32")
    outputs = native.encoders.call(encoder, {"input_ids": ids}, frozenset())
    flat = encoder._inbound_nodes[0].outputs
    names = encoder.nested_outputs(flat)
    assert sorted(names) == ["attentions", "hidden_states", "last_hidden_state", "pooler_output"]
    assert [t.shape for t in names["attentions"]] == [(None, 2, 8, 8)] * 2
    assert len(names["hidden_states"]) == 3
    for name, value in outputs.items():
        value = value if isinstance(value, (list, tuple)) else [value]
        found = names[name] if isinstance(names[name], list) else [names[name]]
        assert [id(t) for t in value] == [id(t) for t in found]


def test_a_subclass_of_the_native_encoder_is_refused(native, made, save, tmp_path):
    class Mine(native.encoders.Encoder):
        pass

    config = dict(native.encoders.config(made.encoder, ""))
    ids = native.keras.Input((8,), dtype="int32", name="input_ids")
    state = Mine(families.BERT, config, "mine", ())(input_ids=ids)["pooler_output"]
    model = native.keras.Model(ids, native.keras.layers.Dense(2, name="head")(state))
    with pytest.raises(errors.ModelError, match="a layer that a bundle cannot represent") as caught:
        save(specification.BuiltClassifier(model, None, made.tokenizer, (), {"text": ["a"]}, 8), tmp_path / "bundle")
    assert caught.value.place == "mine"


def test_a_class_with_a_head_by_itself_takes_what_it_took_before(native, save, tmp_path):
    made = specification.build({"class": "BertForSequenceClassification"}, runtime="native")
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"), runtime="native")
    ids = np.arange(2 * made.max_length, dtype="int32").reshape(2, -1) % 50 + 5
    mask = np.ones_like(ids)
    mask[1, 5:] = 0
    wanted = bundle.model([ids, mask, np.zeros_like(ids)])
    given = {"input_ids": ids, "attention_mask": mask}
    for args, kwargs in (([given], {}), ([[ids, mask]], {}), ([ids, mask], {}), ([ids], {"attention_mask": mask})):
        found = bundle.model(*args, **kwargs)
        np.testing.assert_array_equal(*map(native.keras.ops.convert_to_numpy, (found, wanted)))
    with pytest.raises(errors.SignatureError, match="an argument that the model does not take, or none of token ids"):
        bundle.model(attention_mask=mask)
    history = _fitted(native, bundle.model, {**given, "token_type_ids": np.zeros_like(ids)})
    assert np.isfinite(history.history["loss"][0])


def _fitted(native, model, rows):
    """Fit a model for one step on two rows."""
    loss = native.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=native.keras.optimizers.SGD(0.1), loss=loss)
    return model.fit(rows, np.array([0, 1]), epochs=1, verbose=0)
