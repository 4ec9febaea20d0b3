"""An encoder class by itself: the record of one as a layer, and the graph around one that is saved as the model.

A graph of token inputs, the class and its outputs is written down, not traced: the live model is left as it is.
"""

from typing import Any, Optional

import numpy as np

from bert_bundle.encoders.families import Family
from bert_bundle.graph.graph import Call, Graph, Input, Layer, Ref
from bert_bundle.keras_models.runtime import Runtime


def layer_of(encoder: Any, family: Family, folder: str, runtime: Runtime) -> Layer:
    """The record of a live encoder whose files go to `folder`."""
    return Layer(
        name=encoder.name,
        class_name=family.architecture,
        trainable=bool(encoder._trainable),
        policy=runtime.dialect.policy(encoder),
        encoder=folder,
        flags=dict(sorted(runtime.encoders.flags(encoder).items())),  # what holds a part sorts before it
    )


def graph_around(encoder: Any, family: Family, folder: str, runtime: Runtime, length: Optional[int]) -> Graph:
    """The functional model `input_ids, attention_mask[, token_type_ids] -> logits`, each input of `length` tokens.

    Several outputs (start_logits, end_logits) are a dict. Token types are an input where the encoder has more than one.
    An encoder that was never called has no weights yet: it is called, once.
    """
    if not encoder.built:
        runtime.encoders.call(encoder, {"input_ids": runtime.dialect.tensor(np.zeros((1, 2), "int32"))}, frozenset())
    names = ["input_ids", "attention_mask"]
    if getattr(encoder.config, "type_vocab_size", 0) > 1:
        names.append("token_type_ids")
    nodes = [Input(name, (length,), "int32") for name in names]
    feeds = {name: Ref(index) for index, name in enumerate(names)}
    results = {name: Ref(len(names), name) for name in family.always}
    single = len(results) == 1
    return Graph(
        name=encoder.name,
        class_name="Functional",
        layers=(layer_of(encoder, family, folder, runtime),),
        nodes=(*nodes, Call(encoder.name, (), feeds)),
        inputs=tuple(feeds.items()),
        inputs_form="list",
        outputs=tuple((encoder.name if single else name, ref) for name, ref in results.items()),  # as Keras names it
        outputs_form="single" if single else "dict",
        trainable=bool(encoder._trainable),
    )
