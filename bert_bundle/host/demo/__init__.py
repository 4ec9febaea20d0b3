"""The host side of `bert-bundle demo`: downloads, and the recipe that a worker trains by.

Layer 10 of the host.
"""
