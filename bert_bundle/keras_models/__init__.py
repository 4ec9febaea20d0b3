"""Live Keras models in both runtimes: what the two do alike, a model rebuilt from a graph, its predictions.

Layer 7 of the core.
"""
