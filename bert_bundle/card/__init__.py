"""The model card of a bundle, README.md: front matter, a call that runs, what it is, its proof, the last audit.

Layer 4 of the core.
"""
