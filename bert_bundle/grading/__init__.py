"""Predictions compared with a golden, and the grade of a replay."""
