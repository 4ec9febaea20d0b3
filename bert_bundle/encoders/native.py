"""Encoders as Keras 3 layers of our own: how they are built, called, their weights and flags; see `transformers`.

Parts bear the names that transformers' TensorFlow classes give them, so one table of names serves both runtimes.
"""

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import keras
import numpy as np
from keras import ops

from bert_bundle.encoders import checkpoint_names
from bert_bundle.encoders.families import PER_LAYER, Family
from bert_bundle.encoders.native_layers import Block, Embeddings, Part, Plan, activate, dense
from bert_bundle.encoders.transformers import arguments, pick
from bert_bundle.errors import FormatError

__all__ = ["arguments", "assign", "build", "call", "config", "family_of", "flags", "output_name", "pick", "set_flags",
           "tensors"]  # fmt: skip

_BERT_LAYER = {
    "query": "attention/self/query",
    "key": "attention/self/key",
    "value": "attention/self/value",
    "out": "attention/output/dense",
    "norm": "attention/output/LayerNorm",
    "lift": "intermediate/dense",
    "drop": "output/dense",
    "last": "output/LayerNorm",
}
_DISTILBERT_LAYER = {
    "query": "attention/q_lin",
    "key": "attention/k_lin",
    "value": "attention/v_lin",
    "out": "attention/out_lin",
    "norm": "sa_layer_norm",
    "lift": "ffn/lin1",
    "drop": "ffn/lin2",
    "last": "output_layer_norm",
}
# What transformers' TensorFlow classes add to the score of a masked token, and DistilBERT's epsilon, which is no field.
_MASK, _DISTILBERT_MASK, _DISTILBERT_EPSILON = -1e4, -1e30, 1e-12


def plan_of(family: Family, config: Mapping[str, Any]) -> Plan:
    """The sizes, rates and names that a canonical configuration stands for."""

    def value(name: str) -> Any:
        return config[family.own.get(name, name)]

    distilbert = family.model_type == "distilbert"
    return Plan(
        main={"xlm-roberta": "roberta"}.get(family.model_type, family.model_type),
        stack="transformer" if distilbert else "encoder",
        names=_DISTILBERT_LAYER if distilbert else _BERT_LAYER,
        vocabulary=config["vocab_size"],
        embedding=config.get("embedding_size", value("hidden_size")),
        hidden=value("hidden_size"),
        layers=value("num_hidden_layers"),
        heads=value("num_attention_heads"),
        inner=value("intermediate_size"),
        positions=config["max_position_embeddings"],
        types=config.get("type_vocab_size", 0),
        activation=value("hidden_act"),
        epsilon=config.get("layer_norm_eps", _DISTILBERT_EPSILON),
        dropout=value("hidden_dropout_prob"),
        attention_dropout=value("attention_probs_dropout_prob"),
        deviation=config["initializer_range"],
        padding=family.first_position - 1 if family.first_position else None,
        mask=_DISTILBERT_MASK if distilbert else _MASK,
        pooler=_has_pooler(family),
    )


def _has_pooler(family: Family) -> bool:
    return "pooler_output" in family.always or (family.model_type == "bert" and family.head.startswith("ForSequence"))


