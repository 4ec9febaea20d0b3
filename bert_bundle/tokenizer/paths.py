"""Paths of the files that a tokenizer of every kind has."""

from bert_bundle.format import layout

CONFIG = layout.TOKENIZER + "/tokenizer_config.json"
SPECIAL = layout.TOKENIZER + "/special_tokens_map.json"
FAST = layout.TOKENIZER + "/tokenizer.json"
ADDED = layout.TOKENIZER + "/added_tokens.json"
