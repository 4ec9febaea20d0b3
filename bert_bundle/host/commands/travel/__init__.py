"""The commands for a bundle that travels, push, pull and card; and the argument that takes a bundle from the Hub."""