class Encoder(Part):
    """An encoder, with its head where the family has one. Called by argument names, it returns outputs by name.

    input_ids, attention_mask, token_type_ids, position_ids: (n, length); inputs_embeds: (n, length, embedding);
    head_mask: broadcast to (n, heads, length, length). `wanted`: which of hidden_states and attentions are returned.
    """

    def __init__(self, family: Family, config: Mapping[str, Any], name: str, wanted: Tuple[str, ...]) -> None:
        super().__init__(name, None)
        self.family, self.config, self.wanted = family, dict(config), wanted
        self.plan = plan = plan_of(family, config)
        policy = self.dtype_policy
        self.embeddings = self.put(plan.main + "/embeddings", Embeddings(plan, policy))
        if plan.embedding != plan.hidden:
            name = "embeddings_project"
            self.put(plan.main + "/" + name, dense(plan.embedding, plan.hidden, name, plan, policy))
        self.blocks = [
            self.put("{}/{}/layer_._{}".format(plan.main, plan.stack, i), Block(i, plan, policy))
            for i in range(plan.layers)
        ]
        if plan.pooler:
            self.put(plan.main + "/pooler/dense", dense(plan.hidden, plan.hidden, "dense", plan, policy))
        self.dropout = keras.layers.Dropout(_head_dropout(family, config), dtype=policy)
        for path, inputs, outputs in _head_layers(family, plan.hidden, max(len(config.get("id2label", {})), 0) or 2):
            self.put(path, dense(inputs, outputs, path.split("/")[-1], plan, policy))
        self.built = True

    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        training: Any = None,
    ) -> Dict[str, Any]:
        """Outputs by name: those of every call, and those `wanted`, as tuples with one tensor for each layer."""
        plan, main = self.plan, self.parts[self.plan.main]
        x = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds, training=training)
        if "embeddings_project" in main.parts:
            x = main.at("embeddings_project")(x)
        bias = None
        if attention_mask is not None:
            dtype = "float64" if self.compute_dtype == "float64" else "float32"
            bias = (1.0 - ops.cast(attention_mask, dtype)[:, None, None, :]) * plan.mask
        states, probabilities = [x], []
        for block in self.blocks:
            x, attention = block(x, bias, head_mask, training=training)
            states.append(x)
            probabilities.append(attention)
        found = {"last_hidden_state": x}
        if plan.pooler:
            found["pooler_output"] = ops.tanh(main.at("pooler/dense")(x[:, 0]))
        if self.family.head:
            found = self._head(found, training)
        per_layer = {"hidden_states": tuple(states), "attentions": tuple(probabilities)}
        return {**found, **{name: per_layer[name] for name in self.wanted}}

    def nested_outputs(self, flat: List[Any]) -> Dict[str, Any]:
        """The outputs of a call by name from the flat list that Keras keeps, which is in the order of names."""
        sizes = dict.fromkeys(self.family.always, 1)
        sizes.update({"hidden_states": self.plan.layers + 1, "attentions": self.plan.layers})
        result, rest = {}, list(flat)
        for name in sorted((*self.family.always, *self.wanted)):
            taken, rest = rest[: sizes[name]], rest[sizes[name] :]
            result[name] = taken if name in self.wanted else taken[0]
        return result

    def _head(self, found: Mapping[str, Any], training: Any) -> Dict[str, Any]:
        x = found["last_hidden_state"]
        if self.family.head == "ForQuestionAnswering":
            logits = self.parts["qa_outputs"](self.dropout(x, training=training) if self._is("distilbert") else x)
            return {"start_logits": logits[:, :, 0], "end_logits": logits[:, :, 1]}
        if self.family.head == "ForTokenClassification":
            return {"logits": self.parts["classifier"](self.dropout(x, training=training))}
        if self._is("bert"):
            return {"logits": self.parts["classifier"](self.dropout(found["pooler_output"], training=training))}
        if self._is("distilbert"):
            x = ops.relu(self.parts["pre_classifier"](x[:, 0]))
            return {"logits": self.parts["classifier"](self.dropout(x, training=training))}
        head = self.parts["classifier"]
        x = head.at("dense")(self.dropout(x[:, 0], training=training))
        x = activate("gelu" if self._is("electra") else "tanh", x)
        return {"logits": head.at("out_proj")(self.dropout(x, training=training))}

    def _is(self, model_type: str) -> bool:
        return self.family.model_type == model_type


def _head_dropout(family: Family, config: Mapping[str, Any]) -> float:
    named = {"ForQuestionAnswering": "qa_dropout", "ForSequenceClassification": "seq_classif_dropout"}
    value = config.get(named.get(family.head, "")) if family.model_type == "distilbert" else None
    value = config.get("classifier_dropout") if value is None else value
    return float(config[family.own.get("hidden_dropout_prob", "hidden_dropout_prob")] if value is None else value)


