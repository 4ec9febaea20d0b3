"""The version of this package, readable in every environment without package metadata."""

VERSION = "0.1.0"
