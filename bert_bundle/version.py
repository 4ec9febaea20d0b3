"""The version of this package, readable in every environment without package metadata.

Layer 1 of the core.
"""

VERSION = "0.1.0"
