"""What a caller's own pipeline fed and predicted, held against the bundle: each disagreement is planted."""

import json

import numpy as np
import pytest

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.classifiers.model_builder import LENGTH, ModelBuilder

TEXTS = ["my invoice is wrong", "the app crashes", "why?", "add dark mode"]


def with_open_length(activation="softmax"):
    """Return a classifier that averages the states of all tokens, padding included: its length matters."""
    builder = ModelBuilder("transformers")
    feeds = builder.tokens(length=None)
    hidden = builder.call(builder.encoder(), feeds)["last_hidden_state"]
    pooled = builder.layers.GlobalAveragePooling1D(name="mean")(hidden)
    model = builder.model(list(feeds.values()), builder.head(pooled, 3, activation))
    specification.randomize(model, builder.encoders[0], seed=7)
    return specification.BuiltClassifier(
        model, builder.encoders[0], specification.tokenizer(), (), {"text": TEXTS}, LENGTH
    )


@pytest.fixture(scope="module")
def made():
    return with_open_length()


def encoded(made, length=LENGTH, texts=TEXTS):
    rows = made.tokenizer(
        texts, padding="max_length", truncation=True, max_length=length, return_tensors="np",
        return_token_type_ids=True,
    )  # fmt: skip
    return {name: np.asarray(rows[name]) for name in ("input_ids", "attention_mask", "token_type_ids")}


def predicted(made, arrays):
    return made.model.predict([arrays[tensor.name.split(":")[0]] for tensor in made.model.inputs], batch_size=3)


