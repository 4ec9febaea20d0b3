"""Predictions compared with a golden, and the grade of a replay.

Layer 8 of the core.
"""
