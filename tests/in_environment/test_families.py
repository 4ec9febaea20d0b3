"""Every family and every head: captured, saved, loaded, and the same in every respect, to the bit."""

import functools
import hashlib
import re

import numpy as np
import pytest

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.encoders import transformers

LENGTH = 12
PADDED = (LENGTH, 5, 1)  # tokens of each row of `batch`
SIZES = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
# name: (in the classes' names, configuration); no two sizes are equal, nor any epsilon the default
FAMILIES = {
    "bert": ("Bert", dict(SIZES, type_vocab_size=3, layer_norm_eps=1e-6)),
    "distilbert": ("DistilBert", {"dim": 12, "n_layers": 2, "n_heads": 2, "hidden_dim": 20}),
    "roberta": ("Roberta", dict(SIZES, type_vocab_size=1, layer_norm_eps=1e-5)),
    "xlm-roberta": ("XLMRoberta", dict(SIZES, type_vocab_size=2, hidden_act="gelu_new")),
    "albert": ("Albert", dict(SIZES, embedding_size=8, num_hidden_groups=2, type_vocab_size=3, hidden_act="relu")),
    "albert with one block": ("Albert", dict(SIZES, embedding_size=12, layer_norm_eps=1e-6)),
    "mpnet": ("MPNet", dict(SIZES, relative_attention_num_buckets=10, layer_norm_eps=1e-6)),
    "camembert": ("Camembert", dict(SIZES, type_vocab_size=1, hidden_act="relu", layer_norm_eps=1e-6)),
    "electra": ("Electra", dict(SIZES, embedding_size=8, type_vocab_size=2, layer_norm_eps=1e-6)),
    "electra without a projection": ("Electra", dict(SIZES, embedding_size=12, hidden_act="relu")),
}
SEQUENCE, TOKENS, SPAN = "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"


def plain(encoder, ids, mask, types, keras):
    outputs = encoder(ids, attention_mask=mask, **types)
    states = [outputs.last_hidden_state[:, 0, :]]
    if "pooler_output" in outputs:
        states = [keras.layers.Concatenate(name="both")([*states, outputs.pooler_output])]
    return keras.layers.Dense(3, activation="softmax", name="probabilities")(states[0])


def sequence(encoder, ids, mask, types, keras):
    return keras.layers.Softmax(name="probabilities")(encoder(ids, attention_mask=mask, **types).logits)


def tokens(encoder, ids, mask, types, keras):
    return encoder(dict(types, input_ids=ids, attention_mask=mask))["logits"]


def span(encoder, ids, mask, types, keras):
    outputs = encoder([ids, mask, *types.values()])
    return {"start": outputs[0], "end": outputs[1]}


# head: (how it is called, classes)
HEADS = {"Model": (plain, 2), SEQUENCE: (sequence, 3), TOKENS: (tokens, 5), SPAN: (span, 2)}
CASES = ["{} {}".format(family, head) for family in FAMILIES for head in HEADS if " " not in family]
CASES += [family + " Model" for family in FAMILIES if " " in family]


def make(case, name="encoder", **changes):
    """Return the live class of `case`, not built yet."""
    import transformers as library

    family, head = case.rsplit(" ", 1)
    title, sizes = FAMILIES[family]
    labels = {i: "label {}".format(i) for i in range(HEADS[head][1])}
    config = getattr(library, title + "Config")(
        vocab_size=len(specification.vocabulary()),
        max_position_embeddings=32,
        **dict(sizes, **changes),
        id2label=labels,
        label2id={label: i for i, label in labels.items()},
    )
    return getattr(library, "TF" + title + head)(config, name=name)


@functools.lru_cache(maxsize=None)
def build(keras, case):
    """Return a functional model around the class, randomized and partly frozen, for all tests: saving leaves it."""
    encoder = make(case)
    ids, mask = (keras.Input((LENGTH,), dtype="int32", name=name) for name in ("ids", "mask"))
    types = {"token_type_ids": keras.Input((LENGTH,), dtype="int32", name="types")} if takes_types(encoder) else {}
    outputs = HEADS[case.rsplit(" ", 1)[1]][0](encoder, ids, mask, types, keras)
    model = keras.Model([ids, mask, *types.values()], outputs, name="classifier")
    return finish(model, encoder)


