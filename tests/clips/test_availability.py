"""What became of every clip of the index."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from hearsay.clips.availability import (
    check_missing,
    collect_availability,
    fingerprint,
)
from hearsay.errors import HearsayError

SPLITS = {"a": "train", "b": "train", "c": "train", "d": "test", "e": "test"}
FETCHED = [{"a": "ok", "b": "removed", "c": "ok"}, {"d": "ok", "e": "ok"}]
DECODED = [{"a": "ok", "b": "not_fetched", "c": "silent"}, {"d": "ok", "e": "ok"}]


NO_LIMIT = {"train": None, "val": None, "test": None}


def collect(folder: Path, fetched=FETCHED, decoded=DECODED, max_missing=NO_LIMIT):
    folder.mkdir(exist_ok=True)
    index = pd.DataFrame({"clip_id": list(SPLITS), "split": list(SPLITS.values())})
    index.to_parquet(folder / "clips.parquet")
    paths = {}
    for stage, shards in (("fetch", fetched), ("decode", decoded)):
        paths[stage] = []
        for number, shard in enumerate(shards):
            rows = pd.DataFrame({"clip_id": list(shard), "status": list(shard.values())})
            rows["detail"] = [f"{stage} of {clip_id}" for clip_id in shard]
            paths[stage].append(folder / f"{stage}{number}.parquet")
            rows.to_parquet(paths[stage][-1])
    table, summary = folder / "availability.parquet", folder / "availability.json"
    statuses = (paths["fetch"], paths["decode"])
    collect_availability("demo", folder / "clips.parquet", *statuses, max_missing, table, summary)
    return pd.read_parquet(table), json.loads(summary.read_text())


def test_every_clip_has_one_row_with_the_stage_that_left_it_out(tmp_path):
    table, _ = collect(tmp_path)
    assert table.to_numpy().tolist() == [
        ["a", "train", True, "", "ok", "decode of a"],
        ["b", "train", False, "fetch", "removed", "fetch of b"],
        ["c", "train", False, "decode", "silent", "decode of c"],
        ["d", "test", True, "", "ok", "decode of d"],
        ["e", "test", True, "", "ok", "decode of e"],
    ]


def test_summary_counts_splits_and_reasons(tmp_path):
    _, summary = collect(tmp_path)
    assert summary == {
        "dataset": "demo",
        "num_shards": 2,
        "fingerprint": hashlib.sha256(b"a\nd\ne").hexdigest()[:12],
        "splits": {
            "test": {
                "listed": 2,
                "excluded": 0,
                "fetched": 2,
                "available": 2,
                "fingerprint": hashlib.sha256(b"d\ne").hexdigest()[:12],
                "reasons": {},
            },
            "train": {
                "listed": 3,
                "excluded": 0,
                "fetched": 2,
                "available": 1,
                "fingerprint": hashlib.sha256(b"a").hexdigest()[:12],
                "reasons": {"removed": 1, "silent": 1},
            },
        },
        "reasons": {"removed": 1, "silent": 1},
    }


def test_fingerprint_depends_on_the_set_not_on_the_order():
    assert fingerprint(["b", "a"]) == fingerprint(["a", "b"])
    assert fingerprint(["a"]) != fingerprint(["a", "b"])
    assert len(fingerprint([])) == 12


def test_clip_without_a_row_is_an_error(tmp_path):
    with pytest.raises(HearsayError, match="clip e and 0 others .* have no row"):
        collect(tmp_path, fetched=[FETCHED[0], {"d": "ok"}])


def test_clip_with_two_rows_is_an_error(tmp_path):
    with pytest.raises(HearsayError, match="clip a has two status rows"):
        collect(tmp_path, decoded=[DECODED[0], DECODED[1] | {"a": "ok"}])


def test_row_of_an_unknown_clip_is_an_error(tmp_path):
    with pytest.raises(HearsayError, match="clip z of .*fetch1.parquet is not in"):
        collect(tmp_path, fetched=[FETCHED[0], FETCHED[1] | {"z": "ok"}])


def test_decoded_clip_that_was_not_fetched_is_an_error(tmp_path):
    with pytest.raises(HearsayError, match="clip d .* was decoded but not fetched"):
        collect(tmp_path, fetched=[FETCHED[0], {"d": "forbidden", "e": "ok"}])


def test_rows_in_another_order_than_the_index_are_joined_by_clip(tmp_path):
    in_order, summary = collect(tmp_path / "a")
    turned = [[dict(reversed(shard.items())) for shard in reversed(s)] for s in (FETCHED, DECODED)]
    table, turned_summary = collect(tmp_path / "b", *turned)
    assert table.equals(in_order) and turned_summary == summary


def test_an_excluded_clip_is_a_reason_of_its_own(tmp_path):
    fetched = [FETCHED[0] | {"b": "excluded"}, FETCHED[1]]
    table, summary = collect(tmp_path, fetched=fetched)
    assert table.iloc[1].tolist() == ["b", "train", False, "index", "excluded", "fetch of b"]
    assert summary["splits"]["train"] | {"fingerprint": ""} == {
        **{"listed": 3, "excluded": 1, "fetched": 2, "available": 1, "fingerprint": ""},
        "reasons": {"excluded": 1, "silent": 1},
    }
    assert summary["reasons"] == {"excluded": 1, "silent": 1}


def test_more_missing_clips_than_allowed_stop_the_run_and_write_nothing(tmp_path):
    with pytest.raises(HearsayError) as error:
        collect(tmp_path, max_missing=NO_LIMIT | {"train": 0.5})
    assert str(error.value) == (
        "data set demo: 2 of the 3 clips of split train are missing (66.7 %, allowed are 50 %): "
        "1 removed, 1 silent; ask again for those that failed in passing (hearsay retry-clips), "
        "or raise datasets.demo.max_missing and name the clips that runs may use in "
        "benchmark.subset"
    )
    assert not list(tmp_path.glob("availability.*"))
    collect(tmp_path, max_missing={"train": 0.67, "val": 0, "test": 0})


def test_excluded_clips_are_not_missing(tmp_path):
    fetched = [FETCHED[0] | {"b": "excluded"}, FETCHED[1]]
    collect(tmp_path, fetched=fetched, max_missing=NO_LIMIT | {"train": 0.5})
    with pytest.raises(HearsayError, match=r"1 of the 2 clips .* \(50.0 %, .*: 1 silent; ask"):
        collect(tmp_path, fetched=fetched, max_missing=NO_LIMIT | {"train": 0.49})


def test_every_split_beyond_its_limit_and_three_reasons_are_named():
    reasons = {"age_restricted": 1, "corrupt": 2, "excluded": 50, "network": 2, "removed": 9}
    counts = {"listed": 100, "excluded": 50, "available": 36, "reasons": reasons}
    limits = {"train": 0.27, "val": 0.28, "test": 0.0}
    with pytest.raises(HearsayError) as error:
        check_missing("x", dict.fromkeys(("train", "val", "test"), counts), limits)
    text = "(28.0 %, allowed are {} %): 9 removed, 2 corrupt, 2 network, 1 for other reasons; "
    line = str(error.value)
    assert line.count("14 of the 50 clips of split") == 2
    assert text.format(27) in line and text.format(0) in line and "split val" not in line


def test_absent_status_table_is_an_error(tmp_path):
    collect(tmp_path)
    (tmp_path / "fetch1.parquet").unlink()
    paths = [tmp_path / "fetch0.parquet", tmp_path / "fetch1.parquet"]
    with pytest.raises(HearsayError, match="fetch1.parquet does not exist"):
        files = (tmp_path / "clips.parquet", paths, paths)
        collect_availability("demo", *files, NO_LIMIT, tmp_path / "t", tmp_path / "s")
