"""Upgraded environments, and the search for the upgrade that changed a prediction."""
