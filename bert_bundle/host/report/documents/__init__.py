"""JSON documents, a function for each command; the schemas are published in docs/schema.

Owns the keys. Does not know tables. Each module imports little, so that a short command starts fast.
"""
