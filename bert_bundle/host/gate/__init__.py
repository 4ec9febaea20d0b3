"""Whether a release may ship.

Layer 7 of the host.
"""
