"""A table that fits a terminal by leaving columns out: owns which, not what a table shows.

A cell stands whole, unless its column is one that may be folded. If what is left is wider than the terminal, it is
written as wide as it is: an id that is cut is another id.
"""

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

_LONGEST_WORD = 32  # that a folded column keeps whole, such as tensorflow-cpu==2.15.1; paths are longer

# SIMPLE_HEAD, where only ASCII can be written: rich's own ASCII boxes have edges.
_ASCII_HEAD = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


class FittingTable:
    """A table of headings and rows, drawn as wide as the terminal allows.

    drop          headings of columns that may be left out, the first to go first
    fold          headings of columns whose cells may be folded to several lines
    numbers_from  the first column that is aligned right
    gap           spaces between two columns
    """

    def __init__(
        self, headers: Sequence[str], *, drop: Sequence[str], fold: Sequence[str], numbers_from: int | None, gap: int
    ) -> None:
        names = [_name(header) for header in headers]
        self._headers, self._gap = headers, gap
        self._drop = [names.index(name) for name in drop if name in names]
        self._fold = {names.index(name) for name in fold if name in names}
        self._numbers_from = len(headers) if numbers_from is None else numbers_from
        self._rows: list[tuple[Text, ...]] = []

    def add_row(self, *cells: Text | str) -> None:
        """Add a row with a cell for each heading."""
        self._rows.append(tuple(cell if isinstance(cell, Text) else Text(cell) for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the columns that fit, and say which do not."""
        shown, left_out = list(range(len(self._headers))), []
        for column in self._drop:
            if self._needed(shown) <= options.max_width:
                break
            shown.remove(column)
            left_out.append(column)
        width = max(options.max_width, self._needed(shown))
        table = self._drawn(shown, width - self._needed(shown), ascii_only=options.ascii_only)
        yield from console.render(table, options.update(width=width))
        if left_out:
            names = ", ".join(_name(self._headers[column]) for column in sorted(left_out))
            yield Text(f"left out, for a wider terminal or --json: {names}", style="dim")

    def _needed(self, columns: Sequence[int]) -> int:
        return sum(map(self._width, columns)) + self._gap * (len(columns) - 1)

    def _width(self, column: int) -> int:
        """Return the width that a column needs: of its lines, or of its words if it may be folded."""
        if column not in self._fold:
            return self._widest(column)
        words = (cell_len(word) for cell in self._cells(column) for word in cell.split())
        return min(max(words, default=0), _LONGEST_WORD)

    def _widest(self, column: int) -> int:
        return max(cell_len(line) for cell in self._cells(column) for line in cell.split("\n"))

    def _cells(self, column: int) -> list[str]:
        return [self._headers[column], *(row[column].plain for row in self._rows)]

    def _drawn(self, columns: Sequence[int], spare: int, *, ascii_only: bool) -> Table:
        """Return the table of these columns; those that may be folded get what is `spare`, the first of them first."""
        table = Table(
            box=_ASCII_HEAD if ascii_only else box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, self._gap - 1, 0, 0),
            header_style="bold",
        )
        for column in columns:
            width = self._width(column)
            more = min(spare, self._widest(column) - width)
            spare -= more
            table.add_column(
                Text(self._headers[column]),
                justify="right" if column >= self._numbers_from else "left",
                overflow="fold",
                no_wrap=column not in self._fold,
                width=width + more,
            )
        for row in self._rows:
            table.add_row(*(row[column] for column in columns))
        return table


def _name(header: str) -> str:
    """Return a heading on one line."""
    return header.replace("-\n", "").replace("\n", " ")
