"""Inputs of one shape swapped in real models: what the golden distinguishes, what the card states, what is refused."""

import numpy as np
import pytest
from support.bundle_files import read_golden

from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.classifiers.model_builder import LENGTH, ModelBuilder

TEXTS = ["my invoice is wrong", "why?"]
SENTENCE = "The model does not depend on which of these inputs is which: a and b."


def with_two_features(merge, a, b):
    """Return a classifier whose features a and b, (n, 3) each, meet in a layer of the class `merge`."""
    builder = ModelBuilder("transformers")
    feeds = builder.tokens()
    features = [builder.keras.Input((3,), name=name) for name in ("a", "b")]
    first = builder.call(builder.encoder(), feeds)["last_hidden_state"][:, 0]
    x = builder.layers.Concatenate()([first, getattr(builder.layers, merge)()(features)])
    model = builder.model([*feeds.values(), *features], builder.head(x))
    specification.randomize(model, builder.encoders[0], seed=5)
    examples = {"text": TEXTS, "a": a, "b": b}
    return specification.BuiltClassifier(model, builder.encoders[0], specification.tokenizer(), (), examples, LENGTH)


def test_two_inputs_that_the_model_adds_are_alike_and_its_card_says_so(save, tmp_path):
    made = with_two_features("Add", np.ones((2, 3)), np.zeros((2, 3)))
    path = save(made, tmp_path / "bundle")
    assert read_golden(str(path)).interchangeable == (("a", "b"),)
    assert SENTENCE in (path / "README.md").read_text("utf-8")


def test_two_inputs_that_it_tells_apart_are_not_and_examples_that_hide_it_are_refused(save, tmp_path):
    made = with_two_features("Concatenate", np.ones((2, 3)), np.zeros((2, 3)))
    path = save(made, tmp_path / "bundle")
    assert read_golden(str(path)).interchangeable == ()
    assert "depend" not in (path / "README.md").read_text("utf-8")
    equal = {"text": TEXTS, "a": np.ones((2, 3)), "b": np.ones((2, 3))}
    with pytest.raises(errors.SignatureError, match="two inputs have the same values in every example") as caught:
        save(made, tmp_path / "equal", examples=equal)
    assert (caught.value.place, caught.value.fix) == (
        "examples of a and b",
        "give at least one example with different values",
    )


def test_the_probes_of_two_texts_differ_in_every_row(save, tmp_path):
    builder = ModelBuilder("transformers")
    left, right = builder.tokens("left_"), builder.tokens("right_")
    encoder = builder.encoder()
    towers = [builder.call(encoder, feeds)["pooler_output"] for feeds in (left, right)]
    model = builder.model([*left.values(), *right.values()], builder.head(builder.layers.Concatenate()(towers)))
    specification.randomize(model, encoder, seed=5)
    made = specification.BuiltClassifier(model, encoder, specification.tokenizer(), (), None, LENGTH)
    golden = read_golden(str(save(made, tmp_path / "bundle")))
    one, other = (golden.texts[group] for group in ("left_input_ids", "right_input_ids"))
    assert sorted(one) == sorted(other)
    assert all(a != b for a, b in zip(one, other))
    assert golden.interchangeable == ()
