"""How the terminal output looks: its width, whether it is in colour, and which characters it may use."""

from dataclasses import dataclass

WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Style:
    """The width in columns, whether colours are used, and the encoding of the stream."""

    width: int = WIDTH
    color: bool = False
    encoding: str = "utf-8"
