"""What commands print on a terminal: a function for each kind of result, a module for each noun.

Text that comes from a bundle or a matrix file is shown as plain text: control characters escaped, no markup read.
"""
