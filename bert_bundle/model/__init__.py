"""Keras model <-> graph.json and tensors: capture, rebuild, weights, encoders."""
