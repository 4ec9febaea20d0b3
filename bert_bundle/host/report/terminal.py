"""Tables and lists for a terminal, made from untrusted text: owns width, colour and escaping, not what is shown."""

from collections.abc import Mapping, Sequence
from io import StringIO

from rich import box
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.host.report.style import Style


def plain(value: object) -> Text:
    """Return `value` with control characters escaped and no markup read."""
    return Text(printable(value))


def colour(good: bool) -> str:
    """Return the colour for a good or a bad result."""
    return "green" if good else "red"


def table(headers: Sequence[str], *, numbers_from: int | None = None, gap: int = 2) -> Table:
    """Return an empty table. Columns from `numbers_from` on are aligned right; `gap` spaces separate two columns."""
    result = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0), header_style="bold"
    )
    for index, header in enumerate(headers):
        number = numbers_from is not None and index >= numbers_from
        result.add_column(Text(header), justify="right" if number else "left", overflow="fold")
    return result


def listing(justify: Sequence[JustifyMethod]) -> Table:
    """Return an empty table without headings, lines or edges."""
    result = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for side in justify:
        result.add_column(justify=side, overflow="fold")
    return result


def facts(named: Mapping[str, object]) -> Table:
    """Return a line for each name and its value, except for values that are None or empty."""
    result = listing(["left", "left"])
    result.columns[0].no_wrap = True
    for name, value in named.items():
        if value is not None and value not in ("", Text()):
            result.add_row(name, value if isinstance(value, Text) else plain(value))
    return result


def render(style: Style, *parts: RenderableType) -> str:
    """Return the parts below each other as one text that ends with a newline."""
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
    console.print(Group(*parts), crop=False)
    lines = (line.rstrip() for line in buffer.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n"
