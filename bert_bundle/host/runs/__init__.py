"""Runs: jobs in environments, their outcomes, and the verdicts on them.

Layer 5 of the host.
"""