def files(path):
    return {p.name: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_figures_that_agree_are_mentioned_and_change_nothing_else(made, save, tmp_path):
    arrays = encoded(made)
    plain = files(save(made, tmp_path / "plain"))
    own = {"text": TEXTS, "predictions": predicted(made, arrays), "inputs": arrays}
    held = files(save(made, tmp_path / "held", examples=own))
    changed = {name for name in plain if plain[name] != held[name]}
    assert changed == {"README.md", "bundle.json"}
    assert json.loads(held["bundle.json"])["proof"] == {"proven": False, "held_against": ["inputs", "predictions"]}
    assert (
        b"It predicts what its author's own pipeline fed and predicted for the recorded examples." in held["README.md"]
    )


@pytest.mark.parametrize("form", ["mapping", "list", "tuple"])
def test_inputs_may_be_named_or_in_order(made, save, tmp_path, form):
    arrays = encoded(made)
    given = {"mapping": arrays, "list": list(arrays.values()), "tuple": tuple(arrays.values())}[form]
    save(made, tmp_path / "bundle", examples={"text": TEXTS, "inputs": given})


def test_inputs_of_another_encoding_are_refused_with_the_first_element(made, save, tmp_path):
    arrays = encoded(made)
    swapped = {**arrays, "attention_mask": arrays["token_type_ids"], "token_type_ids": arrays["attention_mask"]}
    with pytest.raises(errors.SignatureError, match="would not predict what your pipeline predicts") as caught:
        save(made, tmp_path / "bundle", examples={"text": TEXTS, "inputs": swapped})
    error = caught.value
    assert error.place == "example 0: 'my invoice is wrong'"
    assert "attention_mask of example 0, position 0: 0 for 1, at '[CLS]'" in error.found
    assert "of the output's scale, where noise is" in error.found
    assert "attention mask and token types swapped" in error.fix
    assert "save(inputs={'attention_mask': 'token_type_ids', 'token_type_ids': 'attention_mask'})" in error.fix


def moved(array, mask):
    """Return the rows with their padding on the left."""
    return np.stack([np.roll(row, (kept == 0).sum()) for row, kept in zip(array, mask)])


EXPLAINED = {
    "swapped": (
        lambda a: {**a, "attention_mask": a["token_type_ids"], "token_type_ids": a["attention_mask"]},
        "attention mask and token types swapped",
        "attention_mask of example 0, position 0: 0 for 1",
    ),
    "ones": (
        lambda a: {**a, "attention_mask": np.ones_like(a["attention_mask"])},
        "an attention mask of ones, padding included",
        "attention_mask of example 0, position ",
    ),
    "left": (
        lambda a: {name: moved(x, a["attention_mask"]) for name, x in a.items()},
        "padding on the left",
        "input_ids of example 0, position 0: 0 for ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPLAINED)
def test_predictions_alone_are_explained_by_the_encoding_that_gives_them(made, save, tmp_path, name):
    plant, words, where = EXPLAINED[name]
    own = {"text": TEXTS, "predictions": predicted(made, plant(encoded(made)))}
    with pytest.raises(errors.SignatureError, match="would not predict what your pipeline predicts") as caught:
        save(made, tmp_path / "bundle", examples=own)
    assert words in caught.value.fix
    assert where in caught.value.found


@pytest.mark.parametrize("words", ["padding to the longest text", "32 tokens a text"])
def test_predictions_at_another_length_name_it(made, save, tmp_path, words):
    length = 32 if "32" in words else int(encoded(made)["attention_mask"].sum(1).max())
    assert length != LENGTH
    own = {"text": TEXTS, "predictions": predicted(made, encoded(made, length))}
    with pytest.raises(errors.SignatureError, match="would not predict") as caught:
        save(made, tmp_path / "bundle", examples=own)
    assert "they are those of " + words in caught.value.fix
    assert "input_ids: rows of shape ({},) for ({},)".format(length, LENGTH) in caught.value.found


def test_predictions_of_lower_case_texts_are_explained(save, tmp_path):
    cased = specification.build({"tokenizer": {"do_lower_case": False}, "features": 0, "seed": 3})
    texts = ["My Invoice", "WHY?", "add dark mode"]
    arrays = encoded(cased, cased.max_length, [text.lower() for text in texts])
    own = {"text": texts, "predictions": predicted(cased, arrays)}
    with pytest.raises(errors.SignatureError, match="would not predict") as caught:
        save(cased, tmp_path / "bundle", examples=own)
    assert "they are those of texts in lower case" in caught.value.fix
    assert caught.value.place == "example 0: 'My Invoice'"


def test_other_numbers_and_another_order_are_told_apart_from_another_encoding(made, save, tmp_path):
    logits = with_open_length("linear")
    values = predicted(logits, encoded(logits))
    exponents = np.exp(values - values.max(-1, keepdims=True))
    for own, words in (
        (exponents / exponents.sum(-1, keepdims=True), "they are the softmax of the model's outputs"),
        (1 / (1 + np.exp(-values)), "they are the sigmoid of the model's outputs"),
        (values[::-1], "they are the model's predictions in another order"),
        (values + 1, "no known way to encode the texts explains them"),
    ):
        with pytest.raises(errors.SignatureError, match="would not predict") as caught:
            save(logits, tmp_path / "bundle", examples={"text": TEXTS, "predictions": own})
        assert words in caught.value.fix


def test_predictions_that_the_model_does_not_give_for_the_inputs_are_another_fault(made, save, tmp_path):
    arrays = encoded(made)
    own = {"text": TEXTS, "inputs": arrays, "predictions": predicted(made, arrays)[::-1]}
    with pytest.raises(errors.SignatureError, match="does not give the given predictions for the given inputs"):
        save(made, tmp_path / "bundle", examples=own)


WRONG = {
    "rows": ({"predictions": np.ones((3, 3)) / 3}, "another number of rows than texts", "examples[predictions]["),
    "classes": ({"predictions": np.ones((4, 2))}, "predictions of another shape than the model's", "examples[pre"),
    "labels": ({"predictions": [0, 1, 2, 0]}, "predictions of another shape than the model's", "examples[pre"),
    "NaN": ({"predictions": np.full((4, 3), np.nan)}, "NaN or infinity", "][0]"),
    "output": ({"predictions": {"other": np.ones((4, 3))}}, "an output that the model does not have", "examples[pred"),
    "ragged": ({"predictions": [[1.0, 0.0, 0.0], [1.0], [1.0], [1.0]]}, "not a rectangular numeric array", "examples["),
    "nothing": ({"predictions": {}}, "an output that the model does not have", "examples[predictions]"),
    "input": ({"inputs": {"ids": np.ones((4, 12))}}, "an input that the model does not have", "examples[inputs]"),
    "missing": ({"inputs": {"input_ids": np.ones((4, 12))}}, "an input without values", "attention_mask"),
    "count": ({"inputs": [np.ones((4, 12))]}, "the arrays do not match the model's inputs", "examples[inputs]"),
    "input rows": ({"inputs": [np.ones((3, 12))] * 3}, "another number of rows than texts", "examples[inputs]["),
    "rank": ({"inputs": [np.ones((4, 12, 1))] * 3}, "values of the wrong shape", "input_ids"),
}


@pytest.mark.parametrize("name", WRONG)
def test_figures_of_another_shape_are_refused(made, save, tmp_path, name):
    own, message, place = WRONG[name]
    with pytest.raises(errors.SignatureError) as caught:
        save(made, tmp_path / "bundle", examples={"text": TEXTS, **own})
    assert message in caught.value.message
    assert place in caught.value.place


def test_noise_of_another_batch_composition_is_not_a_difference(made, save, tmp_path):
    """The limit is what was measured: the same predictions, one at a time and in a graph, pass."""
    arrays = encoded(made)
    alone = [predicted(made, {n: a[i : i + 1] for n, a in arrays.items()}) for i in range(len(TEXTS))]
    save(made, tmp_path / "bundle", examples={"text": TEXTS, "predictions": np.concatenate(alone)})
    more = np.concatenate(alone) + 1e-4
    with pytest.raises(errors.SignatureError, match="would not predict"):
        save(made, tmp_path / "other", examples={"text": TEXTS, "predictions": more})


def test_a_bundle_that_was_held_loads(made, save, tmp_path):
    path = save(made, tmp_path / "bundle", examples={"text": TEXTS, "predictions": predicted(made, encoded(made))})
    assert bert_bundle.inspect(path).proof["held_against"] == ["predictions"]
    assert bert_bundle.load(path).predict(TEXTS).shape == (4, 3)
