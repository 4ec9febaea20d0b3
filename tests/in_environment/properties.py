"""Properties of every classifier that a specification can describe, as functions of it; draws and plants nothing."""

import pathlib

import numpy as np
from hypothesis import strategies as st

import bert_bundle
from bert_bundle import tokenizer as tokenizers
from bert_bundle.capturing import capture
from bert_bundle.classifiers import encoder_calls, specification, strategies
from bert_bundle.encoders import families
from bert_bundle.format import golden as goldens
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading import differences
from bert_bundle.graph import signature
from bert_bundle.keras_models import prediction
from bert_bundle.loading.encoding import encode
from bert_bundle.loading.parts import read_parts
from bert_bundle.loading.recipes import of_manifest

SMALL = {"hidden": 4, "layers": 1, "heads": 1, "intermediate": 5, "embedding": 5, "max_length": 5, "features": 1}
FROZEN = {**SMALL, "frozen": ["layer.0"]}
ROUND_TRIP = strategies.specifications()
LENGTHS_OPEN = (encoder_calls.MODEL, encoder_calls.MAIN_LAYER)  # a class takes the length that it was called on


def round_trip(spec, runtime, save, folder):
    """Save, load and save again: nothing is lost on the way, and nothing that was passed is changed.

    The golden of the loaded model is, byte for byte, the one of the model that was saved: predictions in both
    precisions, token ids, and a fingerprint of every layer. So nothing is replayed here a third time.
    """
    made = specification.build(spec, runtime.name)
    before = state(made, runtime)
    first = save(made, folder / "first" / "bundle")
    changed = [name for name, value in state(made, runtime).items() if value != before[name]]
    assert not changed, "save changed {}".format(", ".join(changed))
    backwards = dict(reversed(list(made.examples.items())))
    second = save(made, folder / "second" / "bundle", examples=backwards)
    assert differing(first, second) == [], "saved twice, the examples' columns in another order"
    bundle = bert_bundle.load(first, runtime=runtime.name)
    _same_model(made, bundle, runtime)
    _same_predictions(made, bundle, runtime, first)
    loaded = specification.BuiltClassifier(
        bundle.model, None, bundle.tokenizer, bundle.labels, made.examples, made.max_length, made.options
    )
    third = save(loaded, folder / "third" / "bundle")
    assert differing(first, third) == [], "loaded and saved again"


def state(made, runtime):
    """All that a save could change about its arguments, as plain values by what they are."""
    layers = list(made.model._flatten_layers())
    config = made.encoder.config
    return {
        "weights": [(variable.name, _bits(variable.numpy())) for variable in made.model.weights],
        "flags": [(layer.name, layer._trainable, layer.trainable) for layer in layers],
        "calls": [(layer.name, len(layer._inbound_nodes)) for layer in layers],
        "configuration": repr(config if isinstance(config, dict) else config.to_dict()),
        "tokenizer": tokenizers.to_files(made.tokenizer),
        "tokenizer's settings": (made.tokenizer.padding_side, made.tokenizer.model_max_length),
        "examples": {n: _bits(c) if isinstance(c, np.ndarray) else list(c) for n, c in made.examples.items()},
        "order of the examples": list(made.examples),
        "precision": (runtime.keras.backend.floatx(), runtime.dialect.dtype_policy(runtime.keras.layers.Dense(1))),
    }


def differing(one, other):
    """Return the files of two bundles that are not the same bytes, or in one of them only."""
    found = [{str(f.relative_to(p)): f.read_bytes() for f in p.rglob("*") if f.is_file()} for p in (one, other)]
    return sorted(name for name in {*found[0], *found[1]} if found[0].get(name) != found[1].get(name))


