"""The same table as Markdown and as LaTeX (booktabs, graphicx)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import write_text

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "−": "$-$",
    "≈": r"$\approx$",
    "×": r"$\times$",
    "†": r"\textsuperscript{\dag}",
    "‡": r"\textsuperscript{\ddag}",
    "§": r"\S{}",
    "–": "--",
    "·": r"$\cdot$",
}
OVER_SEEDS = {"std": "std_over_seeds", "standard_error": "standard_error_over_seeds"}
"""Columns of a CSV that say what they spread over; ci_low and ci_high are over clips."""
_MARKDOWN = {"\\": "\\\\", "|": "\\|", "*": "\\*", "<": "&lt;", "`": "\\`"}


@dataclass(frozen=True)
class Column:
    """A column: its name, and the group that its header spans, if any."""

    name: str
    group: str = ""
    is_number: bool = True


@dataclass(frozen=True)
class Block:
    """Rows that belong together, under an optional heading; rules divide blocks."""

    rows: list[list[str]]
    heading: str = ""


@dataclass(frozen=True)
class TextTable:
    """A table ready to be written: every cell is text, without any markup.

    The number, e.g. "Table IV", is for Markdown alone: LaTeX counts its own tables.
    """

    number: str
    title: str
    label: str
    columns: list[Column]
    blocks: list[Block]
    above: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse ragged rows, and a ± of which nothing says what it is.

        Raises:
            HearsayError: a row has not one cell a column, or there is a ± and no line above or
                below the table that names its standard deviation.
        """
        for block in self.blocks:
            for row in block.rows:
                if len(row) != len(self.columns):
                    raise HearsayError(
                        f"{self.title}: a row has {len(row)} cells for {len(self.columns)} columns"
                    )
        cells = [cell for block in self.blocks for row in block.rows for cell in row]
        has_spread = any("±" in text for text in (*(c.name for c in self.columns), *cells))
        lines = (*self.above, *self.below)
        if has_spread and not any("±" in line and "standard deviation" in line for line in lines):
            raise HearsayError(
                f"{self.title}: the table has a ± and does not say which standard deviation it is; "
                "name it in a line above or below"
            )


def escape_latex(text: str) -> str:
    """Escape text for LaTeX, and turn the few symbols of our tables into commands.

    >>> escape_latex("vip_ant: 5 %")
    'vip\\\\_ant: 5 \\\\%'
    """
    return "".join(_LATEX.get(letter, letter) for letter in text)


def escape_markdown(text: str) -> str:
    """Escape what would break a cell or become markup."""
    return "".join(_MARKDOWN.get(letter, letter) for letter in text)


def write_tables(
    numbers: pd.DataFrame, tables: Sequence[TextTable], csv: Path, markdown: Path, latex: Path
) -> None:
    """Write a table's numbers and its two layouts, each file atomically.

    Args:
        numbers: to the CSV, one row a number.
        tables: to both layouts.
        csv: for programs.
        markdown: for reading.
        latex: for a paper.
    """
    named = numbers.rename(columns=OVER_SEEDS)
    write_text(named.to_csv(index=False, lineterminator="\n"), csv)
    write_layouts(tables, markdown, latex)


def write_layouts(tables: Sequence[TextTable], markdown: Path, latex: Path) -> None:
    """Write tables for reading and for a paper."""
    write_text(to_markdown(tables), markdown)
    write_text(to_latex(tables), latex)


def to_markdown(tables: Sequence[TextTable]) -> str:
    """Render tables as GitHub Markdown, padded so that the source reads well too."""
    return "\n".join(_markdown_table(table) for table in tables)


def to_latex(tables: Sequence[TextTable]) -> str:
    """Render tables as LaTeX floats, narrowed to the line where they are too wide.

    They need the packages booktabs and graphicx.
    """
    return (
        r"% \usepackage{booktabs,graphicx}"
        + "\n"
        + "\n".join(_latex_table(table) for table in tables)
    )


def _markdown_table(table: TextTable) -> str:
    names = [f"{column.group} {column.name}".strip() for column in table.columns]
    lines = [[escape_markdown(name) for name in names]]
    for block in table.blocks:
        if block.heading:
            lines.append([f"*{escape_markdown(block.heading)}*"] + [""] * (len(names) - 1))
        lines.extend([escape_markdown(cell) for cell in row] for row in block.rows)
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(names))]
    rule = [
        "-" * (width - 1) + ":" if column.is_number else "-" * width
        for width, column in zip(widths, table.columns, strict=True)
    ]
    body = [
        "| "
        + " | ".join(
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(line, widths, table.columns, strict=True)
        )
        + " |"
        for line in [lines[0], rule, *lines[1:]]
    ]
    above = "".join(f"{escape_markdown(line)}\n\n" for line in table.above)
    below = "".join(f"\n{escape_markdown(line)}\n" for line in table.below)
    title = escape_markdown(f"{table.number}: {table.title}")
    return f"### {title}\n\n{above}" + "\n".join(body) + f"\n{below}"


def _latex_table(table: TextTable) -> str:
    spans = [
        (group, len(list(members)))
        for group, members in groupby(table.columns, key=lambda column: column.group)
    ]
    alignment = "".join("r" if column.is_number else "l" for column in table.columns)
    lines = [
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{escape_latex(' '.join([_sentence(table.title), *table.above]))}}}",
        rf"\label{{{table.label}}}",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
    ]
    if any(group for group, _ in spans):
        lines += _latex_groups(spans)
    lines.append(_latex_row([column.name for column in table.columns]))
    for block in table.blocks:
        lines.append(r"\midrule")
        if block.heading:
            heading = escape_latex(block.heading)
            lines.append(
                rf"\multicolumn{{{len(table.columns)}}}{{@{{}}l}}{{\emph{{{heading}}}}} \\"
            )
        lines += [_latex_row(row) for row in block.rows]
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if table.below:
        notes = r" \\ ".join(escape_latex(line) for line in table.below)
        lines += [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\scriptsize {notes}}}"]
    return "\n".join([*lines, r"\end{table}", ""])


def _sentence(title: str) -> str:
    return f"{title[:1].upper()}{title[1:]}."


def _latex_groups(spans: list[tuple[str, int]]) -> list[str]:
    """Render the header line of spanning groups, and the rules under them."""
    cells, rules, first = [], [], 1
    for group, width in spans:
        if group:
            cells.append(rf"\multicolumn{{{width}}}{{c}}{{{escape_latex(group)}}}")
            rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
        else:
            cells += [""] * width
        first += width
    return [" & ".join(cells) + r" \\", "".join(rules)]


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(escape_latex(cell) for cell in cells) + r" \\"
