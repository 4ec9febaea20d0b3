"""Tables and lists for a terminal, from untrusted text: owns width, colour and escaping, not what is shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from rich import box
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from bert_bundle.errors import printable

WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Style:
    """How wide, and whether in colour."""

    width: int = WIDTH
    color: bool = False


def plain(value: object) -> Text:
    """`value` as it is: control characters escaped, no markup read."""
    return Text(printable(value))


def figure(value: float | None) -> Text:
    """A difference to two digits; nothing when it was not measured."""
    return Text("" if value is None else "0" if value == 0 else f"{value:.1e}")


def power(value: float | None) -> Text:
    """The n of 1e-n below which a difference lies; `=` when there is none, nothing when it was not measured."""
    if value is None or value == 0:
        return Text("" if value is None else "=")
    return Text(str(max(0, math.ceil(-math.log10(value)) - 1)) if math.isfinite(value) else "!")


def colour(good: bool) -> str:
    """Of what is as it should be, and of what is not."""
    return "green" if good else "red"


def share(value: float | None) -> Text:
    """A part of a whole in percent; nothing when it is not known."""
    return Text("" if value is None else f"{value:.1%}")


def table(headers: Sequence[str], *, numbers_from: int | None = None, gap: int = 2) -> Table:
    """An empty table; from column `numbers_from` on, numbers stand at the right. `gap` columns between two."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0), header_style="bold")
    for index, header in enumerate(headers):
        number = numbers_from is not None and index >= numbers_from
        made.add_column(Text(header), justify="right" if number else "left", overflow="fold")
    return made


def listing(justify: Sequence[JustifyMethod]) -> Table:
    """An empty table without headers, lines or edges."""
    made = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for side in justify:
        made.add_column(justify=side, overflow="fold")
    return made


def facts(named: Mapping[str, object]) -> Table:
    """A line for each name and its value; what is None or empty has none."""
    made = listing(["left", "left"])
    made.columns[0].no_wrap = True
    for name, value in named.items():
        if value is not None and value not in ("", Text()):
            made.add_row(name, value if isinstance(value, Text) else plain(value))
    return made


def render(style: Style, *parts: RenderableType) -> str:
    """The parts below each other as one text that ends with a line's end."""
    buffer = StringIO()
    console = Console(
        file=buffer,
        width=style.width,
        force_terminal=style.color,
        no_color=not style.color,
        color_system="standard" if style.color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    console.print(Group(*parts))
    lines = (line.rstrip() for line in buffer.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n"
