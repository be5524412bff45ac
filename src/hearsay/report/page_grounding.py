"""An index of all test clips of one run: each phrase's score over time with its labels, as HTML."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from hearsay.files import write_text
from hearsay.report.alignment import (
    AlignedClip,
    AlignedPhrase,
    AlignedRun,
    choose_clips,
    read_alignment,
)

POINTS = 500_000  # of all lines together: about 3 MB
MOST_POINTS = 120  # of a line that is 400 pixels wide
FEWEST_POINTS = 20
HEIGHT = 100  # of a line, in its own units


def make_page_grounding(
    frames: Path, queries: Path, captions: Path, dataset: str, page: Path
) -> None:
    """Write one HTML file that shows how a run grounded every phrase of the test clips.

    It needs no other file and no network. Clips stand in the order of their ids; where scripts
    are allowed they can be sorted by F1 and searched.

    Args:
        frames: frames.parquet of the run.
        queries: queries.parquet of the same run.
        captions: index captions.parquet.
        dataset: its name.
        page: output.

    Raises:
        HearsayError: a file is absent or wrong.
    """
    run = read_alignment(frames, queries, captions)
    environment = Environment(
        loader=PackageLoader("hearsay.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    template = environment.get_template("grounding.html.j2")
    write_text(template.render(_describe(run, dataset)), page)


def _describe(run: AlignedRun, dataset: str) -> Mapping[str, Any]:
    """Return what the template shows."""
    num_phrases = sum(len(phrases) for clip in run.clips for _, phrases in clip.captions)
    num_points = min(MOST_POINTS, max(FEWEST_POINTS, POINTS // num_phrases))
    chosen = {clip.clip_id: name for name, clip in choose_clips(run)}
    return {
        "dataset": dataset,
        "method": run.method,
        "seed": run.seed,
        "threshold": run.threshold,
        "f1": run.f1,
        "num_phrases": num_phrases,
        "num_points": num_points,
        "height": HEIGHT,
        "clips": [_clip(clip, num_points, chosen.get(clip.clip_id, "")) for clip in run.clips],
    }


def _clip(clip: AlignedClip, num_points: int, chosen: str) -> dict[str, Any]:
    return {
        "clip_id": clip.clip_id,
        "end_s": clip.end_s,
        "f1": clip.f1,
        "several_events": clip.several_events,
        "chosen": chosen,
        "captions": [
            (text, [_phrase(phrase, clip.end_s, num_points) for phrase in phrases])
            for text, phrases in clip.captions
        ],
    }


def _phrase(phrase: AlignedPhrase, end_s: float, num_points: int) -> dict[str, Any]:
    return {
        "words": phrase.words,
        "f1": phrase.f1,
        "is_constant": phrase.is_constant,
        "segments": [
            {"begin": 100 * onset / end_s, "width": 100 * (offset - onset) / end_s}
            | {"words": f"{onset:.2f} to {offset:.2f} s"}
            for onset, offset in phrase.segments_s
        ],
        "line": line_points(phrase.scores, num_points),
    }


def line_points(scores: NDArray[np.float64], num_points: int) -> str:
    """Return the points of a line, 100 wide and HEIGHT high, y downwards.

    Frames are averaged in as many blocks as there are points, where there are more; a block's
    point stands at the centre of its frames, the first and the last at the ends.

    >>> line_points(np.array([0.0, 0.5, 1.0]), 10)
    '0,100 50,50 100,0'
    """
    blocks = np.array_split(scores, min(num_points, len(scores)))
    starts = np.cumsum([0, *(len(block) for block in blocks[:-1])])
    centres = [start + (len(block) - 1) / 2 for start, block in zip(starts, blocks, strict=True)]
    centres[0], centres[-1] = 0.0, len(scores) - 1.0
    wide = max(len(scores) - 1, 1)
    return " ".join(
        f"{100 * centre / wide:.3g},{HEIGHT * (1 - block.mean()):.0f}"
        for centre, block in zip(centres, blocks, strict=True)
    )
