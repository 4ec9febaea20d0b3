"""Hugging Face encoders: families, checkpoints, and the two ways to compute one.

Layer 4 of the core.
"""
