"""Whether a release may ship."""
