"""Cases of both runtimes about how texts become arrays: roles, padding, lengths, documents. Collected by name.

Every expectation is what the live model says to arrays that a user would make by hand with the tokenizer.
"""

import numpy as np
import pytest

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.format import golden as goldens
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading import grades
from bert_bundle.graph.signature import TOKENS

IDS, MASK, TYPES = TOKENS
TEXTS = ["my invoice is wrong", "why?", "", "please refund the password 1 2 3", "the app crashes " * 9, "help"]
L = 16
BY_NAME = {TYPES: TYPES, MASK: MASK}
BY_PLACE = {TYPES: MASK, MASK: TYPES}


def tokenized(builder, texts=TEXTS, pairs=None, **how):
    """Return role -> array, as a user calls the tokenizer."""
    live = specification.tokenizer(runtime=builder.runtime.name)
    how = {"max_length": L, "padding": "max_length", **how}
    found = live(list(texts), text_pair=pairs, truncation=True, return_token_type_ids=True, return_tensors="np", **how)
    return {role: np.asarray(found[role]).astype("int32") for role in TOKENS}


def live(builder, model, *arrays):
    """Return what the model says to arrays in the order of its inputs."""
    tensors = [builder.runtime.dialect.tensor(array) for array in arrays]
    return builder.runtime.dialect.array(model(tensors if len(tensors) > 1 else tensors[0], training=False))


def finished(builder, inputs, state, name="probabilities"):
    """Return the model of a Dense layer on `state`, with weights from a seed."""
    model = builder.model(inputs, builder.layers.Dense(3, name=name)(state))
    specification.randomize(model, builder.encoders, 1)
    return model


def saved(builder, model, path, **arguments):
    """Save without examples, which makes probes; return the loaded bundle."""
    live_tokenizer = specification.tokenizer(runtime=builder.runtime.name)
    bert_bundle.save(model, path, tokenizer=live_tokenizer, prove=False, overwrite=True, **arguments)
    return bert_bundle.load(path, runtime=builder.runtime.name)


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())


def replays(bundle):
    """Return the bundle's golden, which is replayed to the bit."""
    found = bert_bundle.verify(bundle.path, runtime=bundle._runtime.name)
    assert found.figures.grade == grades.BITWISE, found.figures.reason
    return goldens.from_bundle(open_bundle(bundle.path))


def swapped(builder):
    """Return a model of [input_ids, token_type_ids, attention_mask], which its encoder takes in another order."""
    inputs = {role: builder.keras.Input((L,), dtype="int32", name=role) for role in (IDS, TYPES, MASK)}
    feeds = {IDS: inputs[IDS], MASK: inputs[TYPES], TYPES: inputs[MASK]}
    state = builder.call(builder.encoder(), feeds)["pooler_output"]
    return finished(builder, list(inputs.values()), state)


def test_a_name_against_its_place_is_refused_with_both_lines_to_paste(builder, tmp_path):
    with pytest.raises(errors.SignatureError, match="named after one role and its place in the graph is") as caught:
        saved(builder, swapped(builder), tmp_path / "bundle")
    assert caught.value.place == "token_type_ids, attention_mask"
    assert "inputs={}".format(BY_NAME) in caught.value.wanted
    assert "inputs={}".format(BY_PLACE) in caught.value.fix
    assert "token_type_ids feeds the encoder's attention_mask" in caught.value.found
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("said", [BY_NAME, BY_PLACE, {MASK: TYPES}], ids=["by name", "by place", "the rest follows"])
def test_what_was_trained_is_kept_either_way(builder, tmp_path, said):
    model, pairs = swapped(builder), TEXTS[::-1]
    bundle = saved(builder, model, tmp_path / "bundle", inputs=said)
    arrays = tokenized(builder, TEXTS, pairs)
    fed = {**BY_PLACE, **said} if said != {MASK: TYPES} else BY_PLACE
    close(bundle.predict(TEXTS, pairs), live(builder, model, *(arrays[fed.get(r, r)] for r in (IDS, TYPES, MASK))))
    given = [entry.get("given") for entry in bundle.manifest.signature["inputs"]]
    assert given == ([None, True, True] if said == BY_NAME else [None] * 3)
    assert [i[1] for i in replays(bundle).inputs] == [fed.get(r, r) for r in (IDS, TYPES, MASK)]
    again = saved(builder, bundle.model, tmp_path / "again", inputs=said)
    assert again.manifest.signature == bundle.manifest.signature


