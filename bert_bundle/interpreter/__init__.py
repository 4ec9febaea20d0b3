"""What is installed in this interpreter, and how a child process is started.

Layer 2 of the core.
"""
