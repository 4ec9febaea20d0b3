"""The classifiers that `matrix run` writes: catalogue, specifications, strategies."""
