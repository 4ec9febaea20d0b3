"""A Keras model put together from a specification of `classifiers`; owns no weights, no texts and no defaults."""

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from bert_bundle.classifiers import heads
from bert_bundle.classifiers.kit import RuntimeBuilder
from bert_bundle.encoders import families

Specification = Mapping[str, Any]
_ODD = {"input_ids": "Text_Input_Ids", "attention_mask": "größe der Maske", "token_type_ids": "型"}
_HIDDEN_STATES = "hidden_states"


class Assembled(NamedTuple):
    """A model, the names of the texts that it reads, and its inputs beside them: name, shape, dtype."""

    model: Any
    texts: List[str]
    beside: Sequence[Mapping[str, Any]] = ()


def assemble(kit: RuntimeBuilder, spec: Specification, vocabulary: int) -> Assembled:
    """The model of a specification; `vocabulary` tokens have ids."""
    if families.CLASSES[spec["class"]].head and spec["by_itself"]:
        return Assembled(_by_itself(kit, spec, vocabulary), ["text"])
    inputs: List[Tuple[str, Any]] = []  # (name, tensor), in order
    state, texts = _towers(kit, spec, vocabulary, inputs)
    if isinstance(state, dict):  # a head for each token has nothing after it
        return Assembled(_finish(kit, spec, inputs, state), texts)
    states = [state]
    features = {"name": "numerical_features", "shape": [spec["features"]], "dtype": "float32"}
    beside: List[Mapping[str, Any]] = [*([features] if spec["features"] else []), *spec["extra"]]
    for record in beside:
        made = heads.beside(kit, record)
        inputs.append((str(record["name"]), made["input"]))
        states.append(made["state"])
    x = kit.layers.Concatenate(name="with_features")(states) if len(states) > 1 else state
    x = kit.layers.Dropout(spec["dropout"], name="dropout")(x)
    x = heads.stack(kit, x, spec["head"])
    last = "sigmoid" if spec["classes"] == 1 else "softmax"
    outputs = {"probabilities": _output(kit, spec, x, spec["classes"], last, "probabilities")}
    for name, units, activation in spec["others"]:
        outputs[name] = _output(kit, spec, x, units, activation, name)
    return Assembled(_finish(kit, spec, inputs, outputs), texts, beside)


