"""A bundle on disk becomes a live model, and its golden is replayed."""
