"""Load a bundle from disk as a live model, and replay its golden.

Layer 9 of the core.
"""
