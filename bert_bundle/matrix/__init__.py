"""The host side: which environments there are, what runs in them, and what the results mean."""
