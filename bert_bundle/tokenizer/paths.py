"""Paths of the files that a tokenizer of every kind has, and fields that some of them hold."""

from bert_bundle.format import layout

CONFIG = layout.TOKENIZER + "/tokenizer_config.json"
SPECIAL = layout.TOKENIZER + "/special_tokens_map.json"
FAST = layout.TOKENIZER + "/tokenizer.json"
ADDED = layout.TOKENIZER + "/added_tokens.json"
EXTRA = "additional_special_tokens"  # in the configuration only if there are any
MASK = "mask_token_lstrip"  # whether the mask token removes the space before it; a field of models where it may
