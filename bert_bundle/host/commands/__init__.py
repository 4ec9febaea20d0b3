"""The commands of `bert-bundle`: a module for each command, or for several about the same noun.

Layer 12 of the host.
"""
