"""The classifiers that `matrix run` generates: how they are specified, drawn and built."""