def finish(model, encoder):
    specification.randomize(model, encoder, seed=7)
    inner = getattr(encoder, encoder.base_model_prefix)
    inner.embeddings.trainable = False
    first = first_block(inner.transformer if hasattr(inner, "transformer") else inner.encoder)
    first.trainable = False
    first.attention.trainable = True
    return specification.BuiltClassifier(
        model, encoder, specification.tokenizer(), (), {"text": ["my invoice", "why?"]}, LENGTH
    )


def first_block(blocks):
    return blocks.layer[0] if hasattr(blocks, "layer") else blocks.albert_layer_groups[0].albert_layers[0]


def takes_types(encoder):
    return hasattr(encoder.config, "type_vocab_size")


def batch(encoder):
    """Ids, mask and types with padding: token 1 where RoBERTa's positions stop at padding, else 0."""
    random = np.random.RandomState(0)
    mask = (np.arange(LENGTH) < np.array(PADDED)[:, None]).astype("int32")
    pad = encoder.config.pad_token_id
    ids = np.where(mask == 1, random.randint(5, 40, mask.shape), pad).astype("int32")
    types = (
        [random.randint(0, encoder.config.type_vocab_size, mask.shape).astype("int32")] if takes_types(encoder) else []
    )
    return [ids, mask, *types]


def outputs(model, encoder):
    found = model(batch(encoder), training=False)
    found = found if isinstance(found, dict) else {"": found}
    return {name: np.asarray(value) for name, value in found.items()}


@pytest.fixture(scope="module", params=CASES)
def pair(request, keras, family_bundle):
    path = family_bundle(request.param)
    return request.param, build(keras, request.param), bert_bundle.load(path), path


def test_predictions_are_equal_to_the_bit(pair):
    _, made, bundle, _ = pair
    before, after = outputs(made.model, made.encoder), outputs(bundle.model, made.encoder)
    assert sorted(before) == sorted(after)
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)
        assert np.abs(array[1:] - array[:-1]).max() > 1e-3  # rows differ: nothing is constant


def test_the_float64_replay_agrees_with_the_model(pair):
    assert bert_bundle.verify(pair[3]).figures.grade == "bitwise"


def facts(model, encoder):
    return {
        "layers": sorted((layer.name, layer.trainable) for layer in model.layers if not hasattr(layer, "symbol")),
        "weights": sorted(v.name for v in model.weights),
        "trainable": sorted(v.name for v in model.trainable_weights),
        "flags": transformers.flags(encoder),
        "config": transformers.config(encoder, "config.json"),
    }


def test_names_flags_and_configuration_are_those_of_before_each_time_it_is_loaded(pair):
    _, made, bundle, path = pair
    wanted = facts(made.model, made.encoder)
    assert 0 < len(wanted["trainable"]) < len(wanted["weights"])
    assert wanted["flags"]
    for again in (bundle, bert_bundle.load(path)):
        assert facts(again.model, again.encoders["encoder"]) == wanted


def test_weights_are_equal_to_the_bit(pair):
    _, made, bundle, _ = pair
    after = {v.name: v.numpy() for v in bundle.model.weights}
    assert len(after) == len(made.model.weights)
    for variable in made.model.weights:
        np.testing.assert_array_equal(after[variable.name], variable.numpy())
        assert np.ptp(variable.numpy()) > 0


def test_every_release_writes_the_same_bytes(pair):
    case, _, _, path = pair
    graph = (path / "graph.json").read_bytes()
    found = hashlib.sha256(graph + (path / "encoders" / "encoder" / "config.json").read_bytes()).hexdigest()
    assert found == BYTES[case], graph.decode("utf-8")


