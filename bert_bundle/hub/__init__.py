"""The Hugging Face Hub: addresses of bundles there, download, push and pull.

Layer 4 of the core.
"""
