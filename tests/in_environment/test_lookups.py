"""Lookups of Keras beside the encoder, with transformers' TensorFlow classes: the cases of `lookups`."""

from lookups import *  # noqa: F403
