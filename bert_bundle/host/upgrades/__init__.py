"""Upgraded environments, and the search for the upgrade that changed a prediction.

Layer 6 of the host.
"""
