"""Hugging Face encoders: families, checkpoints, and the two ways to compute one."""
