"""Live Keras models in both runtimes: captured to a graph, rebuilt from one.

Layer 7 of the core.
"""
