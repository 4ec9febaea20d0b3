"""The host's side of worker processes."""
