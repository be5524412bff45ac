"""Tables read back from the Markdown that `markup` writes: what people see, cell by cell."""

from dataclasses import dataclass
from pathlib import Path

from hearsay.errors import HearsayError
from hearsay.report.markup import Block, Column

_UNESCAPED = {"&lt;": "<"}


@dataclass(frozen=True)
class ShownTable:
    """A table as its Markdown shows it: every cell is text, without any markup."""

    title: str
    columns: list[Column]
    blocks: list[Block]
    above: list[str]
    below: list[str]


def read_markdown(path: Path) -> list[ShownTable]:
    """Read all tables of a Markdown file of this project.

    Returns:
        tables whose title begins with their number, as in the heading; the groups of columns are
        part of their names.

    Raises:
        HearsayError: the file is absent or holds no table of ours.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; make the table first") from None
    parts = ("\n" + text).split("\n### ")
    if parts[0].strip() or len(parts) < 2:
        raise HearsayError(f"{path} is no table of this project; make it again")
    return [_read_table(part.splitlines(), path) for part in parts[1:]]


def _read_table(lines: list[str], path: Path) -> ShownTable:
    rows = [number for number, line in enumerate(lines) if line.startswith("|")]
    if len(rows) < 2:
        raise HearsayError(f"{path}: {lines[0]!r} has no rows; make the table again")
    first, last = rows[0], rows[-1]
    names = _cells(lines[first])
    kinds = [cell.endswith(":") for cell in _cells(lines[first + 1])]
    columns = [Column(name, is_number=kind) for name, kind in zip(names, kinds, strict=True)]
    return ShownTable(
        title=_plain(lines[0]),
        columns=columns,
        blocks=_blocks(lines[first + 2 : last + 1]),
        above=[_plain(line) for line in lines[1:first] if line.strip()],
        below=[_plain(line) for line in lines[last + 1 :] if line.strip()],
    )


def _blocks(lines: list[str]) -> list[Block]:
    """Divide rows at the headings, which stand in italics with nothing beside them."""
    blocks: list[Block] = []
    for line in lines:
        cells = _raw_cells(line)
        head = cells[0]
        if len(head) > 2 and head[0] == head[-1] == "*" and not any(cells[1:]):
            blocks.append(Block([], _plain(head[1:-1])))
            continue
        if not blocks:
            blocks.append(Block([]))
        blocks[-1].rows.append([_plain(cell) for cell in cells])
    return blocks


def _cells(line: str) -> list[str]:
    return [_plain(cell) for cell in _raw_cells(line)]


def _raw_cells(line: str) -> list[str]:
    """Divide a line at its bars, but for escaped ones."""
    cells, cell, signs = [], "", iter(line.strip()[1:])
    for sign in signs:
        if sign == "\\":
            cell += sign + next(signs, "")
        elif sign == "|":
            cells.append(cell.strip())
            cell = ""
        else:
            cell += sign
    return cells


def _plain(text: str) -> str:
    """Undo `escape_markdown`."""
    for sign, meant in _UNESCAPED.items():
        text = text.replace(sign, meant)
    plain, signs = "", iter(text)
    for sign in signs:
        plain += next(signs, "") if sign == "\\" else sign
    return plain
