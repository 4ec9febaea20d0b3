"""The Keras model of a specification. Does not know its weights, its texts or the defaults of a specification."""

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from bert_bundle.classifiers import encoder_calls, heads, subclasses
from bert_bundle.classifiers.model_builder import ModelBuilder
from bert_bundle.encoders import families

Specification = Mapping[str, Any]
_ODD = {"input_ids": "Text_Input_Ids", "attention_mask": "größe der Maske", "token_type_ids": "型"}
_SWAPPED = {"attention_mask": "token_type_ids", "token_type_ids": "attention_mask"}


class Assembled(NamedTuple):
    """A model, the names of its texts, and its other inputs: name, shape, dtype."""

    model: Any
    texts: List[str]
    extra_inputs: Sequence[Mapping[str, Any]] = ()


def said_roles(spec: Specification) -> Dict[str, str]:
    """Return input name -> role of the inputs that `save` must be told about: those named after another's place."""
    return {name: name if spec["swapped"] == "name" else place for name, place in _SWAPPED.items() if spec["swapped"]}


def assemble(builder: ModelBuilder, spec: Specification, vocabulary: int) -> Assembled:
    """Build the model of a specification; `vocabulary` is the number of tokens."""
    if families.CLASSES[spec["class"]].head and spec["by_itself"]:
        return Assembled(_head_model(builder, spec, vocabulary), ["text"])
    if spec["caller"] in (encoder_calls.SUBCLASSED, encoder_calls.PRETRAINED):
        return _subclassed(builder, spec, vocabulary)
    inputs: List[Tuple[str, Any]] = []  # (name, tensor), in order
    state, texts = _towers(builder, spec, vocabulary, inputs)
    if isinstance(state, dict):  # nothing follows a head that predicts for each token
        return Assembled(_finish(builder, spec, inputs, state), texts)
    extra_inputs = _extra_inputs(spec)
    outputs = _head(builder, spec, state, inputs)
    return Assembled(_finish(builder, spec, inputs, outputs), texts, extra_inputs)


def encoder(builder: ModelBuilder, spec: Specification, vocabulary: int, name: str) -> Any:
    """Build the encoder of a specification, in the current dtype policy."""
    family = families.CLASSES[spec["class"]]
    return builder.encoder(
        family.model_type,
        family.head,
        name,
        encoder_calls.wanted(spec),
        vocab_size=vocabulary + spec["spare"],
        hidden_size=spec["hidden"],
        num_hidden_layers=spec["layers"],
        num_hidden_groups=spec["groups"],
        num_attention_heads=spec["heads"],
        intermediate_size=spec["intermediate"],
        type_vocab_size=spec["types"],
        hidden_act=spec["activation"],
        layer_norm_eps=spec["epsilon"],
        embedding_size=spec["embedding"],
        hidden_dropout_prob=spec["dropout"],
        attention_probs_dropout_prob=spec["attention_dropout"],
        max_position_embeddings=64 + family.first_position,
    )


def _head_model(builder: ModelBuilder, spec: Specification, vocabulary: int) -> Any:
    """Build a head model of transformers; in the native runtime, where an encoder is a layer, a model around it."""
    live = encoder(builder, spec, vocabulary, "bert_encoder")
    family = families.CLASSES[spec["class"]]
    if builder.native:
        roles = ["input_ids", "attention_mask"]
        if live.config.get("type_vocab_size", 0) > 1:
            roles.append("token_type_ids")
        feeds = {role: builder.keras.Input((spec["max_length"],), dtype="int32", name=role) for role in roles}
        outputs = builder.call(live, feeds)
        several = {name: outputs[name] for name in family.always}
        single = next(iter(several.values())) if len(several) == 1 else several
        return builder.keras.Model(list(feeds.values()), single, name=live.name)
    builder.call(live, {"input_ids": builder.runtime.dialect.tensor(np.zeros((1, 2), "int32"))})  # creates its weights
    return live


def _subclassed(builder: ModelBuilder, spec: Specification, vocabulary: int) -> Assembled:
    """Build a model class that calls the encoder, with a functional model as its head, and call it once."""
    live = encoder(builder, spec, vocabulary, "bert_encoder")
    inputs: List[Tuple[str, Any]] = [("state", builder.keras.Input((spec["hidden"],), name="state"))]
    outputs = _head(builder, spec, inputs[0][1], inputs)
    head = _finish(builder, {**spec, "form": "list"}, inputs, outputs, "top")
    roles = {role: _name(spec, role) for role in spec["roles"]}
    extra_inputs = _extra_inputs(spec)
    model = subclasses.model(
        builder,
        spec["caller"],
        live,
        encoder_calls.callee(builder, spec, live),
        lambda callee, feeds: _pooled(builder, spec, callee, feeds),
        head,
        roles,
        [str(record["name"]) for record in extra_inputs],
    )
    ones = {name: np.ones((1, spec["max_length"]), "int32") for name in roles.values()}
    ones.update({str(record["name"]): np.ones((1, *record["shape"]), record["dtype"]) for record in extra_inputs})
    model({name: builder.runtime.dialect.tensor(array) for name, array in ones.items()})
    return Assembled(model, ["text"], extra_inputs)


