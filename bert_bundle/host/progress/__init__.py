"""What a command says on standard error while it works: rows on a terminal, plain lines anywhere else.

Layer 10 of the host.
"""
