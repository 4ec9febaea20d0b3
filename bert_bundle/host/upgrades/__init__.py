"""Environments that an upgrade gives, and the search for the upgrade that changed a prediction."""
