"""Tables and lists for a terminal, made from untrusted text: owns width, colour and escaping, not what is shown."""

from collections.abc import Mapping, Sequence
from io import StringIO

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.host.report.fitting_table import FittingTable
from bert_bundle.host.report.style import Style


class _Buffer(StringIO):
    """Text in memory for a stream of some encoding."""

    encoding: str = "utf-8"


def plain(value: object) -> Text:
    """Return `value` with control characters escaped and no markup read."""
    return Text(printable(value))


def colour(good: bool) -> str:
    """Return the colour for a good or a bad result."""
    return "green" if good else "red"


def table(
    headers: Sequence[str],
    *,
    drop: Sequence[str] = (),
    fold: Sequence[str] = (),
    numbers_from: int | None = None,
    gap: int = 2,
) -> FittingTable:
    """Return an empty table; see `FittingTable`."""
    return FittingTable(headers, drop=drop, fold=fold, numbers_from=numbers_from, gap=gap)


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
    buffer = _Buffer()
    buffer.encoding = style.encoding  # rich draws with ASCII unless it is a form of UTF
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
