"""The classifiers that `matrix run` generates: how they are specified, drawn and built.

Layer 13 of the core.
"""
