"""What is on disk: names, strict JSON, digests, tensors, the manifest, durable saves, the golden."""
