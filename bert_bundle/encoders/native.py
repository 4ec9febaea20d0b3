"""Encoders as Keras 3 layers of this package: how they are built and called, their weights and flags.

Has the functions of `transformers`. Parts have the names that transformers' TensorFlow classes give them, so that one
table of names serves both runtimes. Does not know one family from another: a `Family` is data.
"""

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Type

import keras
import numpy as np
from keras import ops

from bert_bundle.encoders import checkpoint_names, native_layers
from bert_bundle.encoders.checkpoint_names import tensorflow_path
from bert_bundle.encoders.families.family import (
    DISENTANGLED,
    EMBEDDINGS,
    EVERY_TOKEN,
    FIRST_TOKEN,
    LABELS,
    PER_LAYER,
    POST_NORM,
    TABLES,
    Family,
)
from bert_bundle.encoders.native_disentangled import Convolution, DisentangledBlock, RelativePositions
from bert_bundle.encoders.native_layers import Distances, Embeddings, Part, Plan, PostNormBlock
from bert_bundle.encoders.transformers import arguments, pick
from bert_bundle.errors import FormatError, RuntimeUnavailableError

__all__ = [
    "arguments",
    "assign",
    "build",
    "call",
    "config",
    "family_of",
    "flags",
    "output_name",
    "pick",
    "set_flags",
    "tensors",
]


BLOCKS: Mapping[str, Type[PostNormBlock]] = {POST_NORM: PostNormBlock, DISENTANGLED: DisentangledBlock}
DISTANCES: Mapping[str, Any] = {POST_NORM: Distances, DISENTANGLED: RelativePositions}  # by kind of block


def plan_of(family: Family, config: Mapping[str, Any]) -> Plan:
    """Return the sizes, rates and paths of an encoder of this canonical configuration."""
    values, own = family.values(config), family.weights.own_projection
    return Plan(
        tables={table: values[rows] for table, rows in TABLES.items() if values[rows]},
        modules={
            role: (tensorflow_path(module.path), module.shape(values))
            for role, module in family.weights.block.modules.items()
            if module.shape(values)
        },
        own_projection=own.path.rpartition(".")[2] if own is not None and own.shape(values) else "",
        embedding=values["embedding_size"],
        hidden=values["hidden_size"],
        layers=values["num_hidden_layers"],
        heads=values["num_attention_heads"],
        activation=values["hidden_act"],
        epsilon=values["layer_norm_eps"],
        dropout=values["hidden_dropout_prob"],
        attention_dropout=values["attention_probs_dropout_prob"],
        deviation=values["initializer_range"],
        padding=family.first_position - 1 if family.first_position else None,
        masked_score=family.masked_score,
        relative=tuple(filter(None, values.get("pos_att_type", "").split("|"))),
    )


