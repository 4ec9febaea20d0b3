"""The host: runs on Python 3.11 or newer and never imports Keras, TensorFlow or transformers.

Layer 1 of the host.
"""
