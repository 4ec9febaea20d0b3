"""Paths of the files that a tokenizer of every kind has, and a field that several of them hold."""

from bert_bundle.format import layout

CONFIG = layout.TOKENIZER + "/tokenizer_config.json"
SPECIAL = layout.TOKENIZER + "/special_tokens_map.json"
FAST = layout.TOKENIZER + "/tokenizer.json"
ADDED = layout.TOKENIZER + "/added_tokens.json"
EXTRA = "additional_special_tokens"  # in the configuration only if there are any