def _same_model(made, bundle, runtime):
    """Names, configurations, flags and bits: as the model itself has them, and by the encoders' own names."""
    live = capture.capture(made.model, runtime)
    assert bundle.model.name == made.model.name
    for group in ("weights", "trainable_weights"):  # whatever their names, which Keras numbers
        kept, found = (sorted(_bits(v.numpy()) for v in getattr(model, group)) for model in (made.model, bundle.model))
        assert found == kept, "{} are other ones".format(group)
    assert sorted(bundle.layers) == sorted(live.layers)
    flags = {path: bool(layer.trainable) for path, layer in live.layers.items()}
    assert {path: bool(layer.trainable) for path, layer in bundle.layers.items()} == flags
    for name, encoder in live.encoders.items():
        kept, found = (runtime.encoders.tensors(e) for e in (encoder, bundle.encoders[name]))
        assert {n: _bits(a) for n, a in found.items()} == {n: _bits(a) for n, a in kept.items()}
        assert bundle.encoders[name].name == encoder.name
        kept, found = (runtime.encoders.config(e, name) for e in (encoder, bundle.encoders[name]))
        assert found == kept


def _same_predictions(made, bundle, runtime, path):
    """Token ids of the live tokenizer, predictions of the live model: those recorded and those of the loaded one."""
    golden = goldens.from_bundle(open_bundle(str(path)))
    graph = read_parts(open_bundle(str(path))).graph
    slots = signature.slots(graph)
    texts = {group: made.examples[group] for group in golden.texts}
    ids = encode(made.tokenizer, of_manifest(bundle.manifest, slots), slots, texts).arrays
    features = {name: made.examples[name] for name in golden.features}
    found = bundle.encode(texts)
    assert {n: _bits(a) for n, a in found.items()} == {n: _bits(a) for n, a in ids.items()}, "token ids are other ones"
    live = prediction.predict(runtime, made.model, graph, slots, {**ids, **features}, batch=goldens.BATCH)
    loaded = bundle.predict(texts, features=features, batch_size=goldens.BATCH)
    loaded = loaded if isinstance(loaded, dict) else dict.fromkeys(live, loaded)
    for name, array in live.items():
        assert _bits(loaded[name]) == _bits(array) == _bits(golden.predictions[name]), name


def padded():
    """Specifications whose function does not see padding: the mask is given, and what is pooled honours it."""
    plain = strategies.specifications(
        open=True,
        roles=["input_ids", "attention_mask"],
        call="keywords",
        towers="one",
        policy="float32",
        swapped="",
        label="",
    ).filter(lambda spec: not families.CLASSES[spec["class"]].head and spec["caller"] in LENGTHS_OPEN)

    def pooled(spec, pooling):
        there = pooling != "pooler" or "pooler_output" in families.CLASSES[spec["class"]].always
        tokenizer = {**spec["tokenizer"], "padding_side": "right"}  # on the left it moves every token's position
        return {**spec, "pooling": pooling if there else "first_token", "tokenizer": tokenizer}

    return st.builds(pooled, plain, st.sampled_from(["first_token", "pooler", "mean", "max"]))


def moved_by_padding(spec, runtime, save, folder, more=7):
    """How far `more` tokens of padding move the predictions of a bundle, in its noise floors: up to 1 is rounding."""
    made = specification.build(spec, runtime.name)
    bundle = bert_bundle.load(save(made, folder / "bundle"), runtime=runtime.name)
    opened = open_bundle(bundle.path)
    golden, graph = goldens.from_bundle(opened), read_parts(opened).graph
    slots = signature.slots(graph)
    fill = {"input_ids": made.tokenizer.pad_token_id}
    arrays = {
        s.name: np.pad(golden.token_ids[s.name], [(0, 0), (0, more)], "constant", constant_values=fill.get(s.role, 0))
        for s in slots
        if s.group
    }
    found = prediction.predict(runtime, bundle.model, graph, slots, {**arrays, **golden.features}, batch=goldens.BATCH)
    return max(
        differences.difference(found[n], golden.predictions[n], golden.float64_predictions[n]) / golden.noise[n]
        for n in found
    )


def fresh(tmp_path_factory):
    """Return a folder of its own for each example."""
    return pathlib.Path(str(tmp_path_factory.mktemp("example")))


def _bits(array):
    array = np.ascontiguousarray(array)
    return str(array.dtype), array.shape, array.tobytes()