def encoder(kit: RuntimeBuilder, spec: Specification, vocabulary: int, name: str) -> Any:
    """The encoder of a specification, in whatever precision is set."""
    family = families.CLASSES[spec["class"]]
    return kit.encoder(
        family.model_type,
        family.head,
        name,
        _HIDDEN_STATES if spec["pooling"] == "last_four" else "",
        vocab_size=vocabulary + spec["spare"],
        hidden_size=spec["hidden"],
        num_hidden_layers=spec["layers"],
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


def _by_itself(kit: RuntimeBuilder, spec: Specification, vocabulary: int) -> Any:
    """A class of transformers with a head, as it is; natively, where an encoder is a layer, what it stands for."""
    live = encoder(kit, spec, vocabulary, "bert_encoder")
    family = families.CLASSES[spec["class"]]
    if kit.native:
        roles = ["input_ids", "attention_mask"]
        if live.config.get("type_vocab_size", 0) > 1:
            roles.append("token_type_ids")
        feeds = {role: kit.keras.Input((spec["max_length"],), dtype="int32", name=role) for role in roles}
        outputs = kit.call(live, feeds)
        several = {name: outputs[name] for name in family.always}
        single = next(iter(several.values())) if len(several) == 1 else several
        return kit.keras.Model(list(feeds.values()), single, name=live.name)
    kit.call(live, {"input_ids": kit.runtime.dialect.tensor(np.zeros((1, 2), "int32"))})  # makes its weights
    return live


def _towers(
    kit: RuntimeBuilder, spec: Specification, vocabulary: int, inputs: List[Tuple[str, Any]]
) -> Tuple[Any, List[str]]:
    """(the pooled state, or the outputs of a head that has them, and the names of the texts); adds to `inputs`."""
    live = encoder(kit, spec, vocabulary, "bert_encoder")
    if spec["towers"] == "siamese":
        left, right = (_tokens(kit, spec, side, inputs) for side in ("left_", "right_"))
        a, b = (_pooled(kit, spec, live, feeds) for feeds in (left, right))
        joined = kit.layers.Concatenate(name="pair")([a, b, kit.op("absolute", x=a - b)])
        ids = [name for name, tensor in inputs if any(tensor is feeds["input_ids"] for feeds in (left, right))]
        return joined, ids
    feeds = _tokens(kit, spec, "", inputs)
    if spec["towers"] == "two":
        other = encoder(kit, {**spec, "layers": 1}, vocabulary, "other_encoder")
        return kit.layers.Concatenate(name="both")([_pooled(kit, spec, e, feeds) for e in (live, other)]), ["text"]
    return _pooled(kit, spec, live, feeds), ["text"]


def _tokens(kit: RuntimeBuilder, spec: Specification, prefix: str, inputs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    feeds, length = {}, None if spec["open"] else spec["max_length"]
    for role in spec["roles"]:
        name = None if spec["inputs"] == "none" else prefix + (_ODD[role] if spec["inputs"] == "odd" else role)
        feeds[role] = kit.keras.Input((length,), dtype="int32", name=name)
        inputs.append((name or feeds[role]._keras_history[0].name, feeds[role]))
    return feeds


def _pooled(kit: RuntimeBuilder, spec: Specification, live: Any, feeds: Mapping[str, Any]) -> Any:
    family, given = families.CLASSES[spec["class"]], dict(feeds)
    if spec["mask_cast"] and "attention_mask" in given:
        given["attention_mask"] = kit.op("cast", x=given["attention_mask"], dtype="float32")
    outputs = _called(kit, spec, live, {role: x for role, x in given.items() if role in family.arguments})
    if family.head == "ForSequenceClassification":
        return outputs["logits"]
    if family.head:
        return {
            name.replace("_logits", ""): kit.layers.Softmax(name="softmax_" + name)(outputs[name])
            for name in family.always
        }
    return heads.pool(kit, spec["pooling"], outputs, feeds.get("attention_mask"))


def _called(kit: RuntimeBuilder, spec: Specification, live: Any, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
    """The encoder's outputs by name, whichever way it is called; natively there are names and positions only."""
    family, form = families.CLASSES[spec["class"]], spec["call"]
    wanted = _HIDDEN_STATES if spec["pooling"] == "last_four" else ""
    in_order = list(feeds) == list(family.arguments[: len(feeds)])
    outputs: Mapping[str, Any] = {}
    if form == "keywords" or wanted or not in_order:
        outputs = kit.call(live, feeds, wanted)
    elif form == "position" or kit.native:
        outputs = live(*feeds.values())
    elif form == "dict":
        outputs = live(dict(feeds))
    else:
        (_, ids), *rest = feeds.items()
        given = ([list(feeds.values())], {}) if form == "list" else ([ids], dict(rest))
        result = live(*given[0], **given[1], return_dict=False)
        # In graph mode transformers 4.5 returns a dict whatever it is asked for.
        outputs = result if isinstance(result, Mapping) else dict(zip(family.always, result))
    return outputs


def _output(kit: RuntimeBuilder, spec: Specification, x: Any, units: int, activation: str, name: str) -> Any:
    """A Dense layer; what a model in half precision puts out is float32, as everybody writes it."""
    options = {} if spec["policy"] == "float32" else {"dtype": "float32"}
    return kit.layers.Dense(units, activation=activation, name=name, **options)(x)


def _finish(
    kit: RuntimeBuilder, spec: Specification, inputs: Sequence[Tuple[str, Any]], outputs: Mapping[str, Any]
) -> Any:
    if spec["form"] == "dict":
        return kit.keras.Model(dict(inputs), dict(outputs), name="classifier")
    ends: Any = list(outputs.values())
    if set(outputs) == {"start", "end"}:
        ends = dict(outputs)
    return kit.keras.Model([t for _, t in inputs], ends if len(outputs) > 1 else ends[0], name="classifier")
