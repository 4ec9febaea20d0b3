"""Turn a live model into the files of a bundle, and prove that they reproduce its predictions.

Layer 10 of the core.
"""
