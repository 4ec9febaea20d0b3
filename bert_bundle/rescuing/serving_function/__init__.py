"""The serving function of a SavedModel read as a graph: for models whose code was not stored."""
