"""The host's side of worker processes.

Layer 4 of the host.
"""
