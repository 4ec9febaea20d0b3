"""Small configurations of every family whose TensorFlow classes run in this release, for the tests of encoders."""

from bert_bundle.encoders import families
from bert_bundle.interpreter import known_breakages

SIZES = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
RELATIVE = {
    "relative_attention": True,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "pos_att_type": ["p2c", "c2p"],
    "layer_norm_eps": 1e-6,
}
OWN_KEYS = dict(RELATIVE, share_att_key=False)
# name: (in the classes' names, configuration); no two sizes are equal, nor any epsilon the default
FAMILIES = {
    "bert": ("Bert", dict(SIZES, type_vocab_size=3, layer_norm_eps=1e-6)),
    "distilbert": ("DistilBert", {"dim": 12, "n_layers": 2, "n_heads": 2, "hidden_dim": 20}),
    "roberta": ("Roberta", dict(SIZES, type_vocab_size=1, layer_norm_eps=1e-5)),
    "xlm-roberta": ("XLMRoberta", dict(SIZES, type_vocab_size=2, hidden_act="gelu_new")),
    "albert": ("Albert", dict(SIZES, embedding_size=8, num_hidden_groups=2, type_vocab_size=3, hidden_act="relu")),
    "albert with one block": ("Albert", dict(SIZES, embedding_size=12, layer_norm_eps=1e-6)),
    "deberta-v2": ("DebertaV2", dict(SIZES, **RELATIVE, position_buckets=10, position_biased_input=False)),
    "deberta-v2 with positions": (
        "DebertaV2",
        dict(SIZES, **dict(RELATIVE, pos_att_type=["c2p"]), type_vocab_size=3, hidden_act="relu"),
    ),
    # The text is longer than what positions tell apart on either side.
    "deberta-v2 with a convolution": (
        "DebertaV2",
        dict(SIZES, **OWN_KEYS, max_relative_positions=4, conv_kernel_size=3, conv_act="gelu"),
    ),
    "deberta-v2 without relative positions": ("DebertaV2", dict(SIZES, pos_att_type=["p2c"], type_vocab_size=3)),
    "deberta-v2 with a projection": (
        "DebertaV2",
        dict(
            SIZES,
            **dict(OWN_KEYS, pos_att_type=["p2c"], norm_rel_ebd="none"),
            embedding_size=8,
            position_biased_input=False,
            position_buckets=4,
            max_relative_positions=5,
            type_vocab_size=2,
        ),
    ),
    "mpnet": ("MPNet", dict(SIZES, relative_attention_num_buckets=10, layer_norm_eps=1e-6)),
    "camembert": ("Camembert", dict(SIZES, type_vocab_size=1, hidden_act="relu", layer_norm_eps=1e-6)),
    "electra": ("Electra", dict(SIZES, embedding_size=8, type_vocab_size=2, layer_norm_eps=1e-6)),
    "electra without a projection": ("Electra", dict(SIZES, embedding_size=12, hidden_act="relu")),
}
RELEASE = known_breakages.version_numbers(known_breakages.installed_versions(), "transformers")[:2]
FAMILIES = {
    name: family
    for name, family in FAMILIES.items()
    if families.BY_MODEL_TYPE[name.split(" ")[0]].first_release <= RELEASE
}