def _head_layers(family: Family, hidden: int, labels: int) -> Iterator[Tuple[str, int, int]]:
    """(path, inputs, outputs) of a head's dense layers."""
    if family.head == "ForQuestionAnswering":
        yield "qa_outputs", hidden, 2
    elif family.head == "ForTokenClassification" or (family.head and family.model_type == "bert"):
        yield "classifier", hidden, labels
    elif family.head and family.model_type == "distilbert":
        yield "pre_classifier", hidden, hidden
        yield "classifier", hidden, labels
    elif family.head:
        yield "classifier/dense", hidden, hidden
        yield "classifier/out_proj", hidden, labels


def family_of(layer: Any) -> Optional[Family]:
    """The family of an encoder of ours."""
    return layer.family if type(layer) is Encoder else None


def output_name(family: Family, encoder: Any, kwargs: Mapping[str, Any], name: str) -> str:
    """The name of an output: it has its own already."""
    return name


def config(encoder: Any, place: str) -> Dict[str, Any]:
    """The canonical config.json of a live encoder: what it was built from."""
    return dict(encoder.config)


def build(family: Family, config: Mapping[str, Any], name: str, outputs: "frozenset[str]" = frozenset()) -> Encoder:
    """An encoder of this configuration with whatever weights it starts with, in the precision that is set."""
    wanted = tuple(n for n in PER_LAYER if any(o.split(".")[0] == n for o in outputs))
    return Encoder(family, config, name, wanted)


def call(encoder: Any, kwargs: Mapping[str, Any], outputs: "frozenset[str]") -> Mapping[str, Any]:
    """The encoder's outputs by name, those that it was built for among them."""
    result: Mapping[str, Any] = encoder(**kwargs)
    return result


def tensors(encoder: Any) -> Dict[str, np.ndarray]:
    """Every weight by PyTorch name, in PyTorch's layout."""
    result = {}
    for path, variable in _variables(encoder, ""):
        name, transposed = checkpoint_names.to_pytorch(path, checkpoint_names.prefix(encoder.family))
        array = variable.numpy()
        result[name] = array.T if transposed else array
    return result


def assign(encoder: Any, weights: Mapping[str, np.ndarray], keras: Any, place: str) -> None:
    """Sets every weight from arrays by PyTorch name. Raises FormatError for one that is missing or does not fit."""
    for path, variable in _variables(encoder, ""):
        name, transposed = checkpoint_names.to_pytorch(path, checkpoint_names.prefix(encoder.family))
        array = weights.get(name)
        if array is None or tuple(variable.shape) != (array.T if transposed else array).shape:
            raise FormatError(
                "an encoder's tensor is missing or does not fit",
                place="{} tensor {}".format(place, name),
                wanted=tuple(variable.shape),
                found="nothing" if array is None else array.shape,
            )
        variable.assign(array.T if transposed else array)


def flags(encoder: Any) -> Dict[str, bool]:
    """The parts whose `trainable` differs from that of what holds them: path -> flag."""
    return {
        checkpoint_names.layer_path(path): bool(part._trainable)
        for path, part, holder in _parts(encoder, "")
        if bool(part._trainable) != bool(holder._trainable)
    }


def set_flags(encoder: Any, trainable: bool, wanted: Mapping[str, bool], place: str) -> None:
    """Makes `flags(encoder)` what was saved. Raises FormatError for a part that the encoder does not have."""
    encoder.trainable = trainable
    known = {checkpoint_names.layer_path(path): part for path, part, _ in _parts(encoder, "")}
    for path, flag in wanted.items():
        if path not in known:
            raise FormatError("a trainable flag of a part that the encoder does not have", place=place, found=path)
        known[path].trainable = flag


def _parts(holder: Any, prefix: str) -> Iterator[Tuple[str, Any, Any]]:
    """(path, part, the part that holds it), a holder before what it holds."""
    for name, part in holder.parts.items():
        yield prefix + name, part, holder
        if isinstance(part, Part):
            yield from _parts(part, prefix + name + "/")


def _variables(encoder: Any, prefix: str) -> Iterator[Tuple[str, Any]]:
    """(path as TensorFlow's classes name it, variable) of every weight."""
    for path, part, _ in _parts(encoder, prefix):
        if isinstance(part, Embeddings):
            yield from (("{}/{}/weight".format(path, name), table) for name, table in part.tables.items())
        elif not isinstance(part, Part):
            yield from (("{}/{}".format(path, variable.name), variable) for variable in part.weights)
