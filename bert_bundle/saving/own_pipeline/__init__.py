"""What the caller's own pipeline fed and predicted, and the bundle held against it."""
