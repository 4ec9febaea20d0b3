"""The operations behind commands and public functions: an audit, a gate, a bisection, a diagnosis. Print nothing.

Layer 11 of the host.
"""
