"""`TF...ForMultipleChoice`: a class of transformers that is traced, since it is an encoder, two reshapes and a head.

Its texts are documents: for each question one text, or one pair of texts, for each choice.
"""

import numpy as np
import pytest
import transformers
from other_encoders import SIZES

import bert_bundle
from bert_bundle.classifiers import vocabularies

# Class prefix -> the family whose vocabulary it reads.
CLASSES = {"Bert": "bert", "Roberta": "roberta", "Electra": "bert", "Albert": "albert"}
CHOICES = 3
LENGTH = 12
QUESTIONS = [
    [("my invoice", "why?"), ("my invoice", "please help"), ("my invoice", "a refund of")],
    [("dark mode", "no"), ("dark mode", "my invoice is wrong"), ("dark mode", "")],
]


def made(prefix):
    tokenizer = vocabularies.tokenizer_of(CLASSES[prefix])
    cls = getattr(transformers, "TF{}ForMultipleChoice".format(prefix))
    words = max(tokenizer.get_vocab().values()) + 1
    more = {"pad_token_id": tokenizer.pad_token_id, "max_position_embeddings": 40}
    return cls(cls.config_class(**dict(SIZES, vocab_size=words, **more))), tokenizer


def arrays(tokenizer):
    """Return what the owner of such a model feeds: (questions, choices, tokens)."""
    pairs = [pair for question in QUESTIONS for pair in question]
    encoded = tokenizer(
        [a for a, _ in pairs],
        [b for _, b in pairs],
        padding="max_length",
        truncation=True,
        max_length=LENGTH,
        return_tensors="np",
        return_token_type_ids=True,
    )
    return {name: np.asarray(array, "int32").reshape(-1, CHOICES, LENGTH) for name, array in encoded.items()}


@pytest.mark.parametrize("prefix", CLASSES)
def test_a_class_of_several_choices_predicts_what_its_owner_s_arrays_give(prefix, keras, tmp_path):
    model, tokenizer = made(prefix)
    tensors = {name: keras.backend.constant(array, dtype="int32") for name, array in arrays(tokenizer).items()}
    expected = np.asarray(model(tensors, training=False).logits)
    given = {"tokenizer": tokenizer, "max_length": LENGTH, "examples": {"text": QUESTIONS}}
    bert_bundle.save(model, tmp_path / "bundle", prove=False, **given)
    bundle = bert_bundle.load(tmp_path / "bundle")
    found = bundle.predict(QUESTIONS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert bert_bundle.verify(tmp_path / "bundle").figures.grade == "bitwise"
    turned = [question[::-1] for question in QUESTIONS]
    assert not np.array_equal(bundle.predict(turned), found)
    np.testing.assert_allclose(bundle.predict(turned)[:, ::-1], found, rtol=0, atol=1e-6)
