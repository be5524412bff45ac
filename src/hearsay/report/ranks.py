"""The ranks behind the scores: one value a query, read beside scores.json."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.retrieval import STATISTICS, values_of_ranks
from hearsay.scoring.candidates import PROTOCOL as CANDIDATES
from hearsay.scoring.records import RANK_COLUMNS, Record, read_scores

TOLERANCE = 1e-9  # between a score and the same number from its ranks


class Setting(NamedTuple):
    """What two methods must have in common to be compared."""

    dataset: str
    split: str
    subset: str
    availability: str
    task: str
    protocol: str
    stage: str
    weights: str
    direction: str


@dataclass(frozen=True, eq=False)
class Queries:
    """Who asks, and the clip of each: [Q] and [Q]. Equal queries are one object."""

    query_ids: pa.Array
    clip_ids: pa.Array


@dataclass(frozen=True, eq=False)
class Ranked:
    """What one run answered in one setting.

    Attributes:
        method: of the run.
        seed: of the run.
        num_candidates: among which it ranked.
        path: the ranks.parquet that it comes from.
        queries: shared by all that were asked the same.
        values: metric -> [Q], in the order of the queries; see `values_of_ranks`.
    """

    method: str
    seed: int
    num_candidates: int
    path: Path
    queries: Queries
    values: dict[str, NDArray[np.float64]]


class RankReader:
    """Reads ranks.parquet files, and keeps one copy of the queries that they share."""

    def __init__(self) -> None:
        self.known: list[tuple[Queries, Path]] = []
        self.of_setting: dict[tuple[str, ...], tuple[Queries, Path]] = {}

    def read(self, scores: Path) -> Iterator[tuple[Setting, Ranked]]:
        """Read what a run answered, setting by setting.

        Args:
            scores: scores.json; ranks.parquet lies beside it.

        Raises:
            HearsayError: a file is absent or wrong, the two do not belong together, or the
                queries are not those of another run on the same clips.
        """
        path = Path(scores).with_name("ranks.parquet")
        table = _read_table(path)
        groups = _rows_by_direction(table)
        ranks = table["rank"].to_numpy()
        precision = table["average_precision_at_10"].to_numpy()
        for setting, records in _by_setting(read_scores(scores)).items():
            rows = groups.get((setting.task, setting.protocol, setting.direction))
            record = records[0]
            found = 0 if rows is None else len(rows)
            if rows is None or found != record["num_queries"]:
                difference = f"{found} queries instead of {record['num_queries']}"
                raise _misfit(path, scores, setting, difference)
            queries, order = self._share(setting, _queries(table, rows), path)
            values = values_of_ranks(ranks[rows][order], precision[rows][order])
            for own in records:
                metric = own["metric"]
                value = STATISTICS[metric](values[metric])
                if abs(value - own["value"]) > TOLERANCE:
                    difference = f"{metric} {value:.6g} instead of {own['value']:.6g}"
                    raise _misfit(path, scores, setting, difference)
            yield (
                setting,
                Ranked(
                    record["method"],
                    record["seed"],
                    record["num_candidates"],
                    path,
                    queries,
                    values,
                ),
            )

    def _share(
        self, setting: Setting, own: Queries, path: Path
    ) -> tuple[Queries, NDArray[np.int64] | slice]:
        """Return the queries of the setting's first run, and the order that takes `own` there."""
        key = (*setting[:5], setting.direction)  # the data, the task and who asks
        if key not in self.of_setting:
            same = [known for known in self.known if _equal(known[0], own)]
            if not same:
                self.known.append((own, path))
            self.of_setting[key] = same[0] if same else (own, path)
        shared, first = self.of_setting[key]
        if _equal(shared, own):
            return shared, slice(None)
        places = pc.index_in(shared.query_ids, value_set=own.query_ids)
        if len(shared.query_ids) != len(own.query_ids) or places.null_count:
            raise HearsayError(
                f"{path} and {first} rank different queries of {setting.task}, "
                f"{setting.direction}; score both runs on the same clips"
            )
        return shared, places.to_numpy()


def _read_table(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path, read_dictionary=["task", "protocol", "direction"])
    except FileNotFoundError:
        raise HearsayError(
            f"{path} does not exist; it is written beside scores.json: score that run again"
        ) from None
    except pa.ArrowInvalid as error:
        raise HearsayError(f"{path} cannot be read ({error}); score that run again") from error
    missing = [column for column in RANK_COLUMNS if column not in table.column_names]
    if missing:
        raise HearsayError(f"{path} lacks the columns {', '.join(missing)}; score that run again")
    return table.combine_chunks()


def _rows_by_direction(table: pa.Table) -> dict[tuple[str, ...], NDArray[np.int64]]:
    """Return the rows of each (task, protocol, direction), in the order of the file."""
    names = ["task", "protocol", "direction"]
    groups = table.select(names).to_pandas().groupby(names, sort=False, observed=True).indices
    return {tuple(str(part) for part in key): np.sort(rows) for key, rows in groups.items()}


def _by_setting(records: list[Record]) -> dict[Setting, list[Record]]:
    """Group the records that are compared; the full gallery says more than drawn candidates."""
    groups: dict[Setting, list[Record]] = {}
    for record in records:
        if record["metric"] in STATISTICS and record["protocol"] != CANDIDATES:
            setting = Setting(*(record[name] for name in Setting._fields))
            groups.setdefault(setting, []).append(record)
    return groups


def _queries(table: pa.Table, rows: NDArray[np.int64]) -> Queries:
    indices = pa.array(rows)
    return Queries(*(_one(table[name].take(indices)) for name in ("query_id", "clip_id")))


def _one(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


def _equal(first: Queries, second: Queries) -> bool:
    return bool(
        first is second
        or (first.query_ids.equals(second.query_ids) and first.clip_ids.equals(second.clip_ids))
    )


def _misfit(path: Path, scores: Path, setting: Setting, difference: str) -> HearsayError:
    return HearsayError(
        f"{path} does not belong to {scores}: {setting.protocol}, {setting.direction} gives "
        f"{difference}; score that run again"
    )