@pytest.mark.parametrize("case", [case for case in CASES if not case.endswith("Model")])
def test_a_class_with_a_head_is_saved_by_itself_and_loads_as_a_functional_model(case, keras, save, tmp_path):
    model = make(case, name="clf")
    model([tensor[:1] for tensor in batch(model)])
    made = finish(model, model)
    before, calls = model(batch(model), training=False), len(model._inbound_nodes)
    names = ("attention_mask", "token_type_ids") if getattr(model.config, "type_vocab_size", 0) > 1 else ()
    order = {"inputs": {name: name for name in names}} if names else {}  # that of a list of three is asked for
    bundle = bert_bundle.load(save(made, tmp_path / "bundle", **order))
    again = bundle.encoders["clf"]
    given = batch(again)[: 3 if names else 2]
    found = bundle.model(given, training=False)
    for name in ("start_logits", "end_logits") if case.endswith(SPAN) else ("logits",):
        np.testing.assert_array_equal(np.asarray(found[name] if case.endswith(SPAN) else found), before[name])
    assert bundle.model._is_graph_network
    assert [tuple(tensor.shape) for tensor in bundle.model.inputs] == [(None, LENGTH)] * len(given)
    roles = [entry["role"] for entry in bundle.manifest.signature["inputs"]]
    assert roles == ["input_ids", "attention_mask", "token_type_ids"][: len(given)]
    assert transformers.config(again, "x") == transformers.config(model, "x")
    assert transformers.flags(again) == transformers.flags(model) != {}
    assert sorted(v.name for v in again.trainable_weights) == sorted(v.name for v in model.trainable_weights)
    assert bert_bundle.verify(tmp_path / "bundle").figures.grade == "bitwise"
    assert len(model._inbound_nodes) == calls


@pytest.mark.parametrize("return_dict", [True, False])
def test_a_class_that_was_never_called_is_saved_without_a_length(return_dict, keras, save, tmp_path):
    for head, names in ((SEQUENCE, ["clf"]), (SPAN, ["start_logits", "end_logits"])):
        model = make("bert " + head, name="clf")
        model.config.return_dict = return_dict
        made = specification.BuiltClassifier(
            model, model, specification.tokenizer(), (), {"text": ["my invoice", "why?"]}, None
        )
        bundle = bert_bundle.load(save(made, tmp_path / head))
        assert [tuple(tensor.shape) for tensor in bundle.model.inputs] == [(None, None)] * 3
        assert [entry["name"] for entry in bundle.manifest.signature["outputs"]] == names
        found = bundle.predict(["my invoice", "why?"])
        encoded = bundle.encode(["my invoice", "why?"])
        wanted = model(encoded, return_dict=True, training=False)
        for name in ["logits"] if head == SEQUENCE else names:
            np.testing.assert_array_equal(found if head == SEQUENCE else found[name], wanted[name])


def test_a_length_beyond_the_positions_is_refused(keras, save, tmp_path):
    model = make("roberta " + SEQUENCE)
    made = specification.BuiltClassifier(model, model, specification.tokenizer(), (), {"text": ["why?"]}, 31)
    with pytest.raises(errors.SignatureError, match="max_length does not fit the model") as caught:
        save(made, tmp_path / "bundle")
    assert caught.value.found == "31"


def swapped(name):
    """Return the name of the same tensor of the other layer."""
    return re.sub(r"\.([01])\.", lambda found: ".{}.".format(1 - int(found.group(1))), name, count=1)


