"""The files that people write: matrix and gate policy."""
