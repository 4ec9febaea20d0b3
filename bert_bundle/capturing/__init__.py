"""Read the graph of a live Keras model, running the user code in it once.

Layer 8 of the core.
"""
