"""How many words of the captions have no vector, per data set and split."""

from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import read_json
from hearsay.report.markup import Block, Column, TextTable, write_tables

KINDS = ("captions", "phrases")


def make_table_words(summaries: list[Path], csv: Path, markdown: Path, latex: Path) -> None:
    """Write words, unknown words and the captions that each mode can use, per split.

    Args:
        summaries: word_embeddings.json of each data set.
        csv: one row a split.
        markdown: for reading; more tables name the unknown words, and the captions without a
            known one.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong, or two describe the same data set.
    """
    words = read_summaries(summaries)
    table = _tidy(words)
    tables = [_counts(table), *_unknown(words), *_without_known_words(words)]
    write_tables(table, tables, csv, markdown, latex)


def read_summaries(paths: list[Path]) -> list[dict[str, Any]]:
    """Read word_embeddings.json files, sorted by data set.

    Raises:
        HearsayError: there is none, a file is absent or wrong, or two describe one data set.
    """
    if not paths:
        raise HearsayError("no word_embeddings.json given; name at least one data set")
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(Path(path) for path in paths):
        summary = read_json(path)
        try:
            _tidy([summary])
            dataset = str(summary["dataset"])
            list(summary["unknown"]), list(summary["without_known_words"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise HearsayError(
                f"{path} is no summary of word vectors ({error!r}); run embed_words again"
            ) from error
        if dataset in found:
            raise HearsayError(f"{path} describes {dataset}, as another file does; remove one")
        found[dataset] = summary
    return [found[dataset] for dataset in sorted(found)]


def _tidy(summaries: list[dict[str, Any]]) -> pd.DataFrame:
    """Return one row a split; *_paper and *_skip count what a mode of unknown words can use."""
    rows = []
    for summary in summaries:
        for split, counts in summary["splits"].items():
            row = {
                "dataset": summary["dataset"],
                "split": split,
                "vectors": summary["vectors"],
                "trained_on": summary["trained_on"] or "",
                "dimensions": int(summary["dimensions"]),
                "mean_cosine": float(summary["mean_cosine"]),
                "tokens": int(counts["tokens"]),
                "unknown_tokens": int(counts["unknown_tokens"]),
                "words": int(counts["words"]),
                "unknown_words": int(counts["unknown_words"]),
            }
            for kind in KINDS:
                listed = int(counts[kind]["listed"])
                paper = listed - int(counts[kind]["without_words"])
                row[kind] = listed
                row[f"{kind}_paper"] = paper
                row[f"{kind}_skip"] = paper - int(counts[kind]["only_unknown"])
            rows.append(row)
    return pd.DataFrame(rows)


def _counts(table: pd.DataFrame) -> TextTable:
    rows = [
        [
            row["dataset"],
            row["split"],
            row["vectors"],
            f"{row['tokens']:,}",
            _percent(row["unknown_tokens"], row["tokens"]),
            f"{row['words']:,}",
            f"{row['unknown_words']:,}",
            *(
                f"{row[name]:,}"
                for kind in KINDS
                for name in (kind, f"{kind}_paper", f"{kind}_skip")
            ),
        ]
        for row in table.to_dict("records")
    ]
    return TextTable(
        number="Words",
        title="words of the captions, and those without a vector",
        label="tab:words",
        columns=[
            Column("data set", is_number=False),
            Column("split", is_number=False),
            Column("vectors", is_number=False),
            Column("all", "tokens"),
            Column("unknown, %", "tokens"),
            Column("distinct", "words"),
            Column("unknown", "words"),
            *(Column(name, kind) for kind in KINDS for name in ("listed", "paper", "skip")),
        ],
        blocks=[Block(rows)],
        above=[_spread(table)],
        below=[
            "Unknown: the vectors hold the word neither as it is written nor in lower case.",
            "Mode paper: all unknown words share one random vector; left out is only a caption or "
            "phrase without any word. Mode skip: unknown words leave the mean; what has no known "
            "word is left out.",
        ],
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "–"


def _spread(table: pd.DataFrame) -> str:
    firsts = table.drop_duplicates("dataset").to_dict("records")
    return " ".join(
        f"{row['vectors']}: {row['dimensions']} dimensions, "
        + (f"trained on the train captions of {row['trained_on']}, " if row["trained_on"] else "")
        + f"mean cosine between distinct words of {row['dataset']} {row['mean_cosine']:.2f}."
        for row in firsts
    )


def _unknown(summaries: list[dict[str, Any]]) -> list[TextTable]:
    """Name the most frequent unknown words; no table where there is none."""
    rows = [
        [summary["dataset"], row["word"], f"{row['count']:,}"]
        for summary in summaries
        for row in summary["unknown"]
    ]
    if not rows:
        return []
    return [
        TextTable(
            number="Words, continued",
            title="the most frequent unknown words",
            label="tab:words-unknown",
            columns=[
                Column("data set", is_number=False),
                Column("word", is_number=False),
                Column("in captions"),
            ],
            blocks=[Block(rows)],
        )
    ]


def _without_known_words(summaries: list[dict[str, Any]]) -> list[TextTable]:
    """Name captions that mode skip leaves out; no table where there is none."""
    rows = [
        [summary["dataset"], row["split"], row["caption_id"], row["text"]]
        for summary in summaries
        for row in summary["without_known_words"]
    ]
    if not rows:
        return []
    names = ("data set", "split", "caption", "text")
    return [
        TextTable(
            number="Words, continued",
            title="captions without a known word",
            label="tab:words-captions",
            columns=[Column(name, is_number=False) for name in names],
            blocks=[Block(rows)],
            above=["The first of each data set; mode skip leaves all of them out."],
        )
    ]
