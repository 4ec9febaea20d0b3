"""Runs: jobs in environments, their outcomes, and the verdicts on them."""
