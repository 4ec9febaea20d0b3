"""What `bert-bundle demo` runs inside an environment: the support tickets, a vocabulary, the training.

Layer 14 of the core.
"""
