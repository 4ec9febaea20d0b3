"""Classifiers of the catalogue around classes of transformers 4 that belong to no family, or that are traced.

Only the TensorFlow classes of transformers can build them.
"""

from typing import Any, Dict, Mapping, Tuple

import numpy as np

from bert_bundle.classifiers.catalogue_entry import NEED_CLASSES, BuildFunction, Entry, Needs, since
from bert_bundle.classifiers.model_builder import LENGTH, VOCABULARY, ModelBuilder
from bert_bundle.keras_models import keras2

_SIZES = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
_POSITIONS = {"max_position_embeddings": 40}
_FUNNEL = {"block_sizes": [1, 1], "num_decoder_layers": 1, "d_model": 12, "n_head": 2, "d_head": 6, "d_inner": 20}
_DEBERTA = {"type_vocab_size": 2, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
# Name of a class without `TF` and `Model` -> the first release of transformers that runs it, its configuration.
_CLASSES: Mapping[str, Tuple[Tuple[int, int], Mapping[str, Any]]] = {
    "XLNet": ((4, 5), {"d_model": 12, "n_layer": 2, "n_head": 2, "d_inner": 20}),
    "Funnel": ((4, 5), _FUNNEL),
    "ConvBert": ((4, 5), {**_SIZES, **_POSITIONS, "embedding_size": 8, "conv_kernel_size": 3, "head_ratio": 2}),
    "MobileBert": (
        (4, 5),
        {**_SIZES, **_POSITIONS, "embedding_size": 8, "intra_bottleneck_size": 8, "true_hidden_size": 8},
    ),
    "T5Encoder": ((4, 5), {"d_model": 12, "d_kv": 6, "d_ff": 20, "num_layers": 2, "num_heads": 2}),
    "GPT2": ((4, 11), {"n_embd": 12, "n_layer": 2, "n_head": 2, "n_positions": 40}),  # before, another function
    "Deberta": ((4, 25), {**_SIZES, **_POSITIONS, **_DEBERTA}),  # in 4.12 its dense layers do not know their sizes
}
_CHOICES = 3
_QUESTIONS = [
    [["my invoice", "why?"], ["my invoice", "please help"], ["my invoice", "a refund of"]],
    [["dark mode", "no"], ["dark mode", "my invoice is wrong"], ["dark mode", ""]],
]


def _around(name: str, fields: Mapping[str, Any]) -> BuildFunction:
    """Return the builder of a classifier on the first token of such a class."""

    def build_model(builder: ModelBuilder) -> Any:
        import transformers

        cls = getattr(transformers, "TF{}Model".format(name))
        encoder = cls(cls.config_class(vocab_size=VOCABULARY, **fields), name="encoder")
        builder.encoders.append(encoder)
        feeds = builder.tokens()
        with keras2.autograph("UNSPECIFIED"):  # as users have it: some classes need it
            hidden = encoder(feeds["input_ids"], attention_mask=feeds["attention_mask"]).last_hidden_state
        return builder.model([feeds["input_ids"], feeds["attention_mask"]], builder.head(hidden[:, 0, :]))

    return build_model


def _several_choices(builder: ModelBuilder) -> Any:
    """Return a model of transformers that scores each of several pairs of texts."""
    import transformers

    cls = transformers.TFBertForMultipleChoice
    model = cls(cls.config_class(vocab_size=VOCABULARY, **_SIZES, **_POSITIONS))
    model({"input_ids": builder.runtime.dialect.tensor(np.ones((1, _CHOICES, LENGTH), "int32"))})
    builder.encoders.append(model.bert)
    return model


def _needs(first: Tuple[int, int]) -> Needs:
    return NEED_CLASSES if first <= (4, 5) else since("transformers", first, NEED_CLASSES)


def _general() -> Dict[str, Entry]:
    named = {"of_no_family_" + name: (_needs(first), fields) for name, (first, fields) in _CLASSES.items()}
    return {
        name: Entry(_around(name.rpartition("_")[2], fields), needs, needs) for name, (needs, fields) in named.items()
    }


ENTRIES: Mapping[str, Entry] = {
    "bert_ForMultipleChoice": Entry(_several_choices, writers=NEED_CLASSES, examples={"text": _QUESTIONS}),
    **_general(),
}
