"""Predictions compared, and the grade that follows."""
