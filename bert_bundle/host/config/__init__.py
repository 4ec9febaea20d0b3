"""The configuration files: the matrix file and the gate policy.

Layer 2 of the host.
"""
