"""Worker processes seen from the host."""
