"""The configuration files: the matrix file and the gate policy."""
