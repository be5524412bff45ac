"""Rows of a data set's own CSV, each with the place that a message names."""

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path

from hearsay.annotations.text_file import read_text
from hearsay.errors import HearsayError


def read_rows(
    path: Path, columns: list[str], may_be_empty: Collection[str] = (), encoding: str = "utf-8"
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a CSV with exactly these columns: "file, line N" and the cells by name.

    Args:
        may_be_empty: columns whose cells may be so; the others hold more than spaces.

    Raises:
        HearsayError: the file is absent, in another encoding, has another header, or a row has
            too few or too many cells or an empty one.
    """
    reader = csv.reader(io.StringIO(read_text(path, encoding), newline=""), strict=True)
    try:
        header = next(reader, [])
        if header != columns:
            raise HearsayError(
                f"{path}, line 1: the columns are {','.join(header)!r}, not {','.join(columns)!r}; "
                "it may be of another version of the data set"
            )
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if len(cells) != len(columns):
                raise HearsayError(f"{where}: {len(cells)} cells for {len(columns)} columns")
            row = dict(zip(columns, cells, strict=True))
            for name, cell in row.items():
                filled = name in may_be_empty or bool(cell.strip())
                require(filled, where, name, cell, "is empty")
            yield where, row
    except csv.Error as error:
        raise HearsayError(f"{path}, line {reader.line_num}: no CSV ({error})") from error


def require(holds: bool, where: str, column: str, cell: str, rule: str) -> None:
    """Refuse a cell that breaks a rule.

    Raises:
        HearsayError: `holds` is false; place, column, cell and rule are named.
    """
    if not holds:
        raise HearsayError(f"{where}, column {column}: {cell!r} {rule}")
