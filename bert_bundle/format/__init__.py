"""What is on disk: names and limits, strict JSON, verified reads, tensors, the manifest, durable saves, the golden.

Layer 3 of the core.
"""
