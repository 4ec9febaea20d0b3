"""The environments of the matrix: locked, made, cached and checked.

Layer 3 of the host.
"""
