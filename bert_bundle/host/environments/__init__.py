"""The environments of the matrix: locked, made, cached and checked."""
