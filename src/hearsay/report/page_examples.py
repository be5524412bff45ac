"""Which captions the report shows as examples, and what each system found for them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.tasks import in_order
from hearsay.scoring.hits import HIT_COLUMNS, NUM_HITS

KINDS = {
    "most": f"More than half of the systems have the right clip among their first {NUM_HITS}",
    "few": f"Some systems have the right clip among their first {NUM_HITS}, but no more than half",
    "none": f"No system has the right clip among its first {NUM_HITS}",
}
PER_KIND = 2
_RANK_COLUMNS = ("protocol", "direction", "query_id", "clip_id", "rank")


@dataclass(frozen=True)
class SystemHits:
    """What one run found for one caption.

    Attributes:
        system: the method.
        rank: of the right clip, ties against it.
        hits: (clip_id, score, is_right), best first.
    """

    system: str
    rank: int
    hits: list[tuple[str, float, bool]]


@dataclass(frozen=True)
class Example:
    """A caption as a query, with what every system found for it."""

    kind: str
    caption_id: str
    clip_id: str
    found: list[SystemHits]


@dataclass(frozen=True)
class Examples:
    """Captions to look at.

    Attributes:
        systems: their methods, in order.
        counts: captions of each kind of KINDS, drawn from.
        num_clips: in the gallery.
        seed: of the runs.
        shown: the examples; kinds in turn.
    """

    systems: list[str]
    counts: dict[str, int]
    num_clips: int
    seed: int
    shown: list[Example]


def choose_examples(
    hits: Sequence[Path], ranks: Sequence[Path], methods: Sequence[str], per_kind: int = PER_KIND
) -> Examples | None:
    """Draw captions of every kind of KINDS, of different clips; nobody picks them.

    Of each kind those captions are taken whose ids come first by their SHA-256, an order that
    knows nothing of scores or of the other captions.

    Args:
        hits: hits.parquet of one run a method.
        ranks: ranks.parquet of the same runs.
        methods: their order.
        per_kind: captions of each kind, fewer where there are fewer.

    Returns:
        None where no run could be asked for a caption.

    Raises:
        HearsayError: a file is absent or wrong, the files are not of the same runs, or two runs
            have one method.
    """
    found, places = _read_runs(hits, ranks)
    if not found:
        return None
    systems = in_order(found, methods)
    common = set.intersection(*(set(of_run.index) for of_run in places.values()))
    within = {
        caption: sum(int(places[name].at[caption, "rank"]) <= NUM_HITS for name in systems)
        for caption in sorted(common)
    }
    owners = places[systems[0]]["clip_id"]
    by_kind: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for caption, number in within.items():
        # Not "all": one system at chance among many would leave nothing to show.
        kind = "most" if 2 * number > len(systems) else "few" if number else "none"
        by_kind[kind].append(caption)
    drawn = _draw(by_kind, owners, per_kind)
    return Examples(
        systems=systems,
        counts={kind: len(captions) for kind, captions in by_kind.items()},
        num_clips=owners.nunique(),
        seed=int(found[systems[0]]["seed"].iloc[0]),
        shown=[
            Example(
                kind,
                caption,
                str(owners[caption]),
                [_of_run(name, caption, found[name], places[name]) for name in systems],
            )
            for kind, caption in drawn
        ],
    )


def _draw(by_kind: dict[str, list[str]], owners: pd.Series, per_kind: int) -> list[tuple[str, str]]:
    """Take captions in the order of their hashes, kinds in turn, each clip once."""
    queues = {kind: sorted(captions, key=_hash) for kind, captions in by_kind.items()}
    drawn: list[tuple[str, str]] = []
    used: set[str] = set()
    for _ in range(per_kind):
        for kind, queue in queues.items():
            fresh = [caption for caption in queue if owners[caption] not in used]
            if fresh:
                drawn.append((kind, fresh[0]))
                used.add(owners[fresh[0]])
    return drawn


def _hash(caption: str) -> str:
    return hashlib.sha256(caption.encode()).hexdigest()


def _of_run(system: str, caption: str, found: pd.DataFrame, places: pd.DataFrame) -> SystemHits:
    own = found.loc[[caption]].sort_values("place")
    return SystemHits(
        system,
        int(places.at[caption, "rank"]),
        [
            (str(clip_id), float(score), bool(is_right))
            for clip_id, score, is_right in zip(
                own["clip_id"], own["score"], own["is_right"], strict=True
            )
        ],
    )


def _read_runs(
    hits: Sequence[Path], ranks: Sequence[Path]
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Read hits and ranks (text to audio, full gallery) of runs by method, by caption."""
    found: dict[str, pd.DataFrame] = {}
    places: dict[str, pd.DataFrame] = {}
    for path, beside in zip(hits, ranks, strict=True):
        table = _read_table(path, HIT_COLUMNS)
        if table.empty:  # a run of which captions could not be asked
            continue
        names = table["method"].unique()
        if len(names) != 1 or names[0] in found:
            raise HearsayError(f"{path} must be of one method, and of one that no other file has")
        own = _read_table(beside, _RANK_COLUMNS)
        own = own[(own["protocol"] == "full_gallery") & (own["direction"] == "text_to_audio")]
        if set(own["query_id"]) != set(table["query_id"]):
            raise HearsayError(f"{path} and {beside} are not of one run; score the run again")
        name = str(names[0])
        found[name] = table.set_index("query_id").sort_index()
        places[name] = own.set_index("query_id")
    return found, places


def _read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, columns=list(columns))
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; score its run first") from None
    except (OSError, ValueError) as error:
        raise HearsayError(f"{path} cannot be read ({error}); score its run again") from error
