"""Live encoder classes of transformers 4 that belong to no family, small, by name."""

import transformers as library

from bert_bundle.classifiers import specification
from bert_bundle.interpreter import known_breakages
from bert_bundle.keras_models import keras2

LENGTH = 12
RELEASE = known_breakages.version_numbers(known_breakages.installed_versions(), "transformers")[:2]
FIRST_RELEASES = {"Deberta": (4, 25)}  # in 4.12 its dense layers do not know their sizes in a functional model
SIZES = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
POSITIONS = {"max_position_embeddings": 40}
GPT = {"n_embd": 12, "n_layer": 2, "n_head": 2, "n_positions": 40}
T5 = {"d_model": 12, "d_kv": 6, "d_ff": 20, "num_layers": 2, "num_heads": 2}
FUNNEL = {"block_sizes": [1, 1], "num_decoder_layers": 1, "d_model": 12, "n_head": 2, "d_head": 6, "d_inner": 20}
CONFIGURATIONS = {
    "XLNet": {"d_model": 12, "n_layer": 2, "n_head": 2, "d_inner": 20},
    "Funnel": FUNNEL,
    "FunnelBase": FUNNEL,
    "ConvBert": dict(SIZES, **POSITIONS, embedding_size=8, conv_kernel_size=3, head_ratio=2),
    "RemBert": dict(SIZES, **POSITIONS, input_embedding_size=8, output_embedding_size=10),
    "MobileBert": dict(SIZES, **POSITIONS, embedding_size=8, intra_bottleneck_size=8, true_hidden_size=8),
    "Flaubert": dict(POSITIONS, emb_dim=12, n_layers=2, n_heads=2),
    "XLM": dict(POSITIONS, emb_dim=12, n_layers=2, n_heads=2),
    "LayoutLM": dict(SIZES, **POSITIONS, max_2d_position_embeddings=20),
    "Deberta": dict(SIZES, **POSITIONS, type_vocab_size=2, relative_attention=True, pos_att_type=["p2c", "c2p"]),
    "Longformer": dict(SIZES, **POSITIONS, attention_window=[4, 4], pad_token_id=1, type_vocab_size=1),
    "Esm": dict(SIZES, **POSITIONS, pad_token_id=1, mask_token_id=4, position_embedding_type="rotary"),
    "RoFormer": dict(SIZES, **POSITIONS, embedding_size=8),
    "RobertaPreLayerNorm": dict(SIZES, **POSITIONS),
    "T5Encoder": T5,
    "MT5Encoder": T5,
    "OpenAIGPT": GPT,
    "GPT2": GPT,
    "CTRL": dict(GPT, dff=20),
    "GPTJ": dict(GPT, rotary_dim=4),
    "OPT": dict(SIZES, **POSITIONS, ffn_dim=20, word_embed_proj_dim=12),
}


def present():
    """Return the names of those classes that this transformers has and can call in a model."""
    found = [name for name in CONFIGURATIONS if hasattr(library, "TF{}Model".format(name))]
    return [name for name in found if FIRST_RELEASES.get(name, RELEASE) <= RELEASE]


def make(name, **changes):
    """Return a live encoder, not built yet."""
    cls = getattr(library, "TF{}Model".format(name))
    fields = dict({"vocab_size": len(specification.vocabulary())}, **CONFIGURATIONS[name])
    return cls(cls.config_class(**dict(fields, **changes)), name="encoder")


def build(keras, name, **changes):
    """Return a classifier on the first token and the pooler's output, if there is one, with random weights."""
    encoder = make(name, **changes)
    with keras2.autograph("UNSPECIFIED"):  # as users have it: some classes need it
        return _around(keras, encoder)


def _around(keras, encoder):
    ids, mask = (keras.Input((LENGTH,), dtype="int32", name=n) for n in ("ids", "mask"))
    outputs = encoder(ids, attention_mask=mask)
    states = [outputs.last_hidden_state[:, 0, :]]
    if "pooler_output" in outputs:
        states.append(outputs.pooler_output)
    state = keras.layers.Concatenate(name="both")(states) if len(states) > 1 else states[0]
    scores = keras.layers.Dense(3, activation="softmax", name="probabilities")(state)
    model = keras.Model([ids, mask], scores, name="classifier")
    specification.randomize(model, encoder, seed=7)
    return specification.BuiltClassifier(
        model, encoder, specification.tokenizer(), (), {"text": ["my invoice", "why?"]}, LENGTH
    )
