"""What became of the clips of each data set and split, as availability.json says."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hearsay.errors import HearsayError
from hearsay.files import read_json

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class SplitCounts:
    """The clips of one split of one data set.

    Attributes:
        dataset: its name.
        split: its name.
        listed: clips of the index.
        excluded: those that are not to be used, since another data set tests on their videos.
        fetched: those whose media lie here.
        found: those that are decoded too, so that they take part in training or scoring.
        fingerprint: of the ids of those found.
        reasons: status -> clips, of all that are not found; `excluded` is one of them.
    """

    dataset: str
    split: str
    listed: int
    excluded: int
    fetched: int
    found: int
    fingerprint: str
    reasons: dict[str, int]

    @property
    def wanted(self) -> int:
        """Clips that could be found: those listed but for those excluded."""
        return self.listed - self.excluded


def read_availability(paths: Sequence[Path]) -> list[SplitCounts]:
    """Read availability.json files: by data set in the order of the names, then train, val, test.

    Raises:
        HearsayError: there is none, a file is absent or wrong, or two describe one data set.
    """
    origin: dict[str, Path] = {}
    found: dict[str, list[SplitCounts]] = {}
    for path in sorted(Path(path) for path in paths):
        summary = read_json(path)
        try:
            dataset = str(summary["dataset"])
            splits = [
                _read_split(dataset, split, summary["splits"][split])
                for split in sorted(summary["splits"], key=_place)
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise HearsayError(
                f"{path} is no availability summary ({error!r}); run collect_availability again"
            ) from error
        if dataset in origin:
            raise HearsayError(
                f"{path} and {origin[dataset]} both describe the data set {dataset}; remove one"
            )
        origin[dataset], found[dataset] = path, splits
    if not found:
        raise HearsayError("no availability.json given; name at least one data set")
    return [counts for dataset in sorted(found) for counts in found[dataset]]


def total_reasons(splits: Iterable[SplitCounts]) -> dict[str, int]:
    """Count each reason over all splits, the most frequent first."""
    total: Counter[str] = Counter()
    for counts in splits:
        total.update(counts.reasons)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _place(split: str) -> tuple[int, str]:
    return (SPLITS.index(split) if split in SPLITS else len(SPLITS), split)


def _read_split(dataset: str, split: str, counts: dict[str, Any]) -> SplitCounts:
    """Read one split; a ValueError where its numbers do not add up."""
    listed, excluded = int(counts["listed"]), int(counts["excluded"])
    fetched, found = int(counts["fetched"]), int(counts["available"])
    reasons = {str(name): int(count) for name, count in counts["reasons"].items() if int(count)}
    if sum(reasons.values()) != listed - found or not found <= fetched <= listed - excluded:
        raise ValueError(f"the counts of split {split} do not add up")
    fingerprint = str(counts["fingerprint"])
    return SplitCounts(dataset, split, listed, excluded, fetched, found, fingerprint, reasons)
