import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hearsay.clips.retry import retry_clips
from hearsay.clips.status import (
    FETCH_SCHEMA,
    FETCH_STATUSES,
    PASSING_FETCH_STATUSES,
    PERMANENT_FETCH_STATUSES,
)
from hearsay.commands import by_hand
from hearsay.errors import HearsayError
from hearsay.layout import read_mark

SHARDS = {
    "audioset/clips/00000": ["ok", "network", "removed", "network"],
    "audioset/clips/00001": ["ok", "removed", "excluded"],
    "audioset/clips/00002": ["forbidden", "age_restricted"],
    "audiocaps/clips/00000": ["unknown", "live"],
    "audiocaps/clips/00001": ["ok", "ok"],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of two data sets, with media, journals and tables of later stages beside."""
    for name, statuses in SHARDS.items():
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text("{}\n")
        (folder / "clip.mp4").write_bytes(b"media")
        rows = {field.name: [None] * len(statuses) for field in FETCH_SCHEMA}
        pq.write_table(
            pa.table({**rows, "status": statuses}, schema=FETCH_SCHEMA),
            folder.with_name(f"{folder.name}.status.parquet"),
        )
        decode = folder.parents[1] / "decode"
        decode.mkdir(exist_ok=True)
        (decode / f"{folder.name}.status.parquet").write_bytes(b"decoded")
    return tmp_path


def files(data: Path) -> set[str]:
    return {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}


def marked(data: Path) -> set[str]:
    return {str(path.relative_to(data)) for path in data.rglob("*.retry")}


def test_only_shards_with_passing_failures_are_marked(data: Path) -> None:
    before = files(data)
    counts = retry_clips(data, None, dry_run=False)
    assert counts == {
        ("audioset", "network"): 2,
        ("audioset", "forbidden"): 1,
        ("audiocaps", "unknown"): 1,
        ("audiocaps", "live"): 1,
    }
    shards = {"audioset/clips/00000", "audioset/clips/00002", "audiocaps/clips/00000"}
    assert marked(data) == {f"{shard}.retry" for shard in shards}
    assert files(data) - marked(data) == before


def test_each_mark_is_another(data: Path) -> None:
    table = data / "audiocaps" / "clips" / "00000.status.parquet"
    marks = [read_mark(table)]
    for _ in range(2):
        retry_clips(data, None, dry_run=False)
        marks.append(read_mark(table))
    assert marks[0] == ""
    assert len(set(marks)) == 3


def test_a_dry_run_counts_alone(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = files(data)
    with caplog.at_level("INFO"):
        counts = retry_clips(data, None, dry_run=True)
    assert counts.total() == 5
    assert files(data) == before
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == "audiocaps: 1 live"
    assert told[-1] == "audioset: the next start of the workflow would look through 2 shards again"


def test_a_shard_that_was_begun_and_has_no_table_is_told_and_gone_on_with(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data / "audiocaps" / "clips" / "00001.status.parquet").unlink()
    for shard in ("00000", "00001", "00002"):
        (data / "audioset" / "clips" / f"{shard}.status.parquet").unlink()
    with caplog.at_level("INFO"):
        retry_clips(data, ["forbidden"], dry_run=False)
    begun = "shards were begun and have no status table; the next start goes on with them"
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"audiocaps: 1 {begun}", f"audioset: 3 {begun}"]
    assert marked(data) == set()
    (data / "audiocaps" / "clips" / "00000.status.parquet").unlink()
    assert retry_clips(data, None, dry_run=False) == {}, "no table is left, and that is no error"


def test_statuses_restrict_and_may_be_permanent_ones(data: Path) -> None:
    assert retry_clips(data, ["live", "age_restricted"], dry_run=False).total() == 2
    assert marked(data) == {"audiocaps/clips/00000.retry", "audioset/clips/00002.retry"}


@pytest.mark.parametrize("status", ["ok", "excluded", "netwrok"])
def test_a_status_that_is_no_failure_is_refused(status: str, data: Path) -> None:
    before = files(data)
    with pytest.raises(HearsayError, match=f"'{status}' is no status of a clip that failed; known"):
        retry_clips(data, ["network", status], dry_run=False)
    assert files(data) == before


def test_what_decoding_left_out_is_not_asked_for_again(data: Path) -> None:
    before = files(data)
    with pytest.raises(HearsayError, match="'silent' is what decoding says of media that are"):
        retry_clips(data, ["network", "silent"], dry_run=False)
    assert files(data) == before


def test_a_folder_without_tables_and_a_broken_table_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="no status table of fetched clips below .*audioset"):
        retry_clips(data / "audioset", None, dry_run=False)
    (data / "audioset" / "clips" / "00001.status.parquet").write_bytes(b"no table")
    with pytest.raises(HearsayError, match=r"00001.status.parquet cannot be read: .*; remove it"):
        retry_clips(data, None, dry_run=True)


def test_every_failure_is_either_permanent_or_passing() -> None:
    failed = set(FETCH_STATUSES) - {"ok", "excluded"}
    assert failed == PASSING_FETCH_STATUSES | PERMANENT_FETCH_STATUSES
    assert not PASSING_FETCH_STATUSES & PERMANENT_FETCH_STATUSES


def test_the_config_of_a_run_says_where_its_data_lie(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    (run / "results").mkdir(parents=True)
    (run / "results" / "mine").mkdir()
    (run / "config.yaml").write_text("pathvars: {}\n")
    (run / "mine.yaml").write_text("pathvars: {results: results/mine}\n")
    shutil.copytree(data / "audiocaps", run / "results" / "mine" / "data" / "audiocaps")
    monkeypatch.chdir(run)
    by_hand.retry_clips([Path("mine.yaml")], None, None, None)
    assert marked(run) == {"results/mine/data/audiocaps/clips/00000.retry"}
    with pytest.raises(HearsayError, match="no status table of fetched clips below results/data"):
        by_hand.retry_clips(None, None, None, None)
