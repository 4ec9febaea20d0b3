"""The demo's vocabulary: learned from texts, the same one whatever order they come in."""

import random

import pytest

from bert_bundle.demo import tickets
from bert_bundle.demo.vocabulary import SPECIAL, learn

TEXTS = ["My invoice is wrong", "the invoice, the invoices", "Señor Müller's invoice!", "wrong, wrong"]


def test_it_holds_the_special_tokens_the_letters_and_what_is_often() -> None:
    tokens = learn(TEXTS, 80)
    assert tuple(tokens[:5]) == SPECIAL
    assert {"m", "##n", "!", ",", "'"} <= set(tokens)
    assert {"invoice", "wrong", "the"} <= set(tokens)
    assert not any("ñ" in token or "M" in token for token in tokens[5:])
    assert len(set(tokens)) == len(tokens) <= 80


def test_what_is_seen_once_is_left_in_pieces() -> None:
    tokens = set(learn(TEXTS, 500))
    assert "muller" not in tokens
    assert all(letter in tokens for letter in ("m", "##u", "##l", "##e", "##r"))


def test_the_same_texts_in_another_order_give_the_same_vocabulary() -> None:
    """Ties are broken by name: nothing hangs on who came first."""
    texts = list(tickets.read().texts)
    wanted = learn(texts, 600)
    random.Random(1).shuffle(texts)
    assert learn(texts, 600) == wanted
    assert len(wanted) == 600


@pytest.mark.parametrize("size", [40, 60])
def test_a_larger_vocabulary_begins_like_a_smaller_one(size: int) -> None:
    assert learn(TEXTS, 80)[:size] == learn(TEXTS, size)


def test_texts_without_words_have_a_vocabulary_of_special_tokens() -> None:
    assert tuple(learn(["", "  "], 100)) == SPECIAL