def _extra_inputs(spec: Specification) -> List[Mapping[str, Any]]:
    features = {"name": "numerical_features", "shape": [spec["features"]], "dtype": "float32"}
    return [*([features] if spec["features"] else []), *spec["extra"]]


def _head(builder: ModelBuilder, spec: Specification, state: Any, inputs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Return the outputs by name of what follows the state. Appends the other inputs to `inputs`."""
    states = [state]
    for record in _extra_inputs(spec):
        tensor, features_of_it = heads.extra_input(builder, record)
        inputs.append((str(record["name"]), tensor))
        states.append(features_of_it)
    x = builder.layers.Concatenate(name="with_features")(states) if len(states) > 1 else state
    x = builder.layers.Dropout(spec["dropout"], name="dropout")(x)
    x = heads.stack(builder, x, spec["head"])
    last = spec["last"] or ("sigmoid" if spec["classes"] == 1 else "softmax")
    outputs = {"probabilities": _output(builder, spec, x, spec["classes"], last, "probabilities")}
    for name, units, activation in spec["others"]:
        outputs[name] = _output(builder, spec, x, units, activation, name)
    return outputs


def _towers(
    builder: ModelBuilder, spec: Specification, vocabulary: int, inputs: List[Tuple[str, Any]]
) -> Tuple[Any, List[str]]:
    """Return the pooled state, or the outputs by name if the head predicts for each token, and the names of the texts.

    Appends to `inputs`.
    """
    live = encoder_calls.callee(builder, spec, encoder(builder, spec, vocabulary, "bert_encoder"))
    if spec["towers"] == "siamese":
        left, right = (_tokens(builder, spec, side, inputs) for side in ("left_", "right_"))
        a, b = (_pooled(builder, spec, live, feeds) for feeds in (left, right))
        joined = builder.layers.Concatenate(name="pair")([a, b, builder.op("absolute", x=a - b)])
        ids = [name for name, tensor in inputs if any(tensor is feeds["input_ids"] for feeds in (left, right))]
        return joined, ids
    feeds = _tokens(builder, spec, "", inputs)
    if spec["towers"] == "two":
        other = encoder(builder, {**spec, "layers": 1, "groups": 1}, vocabulary, "other_encoder")
        return builder.layers.Concatenate(name="both")([_pooled(builder, spec, e, feeds) for e in (live, other)]), [
            "text"
        ]
    return _pooled(builder, spec, live, feeds), ["text"]


def _tokens(builder: ModelBuilder, spec: Specification, prefix: str, inputs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    feeds, length = {}, None if spec["open"] else spec["max_length"]
    for role in spec["roles"]:
        name = None if spec["inputs"] == "none" else prefix + _name(spec, role)
        feeds[role] = builder.keras.Input((length,), dtype="int32", name=name)
        inputs.append((name or feeds[role]._keras_history[0].name, feeds[role]))
    return feeds


def _name(spec: Specification, role: str) -> str:
    """Return the name of the input that feeds a role."""
    return _ODD[role] if spec["inputs"] == "odd" else _SWAPPED.get(role, role) if spec["swapped"] else role


def _pooled(builder: ModelBuilder, spec: Specification, callee: Any, feeds: Mapping[str, Any]) -> Any:
    """Return the state of a text, (n, features), or the outputs by name if each token has its own."""
    family, given = families.CLASSES[spec["class"]], dict(feeds)
    if spec["mask_cast"] and "attention_mask" in given:
        given["attention_mask"] = builder.op("cast", x=given["attention_mask"], dtype="float32")
    known = {role: x for role, x in given.items() if role in family.arguments}
    outputs = encoder_calls.called(builder, spec, callee, known)
    if family.head == "ForSequenceClassification":
        return outputs["logits"]
    if family.head:
        return {
            name.replace("_logits", ""): builder.layers.Softmax(name="softmax_" + name)(outputs[name])
            for name in family.always
        }
    hidden = outputs["last_hidden_state"]
    if spec["label"] == "tokens":
        return {"tags": _output(builder, spec, hidden, max(spec["classes"], 2), spec["last"] or "softmax", "tags")}
    if spec["label"] == "spans":
        return {name: heads.token_scores(builder, hidden, name) for name in ("start", "end")}
    return heads.pool(builder, spec["pooling"], outputs, feeds.get("attention_mask"))


def _output(builder: ModelBuilder, spec: Specification, x: Any, units: int, activation: str, name: str) -> Any:
    """Apply a Dense layer. In a half-precision model its output is float32, as Keras recommends."""
    options = {} if spec["policy"] == "float32" else {"dtype": "float32"}
    return builder.layers.Dense(units, activation=activation, name=name, **options)(x)


def _finish(
    builder: ModelBuilder,
    spec: Specification,
    inputs: Sequence[Tuple[str, Any]],
    outputs: Mapping[str, Any],
    name: str = "classifier",
) -> Any:
    if spec["form"] == "dict":
        return builder.keras.Model(dict(inputs), dict(outputs), name=name)
    ends: Any = list(outputs.values())
    if set(outputs) == {"start", "end"}:
        ends = dict(outputs)
    return builder.keras.Model([t for _, t in inputs], ends if len(outputs) > 1 else ends[0], name=name)
