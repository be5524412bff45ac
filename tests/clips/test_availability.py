"""What became of every clip of the index."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from hearsay.clips.availability import collect_availability, fingerprint, read_subset
from hearsay.errors import HearsayError

SPLITS = {"a": "train", "b": "train", "c": "train", "d": "test", "e": "test"}
FETCHED = [{"a": "ok", "b": "removed", "c": "ok"}, {"d": "ok", "e": "ok"}]
DECODED = [{"a": "ok", "b": "not_fetched", "c": "silent"}, {"d": "ok", "e": "ok"}]


def collect(folder: Path, fetched=FETCHED, decoded=DECODED):
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
    collect_availability(
        "demo", folder / "clips.parquet", paths["fetch"], paths["decode"], table, summary
    )
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
                "available": 2,
                "fingerprint": hashlib.sha256(b"d\ne").hexdigest()[:12],
            },
            "train": {
                "listed": 3,
                "available": 1,
                "fingerprint": hashlib.sha256(b"a").hexdigest()[:12],
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


def test_absent_status_table_is_an_error(tmp_path):
    collect(tmp_path)
    (tmp_path / "fetch1.parquet").unlink()
    paths = [tmp_path / "fetch0.parquet", tmp_path / "fetch1.parquet"]
    with pytest.raises(HearsayError, match="fetch1.parquet does not exist"):
        collect_availability(
            "demo", tmp_path / "clips.parquet", paths, paths, tmp_path / "t", tmp_path / "s"
        )


def test_subset_file_is_one_clip_a_line(tmp_path):
    path = tmp_path / "subset.txt"
    path.write_text("a\n\n  b \n")
    assert read_subset(path) == {"a", "b"}
    path.write_text("\n")
    with pytest.raises(HearsayError, match="names no clip"):
        read_subset(path)
    with pytest.raises(HearsayError, match="does not exist"):
        read_subset(tmp_path / "none.txt")
