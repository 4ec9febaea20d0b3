"""An encoder by itself: its record as a layer, and the graph that is built around one to save it as a model.

That graph of token inputs, the encoder and its outputs is written down, not traced: the live encoder is unchanged. The
model that is loaded takes what the encoder took.
"""

from typing import Any, Dict, Optional, Sequence

import numpy as np

from bert_bundle.encoders.families import CLASSES, GENERAL, POOLER, Family, general
from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.errors import ModelError, SignatureError
from bert_bundle.graph.graph import Call, Graph, Input, Layer, Ref
from bert_bundle.keras_models.runtime import Runtime


def layer_of(encoder: Any, family: Family, folder: str, runtime: Runtime) -> Layer:
    """Return the record of a live encoder whose files are in `folder`."""
    return Layer(
        name=encoder.name,
        class_name=family.architecture,
        trainable=bool(encoder._trainable),
        policy=runtime.dialect.dtype_policy(encoder),
        config=_config(family),
        encoder=folder,
        flags=dict(sorted(runtime.encoders.flags(encoder).items())),  # a part sorts after the part that holds it
    )


def _config(family: Family) -> Dict[str, bool]:
    """Return what a graph says of an encoder beside its class: what is not so by default."""
    usual = general.of_name(family.architecture) if family.general else CLASSES[family.architecture]
    lost = {} if family.has_pooler == usual.has_pooler else {POOLER: False}
    return {**({GENERAL: True} if family.general else {}), **lost}


def graph_around(encoder: Any, family: Family, folder: str, runtime: Runtime, length: Optional[int]) -> Graph:
    """Return the functional model `input_ids, attention_mask[, token_type_ids] -> logits` with `length` tokens.

    Several outputs (start_logits, end_logits) are a dict. Token types are an input if the encoder has more than one.
    An encoder that was never called has no weights yet, and is called once. Raises ModelError for a class of no family.
    """
    if family.general:
        raise ModelError(
            "an encoder by itself that belongs to no family",
            place=encoder.name,
            wanted="a functional model around it",
            found=type(encoder).__name__,
            fix="save keras.Model(inputs, ...) with what you compute from encoder(...).last_hidden_state",
        )
    if not encoder.built:
        runtime.encoders.call(encoder, {"input_ids": runtime.dialect.tensor(np.zeros((1, 2), "int32"))}, frozenset())
    types = int(getattr(encoder.config, "type_vocab_size", 0))
    return around_encoder(layer_of(encoder, family, folder, runtime), family, types, length)


def around_encoder(layer: Layer, family: Family, types: int, length: Optional[int]) -> Graph:
    """Return the graph of token inputs, an encoder that knows so many token types, and its outputs."""
    names = TOKENS if types > 1 else TOKENS[:2]
    nodes = [Input(name, (length,), "int32") for name in names]
    feeds = {name: Ref(index) for index, name in enumerate(names)}
    results = {name: Ref(len(names), name) for name in family.always}
    is_single = len(results) == 1  # Keras names a single output after its layer
    return Graph(
        name=layer.name,
        class_name="Functional",
        layers=(layer,),
        nodes=(*nodes, Call(layer.name, (), feeds)),
        inputs=tuple(feeds.items()),
        inputs_form="list",
        outputs=tuple((layer.name if is_single else name, ref) for name, ref in results.items()),
        outputs_form="single" if is_single else "dict",
        trainable=layer.trainable,
    )


def is_around_encoder(graph: Graph) -> bool:
    """Return whether a graph is of the kind that `graph_around` returns."""
    encoders = [layer for layer in graph.layers if layer.encoder]
    names = tuple(name for name, _ in graph.inputs)
    return (
        [layer.name for layer in encoders] == [graph.name]
        and len(graph.layers) == 1
        and len(graph.nodes) == len(names) + 1
        and graph.inputs_form == "list"
        and names in (TOKENS, TOKENS[:2])
    )


def model_class(family: Family, names: Sequence[str], runtime: Runtime) -> Any:
    """Return the class of a functional model that takes what the encoder takes that it is built around.

    It is called with `names` by position, in a list, in a dict or by keyword. What is left out is what transformers
    assumes: a mask of ones, token types of zeros. Raises SignatureError without token ids or for any other argument.
    """
    base: Any = runtime.keras.Model

    class EncoderModel(base):  # type: ignore[misc]
        """An encoder by itself as a functional model."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            given = runtime.encoders.arguments(family, self, args, kwargs, self.name)
            flags = {name: given.pop(name) for name in ("training",) if name in given}
            if TOKENS[0] not in given or set(given) - set(names):
                raise SignatureError(
                    "an argument that the model does not take, or none of token ids",
                    place=self.name,
                    wanted=", ".join(names),
                    found=", ".join(given),
                    fix="build a functional model around the encoder to call it in another way",
                )
            ids = given[TOKENS[0]]
            left_out = {TOKENS[1]: lambda: ids * 0 + 1, TOKENS[2]: lambda: ids * 0}
            return super().__call__([given[name] if name in given else left_out[name]() for name in names], **flags)

    return EncoderModel
