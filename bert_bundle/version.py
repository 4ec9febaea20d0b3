"""The version of this package, where every environment can read it without metadata."""

VERSION = "0.1.0"
