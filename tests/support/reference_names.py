"""Where the modules of a layer lie in the published checkpoints of a family, for the reference. Imports nothing."""

BERT = {
    "layer": "encoder.layer.{}.",
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "last": "output.LayerNorm",
}
DISTILBERT = {
    "layer": "transformer.layer.{}.",
    "query": "attention.q_lin",
    "key": "attention.k_lin",
    "value": "attention.v_lin",
    "out": "attention.out_lin",
    "norm": "sa_layer_norm",
    "up": "ffn.lin1",
    "down": "ffn.lin2",
    "last": "output_layer_norm",
}
ALBERT = {
    "layer": "encoder.albert_layer_groups.{}.albert_layers.0.",
    "query": "attention.query",
    "key": "attention.key",
    "value": "attention.value",
    "out": "attention.dense",
    "norm": "attention.LayerNorm",
    "up": "ffn",
    "down": "ffn_output",
    "last": "full_layer_layer_norm",
}
MPNET = {
    **BERT,
    "query": "attention.attn.q",
    "key": "attention.attn.k",
    "value": "attention.attn.v",
    "out": "attention.attn.o",
    "norm": "attention.LayerNorm",
}
DEBERTA = {
    **BERT,
    "query": "attention.self.query_proj",
    "key": "attention.self.key_proj",
    "value": "attention.self.value_proj",
    "position key": "attention.self.pos_key_proj",
    "position query": "attention.self.pos_query_proj",
}

# Those of other families are BERT's.
NAMES = {"distilbert": DISTILBERT, "albert": ALBERT, "mpnet": MPNET, "deberta-v2": DEBERTA}