class Encoder(Part):
    """An encoder, with its head if its class has one. Called by argument names, it returns outputs by name.

    input_ids, attention_mask, token_type_ids, position_ids: (n, length); inputs_embeds: (n, length, embedding);
    head_mask: broadcast to (n, heads, length, length). `wanted`: which of hidden_states and attentions are returned.
    """

    def __init__(self, family: Family, config: Mapping[str, Any], name: str, wanted: Tuple[str, ...]) -> None:
        super().__init__(name, None)
        self.family, self.config, self.wanted = family, dict(config), wanted
        self.plan = plan = plan_of(family, config)
        weights, values, policy = family.weights, family.values(config), self.dtype_policy
        block = BLOCKS[weights.block.kind]
        self.embeddings = self.put(self._inside(EMBEDDINGS), Embeddings(plan, policy))
        self.projection = None
        if weights.projects(values):
            self.projection = self._put_dense(self._inside(weights.projection), plan.embedding, plan.hidden)
        self.distances = None
        if weights.distances:
            path = tensorflow_path(weights.distances.path)
            distances = DISTANCES[weights.block.kind](path, values, plan, policy)
            self.distances = self.put(self._inside(path.rpartition("/")[0]), distances)
        self.blocks = []
        for number in range(values[weights.block_count]):
            path = self._inside(weights.blocks.format(number))
            self.blocks.append(self.put(path, block(path.split("/")[-1], plan, policy)))
        self.convolution = None
        if weights.convolution and weights.convolution.shape(values):
            path = tensorflow_path(weights.convolution.path.rpartition(".")[0])
            self.convolution = self.put(self._inside(path), Convolution(path.split("/")[-1], values, plan, policy))
        self.pooler = None
        if family.has_pooler:
            self.pooler = self._put_dense(self._inside(weights.pooler), plan.hidden, plan.hidden)
        self.dropout = keras.layers.Dropout(_head_dropout(family, values), dtype=policy)
        sizes = {**values, LABELS: len(config.get("id2label", {})) or 2}
        for layer in family.heads[family.head].layers if family.head else ():
            self._put_dense(tensorflow_path(layer.path), plan.hidden, sizes[layer.outputs])
        self.built = True

    def _inside(self, path: str) -> str:
        """Return the path of a part that a class with a head has under the family's prefix."""
        return "{}/{}".format(self.family.weights.prefix, tensorflow_path(path))

    def _put_dense(self, path: str, inputs: int, outputs: int) -> Any:
        return self.put(path, native_layers.dense(inputs, outputs, path.split("/")[-1], self.plan, self.dtype_policy))

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
        """Return outputs by name: those of every call, and those `wanted`, as tuples of one tensor for each layer."""
        plan = self.plan
        visible = attention_mask if self.family.masks_embeddings else None
        x = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds, visible, training=training)
        if self.projection is not None:
            x = self.projection(x)
        bias = None
        if attention_mask is not None:
            dtype = "float64" if self.compute_dtype == "float64" else "float32"
            bias = (1.0 - ops.cast(attention_mask, dtype)[:, None, None, :]) * plan.masked_score
        if self.distances is not None:
            bias = self.distances(x, bias)
        states, probabilities = [x], []
        for layer in range(plan.layers):
            block = self.blocks[layer * len(self.blocks) // plan.layers]
            x, attention = block(x, bias=bias, head_mask=head_mask, training=training)
            if layer == 0 and self.convolution is not None:
                x = self.convolution(states[0], x, visible, training=training)
            states.append(x)
            probabilities.append(attention)
        found = {"last_hidden_state": x}
        if self.pooler is not None:
            found["pooler_output"] = ops.tanh(self.pooler(x[:, 0]))
        if self.family.head:
            found = self._head(found, training)
        per_layer = {"hidden_states": tuple(states), "attentions": tuple(probabilities)}
        return {**found, **{name: per_layer[name] for name in self.wanted}}

    def nested_outputs(self, flat: List[Any]) -> Dict[str, Any]:
        """Return the outputs of a call by name from the flat list that Keras keeps, which is in the order of names."""
        sizes = dict.fromkeys(self.family.always, 1)
        sizes.update({"hidden_states": self.plan.layers + 1, "attentions": self.plan.layers})
        result, rest = {}, list(flat)
        for name in sorted((*self.family.always, *self.wanted)):
            taken, rest = rest[: sizes[name]], rest[sizes[name] :]
            result[name] = taken if name in self.wanted else taken[0]
        return result

    def _head(self, found: Mapping[str, Any], training: Any) -> Dict[str, Any]:
        head, outputs = self.family.heads[self.family.head], self.family.always
        x = found[EVERY_TOKEN][:, 0] if head.reads == FIRST_TOKEN else found[head.reads]
        for layer in head.layers:
            if layer.dropout:
                x = self.dropout(x, training=training)
            x = self.at(tensorflow_path(layer.path))(x)
            if layer.activation:
                x = native_layers.activate(self.config.get(layer.activation, layer.activation), x)
        return {outputs[0]: x} if len(outputs) == 1 else {name: x[:, :, i] for i, name in enumerate(outputs)}


def _head_dropout(family: Family, values: Mapping[str, Any]) -> float:
    rate = values.get(family.heads[family.head].dropout) if family.head else None
    return float(values["hidden_dropout_prob"] if rate is None else rate)


def family_of(layer: Any) -> Optional[Family]:
    """Return the family of an encoder of this module, None for any other layer."""
    return layer.family if type(layer) is Encoder else None


def output_name(family: Family, encoder: Any, kwargs: Mapping[str, Any], name: str) -> str:
    """Return the name of an output, which it has already."""
    return name


def config(encoder: Any, place: str) -> Dict[str, Any]:
    """Return the canonical config.json of a live encoder: the one it was built from."""
    return dict(encoder.config)


def build(family: Family, config: Mapping[str, Any], name: str, outputs: "frozenset[str]" = frozenset()) -> Encoder:
    """Return an encoder of this configuration with initial weights, in the precision that is set.

    Raises RuntimeUnavailableError for a class that only transformers computes.
    """
    if family.general:
        raise RuntimeUnavailableError(
            "an encoder that only the TensorFlow classes of transformers 4 compute",
            place=name,
            wanted=family.tensorflow,
            found="keras " + keras.__version__,
            fix="use it where TensorFlow, transformers 4 and, from TensorFlow 2.16, tf-keras are installed",
        )
    wanted = tuple(n for n in PER_LAYER if any(o.split(".")[0] == n for o in outputs))
    return Encoder(family, config, name, wanted)


def call(encoder: Any, kwargs: Mapping[str, Any], outputs: "frozenset[str]") -> Mapping[str, Any]:
    """Return the encoder's outputs by name, those that it was built for among them."""
    result: Mapping[str, Any] = encoder(**kwargs)
    return result


def tensors(encoder: Any) -> Dict[str, np.ndarray]:
    """Return every weight by PyTorch name, in PyTorch's layout."""
    result = {}
    for path, variable in _variables(encoder, ""):
        name, transposed = checkpoint_names.to_pytorch(path, encoder.family)
        array = variable.numpy()
        result[name] = array.T if transposed else array
    return result


def assign(encoder: Any, weights: Mapping[str, np.ndarray], keras: Any, place: str) -> None:
    """Set every weight from arrays by PyTorch name. Raises FormatError for one that is missing or does not fit."""
    for path, variable in _variables(encoder, ""):
        name, transposed = checkpoint_names.to_pytorch(path, encoder.family)
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
    """Return path -> flag of the parts whose `trainable` differs from that of the part that holds them."""
    return {
        checkpoint_names.layer_path(path): bool(part._trainable)
        for path, part, holder in _parts(encoder, "")
        if bool(part._trainable) != bool(holder._trainable)
    }


def set_flags(encoder: Any, trainable: bool, wanted: Mapping[str, bool], place: str) -> None:
    """Make `flags(encoder)` what was saved. Raises FormatError for a part that the encoder does not have."""
    encoder.trainable = trainable
    known = {checkpoint_names.layer_path(path): part for path, part, _ in _parts(encoder, "")}
    for path, flag in wanted.items():
        if path not in known:
            raise FormatError("a trainable flag of a part that the encoder does not have", place=place, found=path)
        known[path].trainable = flag


def _parts(holder: Any, prefix: str) -> Iterator[Tuple[str, Any, Any]]:
    """Yield (path, part, the part that holds it), a holder before what it holds."""
    for name, part in holder.parts.items():
        yield prefix + name, part, holder
        if isinstance(part, Part):
            yield from _parts(part, prefix + name + "/")


def _variables(encoder: Any, prefix: str) -> Iterator[Tuple[str, Any]]:
    """Yield (path as TensorFlow's classes name it, variable) of every weight."""
    for path, part, _ in _parts(encoder, prefix):
        if isinstance(part, Part):
            yield from (("{}/{}/weight".format(path, name), table) for name, table in part.tables.items())
        else:
            yield from (("{}/{}".format(path, variable.name), variable) for variable in part.weights)
