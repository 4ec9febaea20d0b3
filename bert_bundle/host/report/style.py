"""How the terminal output looks: its width, and whether it is in colour."""

from dataclasses import dataclass

WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Style:
    """The width in columns, and whether colours are used."""

    width: int = WIDTH
    color: bool = False
