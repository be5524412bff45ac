"""Rows of a data set's own CSV, each with the place that a message names."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from hearsay.annotations.youtube import read_text
from hearsay.errors import HearsayError


def read_rows(path: Path, columns: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a CSV with exactly these columns: "file, line N" and the cells by name.

    Raises:
        HearsayError: the file is absent, not UTF-8, has another header or no rows, or a row has
            too few or too many cells or an empty one.
    """
    if not path.is_file():
        raise HearsayError(f"{path} does not exist; run the rule fetch_archive")
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
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
                require(bool(cell.strip()), where, name, cell, "is empty")
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
