"""How the retrieval tasks are laid out in tables and plots."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONTROLS = ("oracle",)
BEST_SUFFIX = "_best_val"
"""Ends the protocol of scores of the best epoch on val, where that is not the headline."""

HEADLINE_NOTE = "Headline weights: the last epoch, of frame-word alignment the best on val."

DATA_COLUMNS = ["dataset", "split", "subset", "availability"]  # the clips that were scored
ARROWS = {
    "audio_to_text": "A→T",
    "text_to_audio": "T→A",
    "audio_to_image": "A→I",
    "image_to_audio": "I→A",
}
METRIC_NAMES = {"median_rank": "median rank"}


@dataclass(frozen=True)
class RetrievalTask:
    """How the table of one task is laid out.

    Attributes:
        number: of the table in Tsubaki et al. 2024.
        name: in words.
        stage: the stage whose models the table is about; other stages follow in a block.
        directions: in the paper's order.
        protocols: the headline first.
        metrics: the columns of each table of a protocol, one tuple a table.
    """

    number: str
    name: str
    stage: str
    directions: tuple[str, str]
    protocols: tuple[str, ...]
    metrics: tuple[tuple[str, ...], ...]


TASKS = {
    "audio_image_retrieval": RetrievalTask(
        number="III",
        name="audio-image retrieval",
        stage="audio_image",
        directions=("audio_to_image", "image_to_audio"),
        protocols=("second_image", "mean_image", "max_image", "flat_images"),
        metrics=(("R@1", "R@5", "R@10"),),
    ),
    "audio_text_retrieval": RetrievalTask(
        number="IV",
        name="audio-text retrieval",
        stage="audio_text",
        directions=("text_to_audio", "audio_to_text"),
        protocols=("full_gallery",),
        metrics=(("R@1", "R@5", "R@10"), ("median_rank", "mAP@10")),
    ),
}


def in_order(names: Iterable[str], methods: Sequence[str]) -> list[str]:
    """Order names as `methods` has them; those not among them follow, alphabetically.

    >>> in_order(["b", "c", "a"], ["c"])
    ['c', 'a', 'b']
    """
    places = {name: place for place, name in enumerate(methods)}
    return sorted(set(names), key=lambda name: (places.get(name, len(places)), name))
