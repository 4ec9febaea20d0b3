"""Encoders: which families there are, how their weights are named, how transformers builds them."""
