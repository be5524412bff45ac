"""The report: one page with every table and plot, the runs behind them, and examples to hear."""

import io
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from hearsay.errors import HearsayError
from hearsay.files import write_text
from hearsay.layout import DatasetFiles
from hearsay.pages.assets import page_environment
from hearsay.pages.media import data_address
from hearsay.report.availability import read_availability
from hearsay.report.markup_reader import read_markdown
from hearsay.report.page_activity import Activity, read_activity
from hearsay.report.page_clips import (
    LONGEST_S,
    add_activity,
    describe_clip,
    read_media,
    read_texts,
)
from hearsay.report.page_examples import KINDS, Example, choose_examples
from hearsay.report.page_runs import RUN_FIELDS, describe_curves, read_runs, split_row
from hearsay.report.plot_training import read_history
from hearsay.report.tasks import in_order

logger = logging.getLogger(__name__)

MOST_MEDIA_BYTES = 16_000_000  # of all examples' sounds and pictures, as they stand in the page
LARGE_PAGE_BYTES = 30_000_000
LARGE_PLOT_BYTES = 250_000  # above it a plot is shown as pixels
ALTERNATIVES = re.compile(r"\*\*(.+?)\*\*|\*(.+?)\*|``(.+?)``", re.S)  # of marked words in RST


def make_report_page(
    availability: Sequence[Path],
    tables: Sequence[Path],
    plots: Sequence[Path],
    captions: Sequence[Path],
    runs: Sequence[Path],
    hits: Sequence[Path],
    ranks: Sequence[Path],
    frames: Sequence[Path],
    queries: Sequence[Path],
    data: Path | None,
    title: str,
    methods: Sequence[str],
    grounding_page: Path | None,
    page: Path,
) -> None:
    """Write the report as one HTML file, which needs no network.

    Args:
        availability: availability.json of every data set.
        tables: CSV files, in order; of each the Markdown beside it is shown if there is one.
        plots: SVG files, in order, with a PNG beside each large one.
        captions: of plots, RST; one is taken whose name is the plot's or its beginning.
        runs: run.json of all runs, with history.parquet beside each.
        hits: hits.parquet of one run a method; none: no examples.
        ranks: ranks.parquet of the same runs.
        frames: frames.parquet of runs that ground phrases, one a method; none: no scores over time.
        queries: queries.parquet of the same groundings.
        data: folder of the data set whose captions ask; needed where there are hits.
        title: the data sets, in words.
        methods: their order.
        grounding_page: the page of all test clips, to link to.
        page: output.

    Raises:
        HearsayError: a file is absent or wrong.
    """
    values: dict[str, Any] = {  # what is read fast comes first, and with it most faults
        "title": title,
        "longest_s": LONGEST_S,
        "kinds": KINDS,
        "grounding_page": os.path.relpath(grounding_page, page.parent) if grounding_page else "",
        "tables": [_read_table(path, page) for path in tables],
        **_describe_runs(availability, runs, methods),
        "plots": [_read_plot(path, captions, page) for path in plots],
        "examples": None,
    }
    if hits and data is None:
        raise HearsayError("hits without the data set of their clips; name its folder by --data")
    if hits and data is not None:
        groundings = list(zip(frames, queries, strict=True))
        values |= describe_examples(hits, ranks, groundings, DatasetFiles.open(data), methods)
    text = page_environment("hearsay.report").get_template("report.html.j2").render(values)
    size = len(text.encode())
    if size > LARGE_PAGE_BYTES:  # no reason to fail at the end of a run of days
        logger.warning(
            "%s has %.0f MB and may open slowly; compare fewer methods in one config",
            page,
            size / 1e6,
        )
    write_text(text, page)


def _describe_runs(
    availability: Sequence[Path], paths: Sequence[Path], methods: Sequence[str]
) -> dict[str, Any]:
    """Return what ran on which clips, and how the trainings went."""
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped,unused-ignore]

    runs = read_runs(paths, methods)
    histories = [read_history(path.with_name("history.parquet")) for path in paths]
    return {
        "split_rows": [split_row(split) for split in read_availability(availability)],
        "runs": runs,
        "run_rows": [[run[field] for field in RUN_FIELDS] for run in runs],
        "all_versions": list(dict.fromkeys(run["versions"] for run in runs if run["versions"])),
        "num_runs": len(paths),
        "num_methods": len({run["method"] for run in runs}),
        "curves": describe_curves(histories, methods),
        "plotly": Markup(get_plotlyjs().replace("</script", r"<\/script")),
    }


