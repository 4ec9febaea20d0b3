"""Every family and every head: captured, saved, loaded, and the same in every respect, to the bit."""

import dataclasses
import functools
import hashlib
import re

import numpy as np
import pytest
from family_configs import FAMILIES, RELEASE, SIZES
from pinned_bytes import BYTES

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.encoders import families, transformers

LENGTH = 12
PADDED = (LENGTH, 5, 1)  # tokens of each row of `batch`
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
    return getattr(encoder.config, "type_vocab_size", 0) > 0


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


def name_of(variable):
    """Return a variable's name, without the count of a layer of DeBERTa that transformers 4.25 leaves nameless."""
    return re.sub(r"(?<=/embeddings/dense)_[0-9]+(?=/)", "", variable.name)


def facts(model, encoder):
    return {
        "layers": sorted((layer.name, layer.trainable) for layer in model.layers if not hasattr(layer, "symbol")),
        "weights": sorted(map(name_of, model.weights)),
        "trainable": sorted(map(name_of, model.trainable_weights)),
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
    after = {name_of(v): v.numpy() for v in bundle.model.weights}
    assert len(after) == len(made.model.weights)
    for variable in made.model.weights:
        np.testing.assert_array_equal(after[name_of(variable)], variable.numpy())
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


def test_a_class_that_this_release_lacks_is_refused_with_the_first_release_that_has_it():
    later = dataclasses.replace(families.BERT, title="Later", first_release=(4, 99))
    for family in (later, *(family for family in families.FAMILIES if family.first_release > RELEASE)):
        with pytest.raises(errors.RuntimeUnavailableError, match="does not have a TensorFlow class") as caught:
            transformers.build(family, family.fields, "encoder")
        first = "{}.{}".format(*family.first_release)
        assert caught.value.wanted == "{} of transformers {} or newer, before 5".format(family.tensorflow, first)


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