@pytest.mark.parametrize("family", [family for family in FAMILIES if " " not in family])
def test_a_swapped_pair_of_layers_is_caught_at_save(family, keras, save, tmp_path, monkeypatch):
    honest = transformers.tensors
    monkeypatch.setattr(transformers, "tensors", lambda live: {swapped(k): v for k, v in honest(live).items()})
    with pytest.raises(errors.ModelError, match=r"the captured graph does not compute what .* @ probabilities"):
        save(build(keras, family + " Model"), tmp_path / "bundle")


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.split()[0] in ("bert", "roberta", "xlm-roberta", "camembert", "albert")]
)
def test_a_lost_pooler_is_caught_at_save_where_there_is_one(case, keras, save, tmp_path, monkeypatch):
    made, honest = build(keras, case), transformers.tensors
    monkeypatch.setattr(
        transformers, "tensors", lambda live: {k: v for k, v in honest(live).items() if "pooler" not in k}
    )
    if case.endswith("Model") or case in ("bert ForSequenceClassification", "albert ForSequenceClassification"):
        with pytest.raises(errors.FormatError, match=r"does not fit its configuration @ .*pooler(.dense)?.bias"):
            save(made, tmp_path / "bundle")
    else:  # nothing is lost: `pair` saves the same model
        assert not any("pooler" in name for name in honest(made.encoder))


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "electra", "camembert", "albert", "mpnet"])
def test_another_epsilon_is_caught_at_save(family, keras, save, tmp_path, monkeypatch):
    made, honest = build(keras, family + " Model"), transformers.build

    def faulty(family, config, *rest):
        return honest(family, dict(config, layer_norm_eps=config["layer_norm_eps"] + 1e-3), *rest)

    monkeypatch.setattr(transformers, "build", faulty)
    with pytest.raises(errors.ModelError, match=r"the captured graph does not compute what .* @ probabilities"):
        save(made, tmp_path / "bundle")


@pytest.mark.parametrize("family", ["roberta", "xlm-roberta", "camembert", "mpnet"])
def test_padding_that_the_tensorflow_class_does_not_honour_is_refused(family, keras, save, tmp_path, monkeypatch):
    made = build.__wrapped__(keras, family + " Model")  # its own, for the configuration changes
    made.encoder.config.pad_token_id = 0
    with pytest.raises(errors.ModelError, match=r"a value the encoder does not honour @ .*pad_token_id") as caught:
        save(made, tmp_path / "bundle")
    assert (caught.value.wanted, caught.value.found) == ("1", "0")


@pytest.mark.parametrize("name", ["TFMobileBertForSequenceClassification", "TFBertForMaskedLM"])
def test_a_class_of_no_family_is_refused_with_those_that_are(name, keras, save, tmp_path):
    import transformers as library

    cls = getattr(library, name)
    live = cls(cls.config_class(vocab_size=99, **SIZES), name="other")
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    model = keras.Model(ids, keras.layers.Dense(2, name="dense")(live(ids)[0]), name="classifier")
    with pytest.raises(
        errors.ModelError, match="a class of transformers that a bundle cannot represent @ other"
    ) as caught:
        save(
            specification.BuiltClassifier(model, live, specification.tokenizer(), (), {"text": ["why?"]}, LENGTH),
            tmp_path / "bundle",
        )
    assert "TFXLMRobertaModel, TFElectraModel, " in caught.value.wanted
    assert ", or with ForSequenceClassification" in caught.value.wanted
    assert caught.value.found == name


def test_more_positions_than_the_call_has_are_refused(keras, save, tmp_path):
    encoder = make("bert Model")
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    hidden = keras.Input((LENGTH, 12), name="hidden")
    state = encoder(ids, None, None, None, None, None, hidden).pooler_output
    made = specification.BuiltClassifier(
        keras.Model([ids, hidden], state, name="classifier"), encoder, specification.tokenizer(), (), None, LENGTH
    )
    with pytest.raises(errors.ModelError, match="an argument of the encoder that a bundle cannot represent @ encoder"):
        save(made, tmp_path / "bundle")


