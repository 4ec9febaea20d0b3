"""The process that runs inside an environment, and the tasks it does there.

Layer 15 of the core.
"""