def test_a_role_that_is_none_and_an_input_that_is_not_there_are_refused(builder, tmp_path):
    model = swapped(builder)
    with pytest.raises(errors.SignatureError, match=r"not a role of an input @ inputs\[attention_mask\]"):
        saved(builder, model, tmp_path / "bundle", inputs={**BY_NAME, MASK: "mask"})
    with pytest.raises(errors.SignatureError, match="a role for an input that the model does not have") as caught:
        saved(builder, model, tmp_path / "bundle", inputs={"segments": TYPES})
    assert caught.value.found == "segments"


def test_token_ids_that_an_op_computes_with_are_fed_once_their_role_is_given(builder, tmp_path):
    ids = builder.keras.Input((L,), dtype="int32", name="ids")
    clipped = builder.op("maximum", x1=ids, x2=0)
    model = finished(builder, ids, builder.call(builder.encoder(), {IDS: clipped})["pooler_output"])
    with pytest.raises(errors.SignatureError, match="no input of the model is the token ids") as caught:
        saved(builder, model, tmp_path / "bundle")
    assert "inputs=" in caught.value.fix
    bundle = saved(builder, model, tmp_path / "bundle", inputs={"ids": IDS})
    close(bundle.predict(TEXTS), live(builder, model, tokenized(builder)[IDS]))
    replays(bundle)


def left_open(builder, pool, roles=(IDS, MASK)):
    """Return a model of inputs without a length; `pool` makes the state of tokens and mask."""
    inputs = {role: builder.keras.Input((None,), dtype="int32", name=role) for role in roles}
    outputs = builder.call(builder.encoder(), inputs)
    return finished(builder, list(inputs.values()), pool(builder, outputs))


def pooled(builder, outputs):
    return outputs["pooler_output"]


def averaged(builder, outputs):
    return builder.layers.GlobalAveragePooling1D()(outputs["last_hidden_state"])


def each_token(builder, outputs):
    return outputs["last_hidden_state"]


