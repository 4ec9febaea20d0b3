"""Models out of files that Keras wrote: graph, weights and trainable flags, without the code that made them.

Layer 10 of the core.
"""
