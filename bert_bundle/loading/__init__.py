"""Load a bundle from disk as a live model, and replay its golden."""
