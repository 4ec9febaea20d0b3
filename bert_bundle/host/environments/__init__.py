"""Locked environments: found, resolved, made, checked."""