# Written by TensorFlow 2.6, 2.13 and 2.21; one that changes means bundles of old releases differ.
BYTES = {
    "bert Model": "07f364c3319452750da0b78699c098652b49ac6f31d4c20972d068d40e3c4d74",
    "bert ForSequenceClassification": "10e44f52ffbd775f1786384ae6e5ece2ac72ac83c5940d438fd911a2ce21b305",
    "bert ForTokenClassification": "f585a02e1c01094009e6a164a1243a202480ee978922be7e6035e0d5c568849a",
    "bert ForQuestionAnswering": "2507a32f6aed33e746cb9fc5348dfb0eddd25000a1db52ce3cf41c58abc9447d",
    "distilbert Model": "257a99341e6f704d4fae9b65df5b6f88ec8595ceeb98346dfb3f9953c35dcd93",
    "distilbert ForSequenceClassification": "6ecbccfbe8e5659cc39702d135090c666733f35af350794981456243bbd45e9c",
    "distilbert ForTokenClassification": "905bb4d2dda8f1c2ed939a7fa309e271f3edcae4550d379958e1f226de283a94",
    "distilbert ForQuestionAnswering": "4ea2dfcea39a8db5878cf8a44529668212e9ed79d8640e8f5ac86246b45b3bef",
    "roberta Model": "6940f66b326058017d455d0bf38f543d55d3540e03f458f39497ef22bd50a525",
    "roberta ForSequenceClassification": "11e377969595000badf6b2d41dd9e9e3bec9c547e9c22ba6c776c2d981e78b14",
    "roberta ForTokenClassification": "e1d8b372397992960b7369e1f005343b6ff0be97da33eca8af8a4f6a7db338e6",
    "roberta ForQuestionAnswering": "38f85baf23da0e4804161dd2654bb909795527baaf304f661e20c70fe0dbff1b",
    "xlm-roberta Model": "18254144928efa19aa8a665df8bae44a40678b7b3cb699f0ced845223c799658",
    "xlm-roberta ForSequenceClassification": "76d291c6e0fa35c0b2640e2d0833d47100be78a8da45661978ab4c1295714a5f",
    "xlm-roberta ForTokenClassification": "a764f001412f7fc1cac920f3558b3c0e78dfc51e09b40f80603140324187458d",
    "xlm-roberta ForQuestionAnswering": "2b9ee9605cf23efd52710e8590999cf535820d3a4b050013d8fc8e8cc1d96ea3",
    "electra Model": "a27de5af3f061f20604ddbd059ef4f2b1b2802d3d4e8a5c10d4361aca058fbc0",
    "electra ForSequenceClassification": "b0f1bd2490abe6c2e23a44d48ba3941a444c9228a103525e3ce9301352b062a7",
    "electra ForTokenClassification": "6546f372d86fe6c746a09b996d387697b47f6016b0884d381d296d941f699ded",
    "electra ForQuestionAnswering": "7ecda6e5308aef004c76008869e5b3a03e88073494982fa80bfd30931cd54b98",
    "electra without a projection Model": "2a132e59f62d773ac9c1ff0896b0cbc67ee80f7f71d0dee0ddebb352fd84d072",
    "camembert Model": "fe1b125b40414abfe37edee25ff1da634004d3b291d2ad6d42f1f24e5eb2f1bb",
    "camembert ForSequenceClassification": "f7b6c1c9b4a7ee1c1b902ba66043ae4e4092b95bdc9fd889da4d2dfd9d24f46c",
    "camembert ForTokenClassification": "ae4f0097491b918671f87476e35d8fd20d87a9927ab61b4a98cb868931c7a260",
    "camembert ForQuestionAnswering": "f86aa4e2a9a08319df7b113e244089f908c8cf8150e258d0caabc078776479dd",
    "albert Model": "5e56d60f58ac2e8e3d2139d2ac9e4c758169d534bb5fc768e5bc8327adc01d77",
    "albert ForSequenceClassification": "dc2edf643416adf9e7bd83f29034b55fba9e5e6d7e17143ac801e378c9cca402",
    "albert ForTokenClassification": "980855d9f22a82218201ffa34fe5337e6bad57c4f2343387c9ce3536e202b36f",
    "albert ForQuestionAnswering": "303e6b07a5abc9b84bfd95962e5ca17733195aaa0f5fd4749c69c9dd237b5122",
    "albert with one block Model": "bad57a5f02caf9dfd1441160016ec3966fed722bcf41bcd2ac24c54f88065cac",
    "mpnet Model": "d4b334d4a76c21b2409848c2729692efd00018b5183b0f5c6b49dc786a39a592",
    "mpnet ForSequenceClassification": "fab490f939119ad5298eb351711dbce7d8632a06be9dbcf832a800d77a6dda80",
    "mpnet ForTokenClassification": "c8ad5f94e6fe2d9d7971be8b83a1cb7305c462c56862a7f715766b87aac1527e",
    "mpnet ForQuestionAnswering": "ae7026eb884482c174495b636dcab58bfea4cb33aa8acf39020fbbcd82a518fe",
}
