"""An encoder by itself: its record as a layer, and the graph that is built around one to save it as a model.

That graph of token inputs, the encoder and its outputs is written down, not traced: the live encoder is unchanged.
"""

from typing import Any, Optional

import numpy as np

from bert_bundle.encoders.families import Family
from bert_bundle.graph.graph import Call, Graph, Input, Layer, Ref
from bert_bundle.keras_models.runtime import Runtime


def layer_of(encoder: Any, family: Family, folder: str, runtime: Runtime) -> Layer:
    """Return the record of a live encoder whose files are in `folder`."""
    return Layer(
        name=encoder.name,
        class_name=family.architecture,
        trainable=bool(encoder._trainable),
        policy=runtime.dialect.dtype_policy(encoder),
        encoder=folder,
        flags=dict(sorted(runtime.encoders.flags(encoder).items())),  # a part sorts after the part that holds it
    )


def graph_around(encoder: Any, family: Family, folder: str, runtime: Runtime, length: Optional[int]) -> Graph:
    """Return the functional model `input_ids, attention_mask[, token_type_ids] -> logits` with `length` tokens.

    Several outputs (start_logits, end_logits) are a dict. Token types are an input if the encoder has more than one.
    An encoder that was never called has no weights yet, and is called once.
    """
    if not encoder.built:
        runtime.encoders.call(encoder, {"input_ids": runtime.dialect.tensor(np.zeros((1, 2), "int32"))}, frozenset())
    names = ["input_ids", "attention_mask"]
    if getattr(encoder.config, "type_vocab_size", 0) > 1:
        names.append("token_type_ids")
    nodes = [Input(name, (length,), "int32") for name in names]
    feeds = {name: Ref(index) for index, name in enumerate(names)}
    results = {name: Ref(len(names), name) for name in family.always}
    is_single = len(results) == 1  # Keras names a single output after its layer
    return Graph(
        name=encoder.name,
        class_name="Functional",
        layers=(layer_of(encoder, family, folder, runtime),),
        nodes=(*nodes, Call(encoder.name, (), feeds)),
        inputs=tuple(feeds.items()),
        inputs_form="list",
        outputs=tuple((encoder.name if is_single else name, ref) for name, ref in results.items()),
        outputs_form="single" if is_single else "dict",
        trainable=bool(encoder._trainable),
    )