def describe_examples(
    hits: Sequence[Path],
    ranks: Sequence[Path],
    groundings: Sequence[tuple[Path, Path]],
    data: DatasetFiles,
    methods: Sequence[str],
) -> dict[str, Any]:
    """Return the examples and the clips in them, each clip once, within MOST_MEDIA_BYTES.

    Returns:
        examples, clips, seed, shown_kinds and left_out: how many examples did not fit; nothing
        where no run was asked for captions.
    """
    chosen = choose_examples(hits, ranks, methods)
    if chosen is None:
        return {}
    texts = read_texts(data)
    asked = {one.clip_id: one.caption_id for one in chosen.shown}
    clips: dict[str, dict[str, Any]] = {}
    shown: list[Example] = []
    left = MOST_MEDIA_BYTES
    for example in chosen.shown:
        media = read_media(data, _clips_of(example) - set(clips))
        left -= sum(_size(one) for one in media.values())
        if left < 0 and shown:
            break
        for clip_id, own in media.items():
            clips[clip_id] = describe_clip(clip_id, own, texts, asked.get(clip_id))
        shown.append(example)
    heard = _hear(groundings, clips, methods)
    return {
        "examples": {
            "num_clips": chosen.num_clips,
            "counts": chosen.counts,
            "thresholds": {run.method: run.threshold for run in heard},
            "best": max(heard, key=lambda run: run.f1).method if heard else None,
            "shown": [_example(one, place, texts.captions) for place, one in enumerate(shown)],
        },
        "clips": [clips[clip_id] for clip_id in sorted(clips)],
        "seed": chosen.seed,
        "shown_kinds": {example.kind for example in shown},
        "left_out": len(chosen.shown) - len(shown),
    }


def _hear(
    groundings: Sequence[tuple[Path, Path]],
    clips: Mapping[str, dict[str, Any]],
    methods: Sequence[str],
) -> list[Activity]:
    """Add scores over time to the clips' phrases; return the runs, in the methods' order."""
    if not clips:
        return []
    runs = {run.method: run for run in (read_activity(*files, clips) for files in groundings)}
    heard = [runs[method] for method in in_order(runs, methods)]
    for clip in clips.values():
        add_activity(clip, heard)
    return heard


def _clips_of(example: Example) -> set[str]:
    found = {clip_id for one in example.found for clip_id, _, _ in one.hits}
    return {example.clip_id, *found}


def _size(media: Mapping[str, Any]) -> int:
    pictures = sum(len(picture["src"]) for picture in media["pictures"])
    return len(media["audio"]) + len(media["spectrogram"]["src"]) + pictures


def _example(
    example: Example, number: int, captions: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    return {
        "number": number,
        "kind": example.kind,
        "caption_id": example.caption_id,
        "clip_id": example.clip_id,
        "text": captions[example.clip_id][example.caption_id],
        "found": [
            {
                "system": one.system,
                "rank": one.rank,
                "hits": [[clip_id, round(score, 3), right] for clip_id, score, right in one.hits],
            }
            for one in example.found
        ],
    }


def _read_table(path: Path, page: Path) -> dict[str, Any]:
    """Read a table as its Markdown shows it, or else all its rows."""
    found = {"name": path.stem, "link": os.path.relpath(path, page.parent), "raw": None}
    markdown = path.with_suffix(".md")
    if markdown.exists():
        return {**found, "tables": read_markdown(markdown)}
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; make the table first") from None
    numbers = [pd.to_numeric(table[name], errors="coerce").notna().any() for name in table]
    raw = {
        "columns": table.columns.tolist(),
        "numeric": [bool(number) for number in numbers],
        "rows": table.to_numpy().tolist(),
    }
    return {**found, "tables": [], "raw": raw}


def _read_plot(path: Path, captions: Sequence[Path], page: Path) -> dict[str, Any]:
    """Read a plot: as SVG, or in 256 colours where that would be large; with its caption."""
    try:
        content, kind = path.read_bytes(), "image/svg+xml"
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; make the plot first") from None
    pixels = path.with_suffix(".png")
    if len(content) > LARGE_PLOT_BYTES and pixels.exists():
        from PIL import Image

        file = io.BytesIO()
        with Image.open(pixels) as image:
            image.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE).save(
                file, "PNG", optimize=True
            )
        if len(file.getvalue()) < len(content):
            content, kind = file.getvalue(), "image/png"
    named = [one for one in captions if f"{path.stem}_".startswith(f"{one.stem}_")]
    own = max(named, key=lambda one: len(one.stem), default=None)
    return {
        "name": path.stem,
        "src": data_address(content, kind),
        "link": os.path.relpath(path, page.parent),
        "caption": plain_paragraphs(own.read_text(encoding="utf-8")) if own else [],
    }


def plain_paragraphs(rst: str) -> list[str]:
    """Return the paragraphs of a caption without its marks of emphasis.

    >>> plain_paragraphs("**R@1** of *all*\\nruns\\n\\nNext.")
    ['R@1 of all runs', 'Next.']
    """
    plain = ALTERNATIVES.sub(lambda found: next(filter(None, found.groups())), rst)
    return [" ".join(part.split()) for part in plain.split("\n\n") if part.strip()]
