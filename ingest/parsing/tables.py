"""Tables as rows of one-line cells: spans expanded, bounded, and written as a pipe table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_SPANNED_COLUMNS = 200
# A table whose spans would make it larger than this is written without expanding the rest of them.
MOST_CELLS = 200_000
# A short value is repeated in every cell it spans, so that each row reads on its own; a long one stands once.
LONGEST_REPEATED = 200


@dataclass(slots=True, kw_only=True)
class Cell:
    """One cell as the source wrote it. `text` is one line; a row span of 0 reaches to the end of the table."""

    text: str = ""
    columns: int = 1
    rows: int = 1
    is_header: bool = False


@dataclass(slots=True, kw_only=True)
class Grid:
    """The rows of a table, and how many of them are its header."""

    rows: list[list[str]] = field(default_factory=list)
    header_count: int = 0


def expand_spans(rows: Sequence[Sequence[Cell]]) -> Grid:
    """A rectangular grid: spanned cells are filled in and header rows counted. No cell's own text is ever dropped."""
    expander = _Expander()
    grid = Grid()
    for number, row in enumerate(rows):
        grid.rows.append(expander.place(row, rows_left=len(rows) - number))
        if grid.header_count == number and row and all(cell.is_header for cell in row):
            grid.header_count += 1
    width = max(map(len, grid.rows), default=0)
    if width * len(grid.rows) <= MOST_CELLS:
        grid.rows = [row + [""] * (width - len(row)) for row in grid.rows]
    if grid.header_count == len(grid.rows):
        # Nothing but header cells: then the first row is the header, unless it is the only one.
        grid.header_count = 1 if len(grid.rows) > 1 else 0
    return grid


def pipe_table(grid: Grid) -> str:
    """Light Markdown: a header row and its rule if the table has a header, then the rows. Empty rows are dropped."""
    header = _merged(grid.rows[: grid.header_count])
    lines = [_line(row) for row in grid.rows[grid.header_count :] if any(row)]
    if any(header):
        lines[:0] = [_line(header), "|" + " --- |" * len(header)]
    return "\n".join(lines)


def flat_table(grid: Grid) -> str:
    """One line for a table inside a table's cell: `Plan: Basic, Price: 10; Plan: Plus, Price: 13`."""
    header = _merged(grid.rows[: grid.header_count])
    lines = []
    for row in grid.rows[grid.header_count :]:
        labels = header + [""] * (len(row) - len(header))
        cells = [f"{label}: {text}" if label else text for label, text in zip(labels, row, strict=False) if text]
        if cells:
            lines.append(", ".join(cells))
    return "; ".join(lines)


def properties(grid: Grid) -> list[str]:
    """`name: value` for each property of a table that names them in its first column, or in its header row.

    Properties without a value are left out.
    """
    header = _merged(grid.rows[: grid.header_count])
    if len(header) > 1:
        pairs = [
            (name, value) for row in grid.rows[grid.header_count :] for name, value in zip(header, row, strict=False)
        ]
    else:
        pairs = [(row[0], " / ".join(dict.fromkeys(filter(None, row[1:])))) for row in grid.rows if row]
    return [f"{name}: {value}" if name else value for name, value in pairs if value]


class _Expander:
    """Places cells row by row. `_below`: column → the cell that reaches down into it, and for how many rows yet."""

    def __init__(self) -> None:
        self._below: dict[int, tuple[Cell, int]] = {}
        self._cell_count = 0

    def place(self, row: Sequence[Cell], *, rows_left: int) -> list[str]:
        """The texts of one row, by column."""
        placed = self._from_above()
        taken = frozenset(placed)
        column = 0
        for cell in row:
            while column in taken:
                column += 1
            self._put(cell, placed, column=column, rows_left=rows_left)
            column += self._columns(cell)
        self._cell_count += len(placed)
        return [placed.get(column, "") for column in range(max(placed, default=-1) + 1)]

    def _from_above(self) -> dict[int, str]:
        if self._cell_count > MOST_CELLS:
            self._below = {}
        reaching = self._below
        self._below = {column: (cell, left - 1) for column, (cell, left) in reaching.items() if left > 1}
        return {column: _repeated(cell.text) for column, (cell, _) in reaching.items()}

    def _put(self, cell: Cell, placed: dict[int, str], *, column: int, rows_left: int) -> None:
        placed[column] = cell.text
        rows_below = (min(cell.rows, rows_left) if cell.rows > 0 else rows_left) - 1
        for covered in range(column, column + self._columns(cell)):
            placed.setdefault(covered, _repeated(cell.text))
            if rows_below > 0:
                self._below[covered] = (cell, rows_below)

    def _columns(self, cell: Cell) -> int:
        return max(1, min(cell.columns, MOST_SPANNED_COLUMNS)) if self._cell_count <= MOST_CELLS else 1


def _repeated(text: str) -> str:
    return text if len(text) <= LONGEST_REPEATED else ""


def _merged(rows: Sequence[Sequence[str]]) -> list[str]:
    """Several header rows as one: `Price / net`."""
    width = max(map(len, rows), default=0)
    columns = [[row[column] for row in rows if column < len(row)] for column in range(width)]
    return [" / ".join(dict.fromkeys(filter(None, column))) for column in columns]


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in row) + " |"
