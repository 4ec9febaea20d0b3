"""A class of Keras 3 as the model: traced on inputs like those it was called on, whose dtypes Keras does not keep."""

import numpy as np
import pytest

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.classifiers.model_builder import LENGTH, ModelBuilder
from bert_bundle.keras_models import runtime as keras_runtime

TEXTS = ["my invoice is wrong", "", "why?"]
TOKENS = np.random.RandomState(0).randint(5, 50, (3, LENGTH)).astype("int32")
MASK = np.array([[1] * LENGTH, [1] * 3 + [0] * (LENGTH - 3), [1] * 5 + [0] * (LENGTH - 5)], "int32")
NUMBERS = np.linspace(-1.5, 1.5, 12, dtype="float32").reshape(3, 4)


@pytest.fixture(scope="module")
def native():
    return keras_runtime.bind("native")


def classifier(native, call, **parts):
    """Return a user-defined model class's model with an encoder, a head and more layers, and how it is called."""

    class Classifier(native.keras.Model):
        def __init__(self, encoder):
            super().__init__(name="classifier")
            self.encoder, self.head = encoder, native.keras.layers.Dense(2, activation="softmax", name="last")
            self.parts = {name: make() for name, make in parts.items()}

    Classifier.call = call
    return Classifier(ModelBuilder(native.name).encoder())


def saved(native, model, path, **changes):
    specification.randomize(model, model.encoder, seed=3)
    tokenizer = specification.tokenizer(runtime=native.name)
    made = specification.BuiltClassifier(model, model.encoder, tokenizer, (), {"text": TEXTS, **changes}, LENGTH)
    bert_bundle.save(made.model, path, tokenizer=made.tokenizer, examples=made.examples, max_length=LENGTH, prove=False)
    return bert_bundle.load(path, runtime="native")


def _one(self, ids):
    return self.head(self.encoder(ids)["pooler_output"])


def _several(self, given, training=False):
    ids, mask = (given["input_ids"], given["attention_mask"]) if isinstance(given, dict) else given
    states = self.encoder(ids, attention_mask=mask, training=training)["last_hidden_state"]
    return self.head(states[:, 0])


FORMS = {
    "a tensor": (_one, TOKENS),
    "a list": (_several, [TOKENS, MASK]),
    "a dict": (_several, {"input_ids": TOKENS, "attention_mask": MASK}),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_a_subclassed_model_is_saved_and_takes_what_it_took(form, native, tmp_path):
    call, arrays = FORMS[form]
    model = classifier(native, call)
    model(arrays)
    bundle = saved(native, model, tmp_path / "bundle")
    wanted, found = (native.dialect.array(each(arrays)) for each in (model, bundle.model))
    np.testing.assert_array_equal(found, wanted)
    assert {entry["dtype"] for entry in bundle.manifest.signature["inputs"]} == {"int32"}
    assert bundle.model.name == "classifier"


def _with_numbers(self, given):
    states = self.encoder(given["input_ids"], attention_mask=given["attention_mask"])["pooler_output"]
    return self.head(self.parts["join"]([states, self.parts["hidden"](given["meta"])]))


def test_numbers_beside_the_text_stay_floating(native, tmp_path):
    layers = native.keras.layers
    model = classifier(native, _with_numbers, join=layers.Concatenate, hidden=lambda: layers.Dense(3, name="hidden"))
    arrays = {"input_ids": TOKENS, "attention_mask": MASK, "meta": NUMBERS}
    model(arrays)
    bundle = saved(native, model, tmp_path / "bundle", meta=NUMBERS.tolist())
    dtypes = {entry["name"]: entry["dtype"] for entry in bundle.manifest.signature["inputs"]}
    assert dtypes == {"input_ids": "int32", "attention_mask": "int32", "meta": "float32"}
    wanted, found = (native.dialect.array(each(arrays)) for each in (model, bundle.model))
    np.testing.assert_array_equal(found, wanted)


def _arguments(self, ids, attention_mask=None):
    return self.head(self.encoder(ids, attention_mask=attention_mask)["pooler_output"])


def test_a_model_called_on_several_arguments_is_refused_with_what_to_save(native, tmp_path):
    model = classifier(native, _arguments)
    model(TOKENS, attention_mask=MASK)
    with pytest.raises(errors.ModelError, match="a subclassed model that was called on several arguments") as caught:
        saved(native, model, tmp_path / "refused")
    assert "tensors in attention_mask" in str(caught.value)
    ids, mask = (native.keras.Input((LENGTH,), dtype="int32", name=name) for name in ("ids", "mask"))
    functional = native.keras.Model([ids, mask], model(ids, attention_mask=mask))
    functional.encoder = model.encoder
    bundle = saved(native, functional, tmp_path / "saved")
    wanted, found = (native.dialect.array(each([TOKENS, MASK])) for each in (functional, bundle.model))
    np.testing.assert_array_equal(found, wanted)


def test_a_model_that_was_never_called_is_refused(native, tmp_path):
    with pytest.raises(errors.ModelError, match="a subclassed model that was never called @ classifier"):
        bert_bundle.save(
            classifier(native, _one),
            tmp_path / "bundle",
            tokenizer=specification.tokenizer(runtime=native.name),
            prove=False,
        )