def test_where_padding_moves_nothing_texts_are_padded_to_the_longest_of_their_batch(builder, tmp_path):
    model = left_open(builder, pooled)
    bundle = saved(builder, model, tmp_path / "bundle", examples={"text": TEXTS})
    assert bundle.manifest.tokenizer["padding"] == "longest"
    assert "padded_together" not in bundle.manifest.tokenizer
    assert "padded to the longest of their batch" in (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")
    longest = tokenized(builder, padding=True, max_length=40)
    assert bundle.encode(TEXTS)[IDS].shape == longest[IDS].shape == replays(bundle).token_ids[IDS].shape
    assert bundle.encode(TEXTS[1:3])[IDS].shape == (2, 4)  # [CLS] why ? [SEP]
    full = tokenized(builder, max_length=40)
    wanted = live(builder, model, full[IDS], full[MASK])
    for batch in (1, 2, 4, 32):
        close(bundle.predict(TEXTS, batch_size=batch), wanted)


def test_a_batch_of_short_texts_is_computed_as_short_as_it_is(builder, tmp_path, monkeypatch):
    bundle = saved(builder, left_open(builder, pooled), tmp_path / "bundle", examples={"text": TEXTS})
    from bert_bundle.keras_models import prediction

    honest, widths = prediction.predict, []

    def watched(runtime, model, graph, slots, arrays, **options):
        widths.append(arrays[IDS].shape)
        return honest(runtime, model, graph, slots, arrays, **options)

    monkeypatch.setattr(prediction, "predict", watched)
    bundle.predict([TEXTS[4], *["help"] * 4], batch_size=2)
    longest = tokenized(builder, TEXTS[4:5], padding=True, max_length=40)[IDS].shape[1]
    assert widths == [(2, 8), (2, 8), (1, longest)]


def test_where_padding_moves_a_prediction_it_must_be_said_by_how_much_and_for_which_text(builder, tmp_path):
    model = left_open(builder, averaged)
    with pytest.raises(errors.SignatureError, match="padding moves the predictions, and nothing says") as caught:
        saved(builder, model, tmp_path / "bundle", examples={"text": TEXTS[:2]})
    assert caught.value.found.startswith("probabilities moves by ")
    assert caught.value.found.endswith(" of its scale when 'why?' is padded from 4 to 40 tokens")
    assert 'padding="longest"' in caught.value.fix
    assert "max_length=40" in caught.value.fix
    full = {"max_length": L}
    for how, said in (
        ({"padding": True, "max_length": 40}, {"padding": "longest"}),
        (full, full),
        (full, {"padding": "max_length", **full}),
    ):
        bundle = saved(builder, model, tmp_path / "bundle", **said)
        arrays = tokenized(builder, **how)
        close(bundle.predict(TEXTS, batch_size=2), live(builder, model, arrays[IDS], arrays[MASK]))
        assert bundle.manifest.tokenizer.get("padded_together") == (True if "padding" in how else None)
        replays(bundle)


def test_a_model_that_says_something_of_each_token_keeps_its_length(builder, tmp_path):
    model = left_open(builder, each_token)
    bundle = saved(builder, model, tmp_path / "bundle", max_length=L)
    assert bundle.manifest.tokenizer["padding"] == "max_length"
    assert bundle.predict(TEXTS, batch_size=2).shape == (len(TEXTS), L, 3)
    together = saved(builder, model, tmp_path / "bundle", max_length=L, padding="longest")
    assert together.predict(TEXTS[:2], batch_size=1).shape == (2, 6, 3)


def test_a_mask_that_is_left_out_is_noticed(builder, tmp_path):
    with pytest.raises(errors.SignatureError, match="padding moves the predictions"):
        saved(builder, left_open(builder, pooled, roles=(IDS,)), tmp_path / "bundle")


def test_a_padding_that_does_not_fit_is_refused(builder, tmp_path):
    model = left_open(builder, pooled)
    with pytest.raises(errors.SignatureError, match="padding does not fit the model") as caught:
        saved(builder, model, tmp_path / "bundle", padding="shortest")
    assert caught.value.wanted == "max_length or longest"
    with pytest.raises(errors.SignatureError, match="padding does not fit the model") as caught:
        saved(builder, swapped(builder), tmp_path / "bundle", padding="longest", inputs=BY_NAME)
    assert "the inputs fix the length" in caught.value.wanted


def two_texts(builder, title=12, body=24):
    """Return a model of a title and a body, each with its own encoder."""
    inputs, states = [], []
    for name, length in (("title", title), ("body", body)):
        ids, mask = (builder.keras.Input((length,), dtype="int32", name=name + end) for end in ("_ids", "_mask"))
        inputs += [ids, mask]
        states.append(builder.call(builder.encoder(name=name), {IDS: ids, MASK: mask})["pooler_output"])
    return finished(builder, inputs, builder.layers.Concatenate(name="both")(states))


def test_two_texts_have_a_length_each(builder, tmp_path):
    model = two_texts(builder)
    bundle = saved(builder, model, tmp_path / "bundle")
    assert bundle.manifest.tokenizer["max_length"] == {"title_ids": 12, "body_ids": 24}
    texts = {"title_ids": TEXTS[::-1], "body_ids": TEXTS}
    title, body = (tokenized(builder, texts[name], max_length=n) for name, n in (("title_ids", 12), ("body_ids", 24)))
    close(bundle.predict(texts), live(builder, model, title[IDS], title[MASK], body[IDS], body[MASK]))
    replays(bundle)
    assert "title\\_ids to 12 tokens" in (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")


def test_a_length_for_each_text_may_be_given_and_one_for_all_must_fit_them(builder, tmp_path):
    said = {"title_ids": 12, "body_ids": 30}
    bundle = saved(builder, two_texts(builder, body=None), tmp_path / "bundle", max_length=said)
    assert bundle.manifest.tokenizer["max_length"] == said
    assert bundle.manifest.tokenizer["padding"] == "longest"
    texts = {"title_ids": TEXTS[::-1], "body_ids": TEXTS}
    assert [bundle.encode(texts)[n].shape[1] for n in ("title_ids", "body_ids")] == [12, 30]
    short = {name: column[1:2] for name, column in texts.items()}
    assert [bundle.encode(short)[n].shape[1] for n in ("title_ids", "body_ids")] == [12, 4]
    close(bundle.predict(texts, batch_size=2), bundle.predict(texts))
    replays(bundle)
    for wrong, found in ((24, "24"), ({"title_ids": 13}, "13"), ({"body_ids": True}, "True"), ({"body_ids": 0}, "0")):
        with pytest.raises(errors.SignatureError, match="max_length does not fit the model") as caught:
            saved(builder, two_texts(builder), tmp_path / "refused", max_length=wrong)
        assert caught.value.found == found
    with pytest.raises(errors.SignatureError, match="max_length for a text that the model does not have"):
        saved(builder, two_texts(builder), tmp_path / "refused", max_length={"title": 12})


def documents(builder, texts=3):
    """Return a model of documents, whose texts reach the encoder through a reshape."""
    ids, mask = (builder.keras.Input((texts, L), dtype="int32", name=name) for name in ("ids", "mask"))
    flat = {role: builder.op("reshape", x=x, newshape=[-1, L]) for role, x in ((IDS, ids), (MASK, mask))}
    state = builder.call(builder.encoder(), flat)["pooler_output"]
    state = builder.op("reshape", x=state, newshape=[-1, texts, 16])
    return finished(builder, [ids, mask], builder.layers.LSTM(5, name="texts")(state))


def test_documents_are_lists_of_texts_or_all_their_texts_in_a_row(builder, tmp_path):
    model = documents(builder)
    bundle = saved(builder, model, tmp_path / "bundle")
    arrays = tokenized(builder)
    wanted = live(builder, model, *(arrays[role].reshape(-1, 3, L) for role in (IDS, MASK)))
    close(bundle.predict(TEXTS), wanted)
    close(bundle.predict([TEXTS[:3], TEXTS[3:]]), wanted)
    assert bundle.encode(TEXTS)["ids"].shape == (2, 3, L)
    golden = replays(bundle)
    assert golden.token_ids["ids"].shape == (len(golden.texts["text"]), 3, L)
    assert all(len(document) == 3 for document in golden.texts["text"])
    assert 'predict([["a text"] * 3])' in (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")


def called_for_each_text(builder):
    """Return a model of documents that calls a model of one text for each of them."""
    ids = builder.keras.Input((L,), dtype="int32", name="ids")
    state = builder.call(builder.encoder(), {IDS: ids})["pooler_output"]
    sentence = builder.keras.Model(ids, state, name="sentence")
    whole = builder.keras.Input((3, L), dtype="int32", name="document")
    states = builder.layers.TimeDistributed(sentence, name="each")(whole)
    return finished(builder, whole, builder.layers.LSTM(5, name="texts")(states))


def check_called_for_each_text(builder, tmp_path):
    """Save such a model: it takes documents, and gives its own figures again."""
    model = called_for_each_text(builder)
    bundle = saved(builder, model, tmp_path / "bundle")
    close(bundle.predict(TEXTS), live(builder, model, tokenized(builder)[IDS].reshape(-1, 3, L)))
    replays(bundle)


def test_documents_of_pairs_are_lists_of_tuples(builder, tmp_path):
    model, pairs = documents(builder), list(zip(TEXTS, TEXTS[::-1]))
    bundle = saved(builder, model, tmp_path / "bundle", examples={"text": [pairs[:3], pairs[3:]]})
    arrays = tokenized(builder, TEXTS, TEXTS[::-1])
    wanted = live(builder, model, *(arrays[role].reshape(-1, 3, L) for role in (IDS, MASK)))
    for texts, seconds in ((pairs, None), ([pairs[:3], pairs[3:]], None), (TEXTS, TEXTS[::-1])):
        close(bundle.predict(texts, seconds), wanted)
    assert replays(bundle).texts["text"][0] == [list(pair) for pair in pairs[:3]]


def test_a_document_of_another_number_of_texts_is_refused(builder, tmp_path):
    bundle = saved(builder, documents(builder), tmp_path / "bundle")
    with pytest.raises(errors.SignatureError, match="texts that do not make documents @ texts of ids") as caught:
        bundle.predict(TEXTS[:4])
    assert caught.value.found == "4 texts in a row"
    with pytest.raises(errors.SignatureError, match="documents of another number of texts") as caught:
        bundle.predict([TEXTS[:2]])
    assert caught.value.fix.startswith("[[text, text, text], ...]")
    with pytest.raises(errors.SignatureError, match=r"documents of another number of texts @ examples\[text\]"):
        saved(builder, documents(builder), tmp_path / "bundle", examples={"text": [TEXTS[:2]]})
