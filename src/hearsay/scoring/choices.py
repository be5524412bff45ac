"""How often a training on the demo chose a picture of what sounds: known there, and there alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.files import write_text

CHOICE_COLUMNS = ("epoch", "clip_id", "image")
COUNT_COLUMNS = (
    "dataset",
    "weights",
    "method",
    "seed",
    "epoch",
    "clips",
    "right",
    "expected",
    "possible",
    "telling_clips",
    "telling_right",
    "telling_expected",
)


def count_choices(
    choices: list[Path], facts: Path, dataset: str, weights: str, counts: Path
) -> None:
    """Count the right choices of every run and epoch, against the truth of the demo.

    A picture is right where it shows a class that sounds in its clip. A clip is telling where it
    has both right and wrong pictures: elsewhere any choice is as good.

    Writes one row a run and epoch, COUNT_COLUMNS: clips seen; right choices; expected, the exact
    expectation of a uniformly random choice among the same clips; possible, the clips with a
    right picture; and the first three for telling clips alone. A run that chose no single picture
    has no rows.

    Args:
        choices: `.../{method}/seed{seed}/{stage}/choices.parquet`: epoch, clip_id, image.
        facts: facts.parquet of the demo: kind (clip, image), id, clip_id, facts.
        dataset: name of the data set.
        weights: name of the frozen towers.
        counts: output, CSV.

    Raises:
        HearsayError: a file is absent, lacks columns, or names a clip or a picture without facts;
            or a path does not name method and seed.
    """
    clip_ids, is_right = read_right_pictures(facts)
    rows = []
    for path in sorted(Path(path) for path in choices):
        method, seed = _run_of(path)
        table = _read(path, CHOICE_COLUMNS, "train that run again")
        for epoch, own in table.groupby("epoch", sort=True):
            clips = clip_ids.get_indexer(own["clip_id"])
            images = own["image"].to_numpy()
            unknown = (clips < 0) | (images < 0) | (images >= is_right.shape[1])
            if unknown.any():
                wrong = own.iloc[int(np.argmax(unknown))]
                raise HearsayError(
                    f"{path}: {facts} knows no picture {wrong['image']} of clip "
                    f"{wrong['clip_id']}; train that run again on this demo"
                )
            names = {"dataset": dataset, "weights": weights, "method": method, "seed": seed}
            rows.append({**names, "epoch": epoch, **_count(is_right[clips], images)})
    table = pd.DataFrame(rows, columns=list(COUNT_COLUMNS))
    write_text(table.to_csv(index=False, lineterminator="\n", float_format="%.6f"), counts)


def read_right_pictures(facts: Path) -> tuple[pd.Index, NDArray[np.bool_]]:
    """Read which pictures show a class that sounds: clip ids [N], and bool [N, L].

    Raises:
        HearsayError: the file is absent, lacks columns, or a clip has not as many pictures as
            the others.
    """
    table = _read(facts, ("kind", "id", "clip_id", "facts"), "make the demo again")
    classes = table["facts"].map(lambda own: {fact for fact in own if ":" not in fact})
    sounding = dict(
        zip(
            table["clip_id"][table["kind"] == "clip"], classes[table["kind"] == "clip"], strict=True
        )
    )
    is_image = table["kind"] == "image"
    clips = table["clip_id"][is_image]
    right = [
        bool(shown & sounding.get(clip, set()))
        for clip, shown in zip(clips, classes[is_image], strict=True)
    ]
    wide = (
        pd.DataFrame(
            {
                "clip": clips,
                "image": table["id"][is_image].str.rsplit("#", n=1).str[-1].astype(int),
                "right": right,
            }
        )
        .pivot(index="clip", columns="image", values="right")
        .sort_index(axis=1)
    )
    if wide.empty or wide.isna().any().any() or list(wide.columns) != list(range(wide.shape[1])):
        raise HearsayError(
            f"{facts} has no pictures, or not the same number for every clip; make the demo again"
        )
    return wide.index, wide.to_numpy(dtype=bool)  # [N, L]


def _count(is_right: NDArray[np.bool_], images: NDArray[Any]) -> dict[str, float]:
    """Count one epoch: [N, L] of its clips, and the picture of each that was chosen, [N]."""
    chosen = is_right[np.arange(len(images)), images]  # [N]
    share = is_right.mean(axis=1)
    is_telling = (share > 0) & (share < 1)
    return {
        "clips": len(images),
        "right": int(chosen.sum()),
        "expected": float(share.sum()),
        "possible": int((share > 0).sum()),
        "telling_clips": int(is_telling.sum()),
        "telling_right": int(chosen[is_telling].sum()),
        "telling_expected": float(share[is_telling].sum()),
    }


def _run_of(path: Path) -> tuple[str, int]:
    seed, method = path.parent.parent.name, path.parent.parent.parent.name
    if not method or not seed.startswith("seed") or not seed[4:].isdigit():
        raise HearsayError(f"{path} is not of the form {{method}}/seed{{seed}}/{{stage}}/...")
    return method, int(seed[4:])


def _read(path: Path, columns: tuple[str, ...], remedy: str) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; {remedy}") from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise HearsayError(f"{path} lacks the columns {', '.join(missing)}; {remedy}")
    return table[list(columns)]
