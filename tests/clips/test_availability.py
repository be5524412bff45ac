"""What became of every clip of the index."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from hearsay.clips.availability import (
    check_availability,
    check_missing,
    collect_availability,
    fingerprint,
)
from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json

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


def test_more_missing_clips_than_allowed_stop_the_run_and_are_listed(tmp_path):
    with pytest.raises(HearsayError) as error:
        collect(tmp_path, max_missing=NO_LIMIT | {"train": 0.5})
    listed = tmp_path / "missing.csv"
    assert str(error.value) == (
        "demo train lacks 2 of 3 clips (66.7 %, max_missing 50 %): 1 removed, 1 silent. "
        f"All are in {listed}. hearsay retry-clips asks again for what may "
        "pass; else raise max_missing"
    )
    assert pd.read_csv(listed).to_numpy().tolist() == [
        ["b", "train", "fetch", "removed", "fetch of b"],
        ["c", "train", "decode", "silent", "decode of c"],
    ]
    assert not list(tmp_path.glob("availability.*"))
    collect(tmp_path, max_missing={"train": 0.67, "val": 0, "test": 0})
    assert not listed.exists()


def test_excluded_clips_are_not_missing(tmp_path):
    fetched = [FETCHED[0] | {"b": "excluded"}, FETCHED[1]]
    collect(tmp_path, fetched=fetched, max_missing=NO_LIMIT | {"train": 0.5})
    with pytest.raises(HearsayError, match=r"lacks 1 of 2 clips \(50.0 %, .*: 1 silent\. "):
        collect(tmp_path, fetched=fetched, max_missing=NO_LIMIT | {"train": 0.49})
    assert list(pd.read_csv(tmp_path / "missing.csv")["clip_id"]) == ["c"]


def test_the_worst_split_is_told_with_its_statuses_in_three_lines(tmp_path):
    names = ("account_terminated", "age_restricted", "geo_blocked", "live", "network", "unknown")
    reasons = {"corrupt": 1, "excluded": 50, **dict.fromkeys(names, 2), "removed": 1}
    worst = {"listed": 51_308, "excluded": 50, "available": 31_308, "reasons": reasons}
    less = {**worst, "available": 40_000, "reasons": {"network": 1}}
    none = {**worst, "available": 51_258, "reasons": {}}
    limits = {"train": 0.2, "val": 0.2, "test": 0.2}
    listed = Path("results/audiocaps/data/audiocaps/missing.csv")
    with pytest.raises(HearsayError) as error:
        check_missing("audiocaps", {"train": less, "val": none, "test": worst}, limits, listed)
    assert str(error.value) == (
        "audiocaps test lacks 19,950 of 51,258 clips (38.9 %, max_missing 20 %): 2 "
        "account_terminated, 2 age_restricted, 2 geo_blocked, 2 live, 2 network, 4 of 3 more "
        "statuses; too many of train too. All are in "
        "results/audiocaps/data/audiocaps/missing.csv. hearsay retry-clips asks again for what "
        "may pass; else raise max_missing"
    )
    check_missing("audiocaps", {"val": none}, limits, listed)


def test_a_lower_limit_holds_for_what_is_there(tmp_path):
    summary, record = tmp_path / "availability.json", tmp_path / "max_missing.json"
    splits = {"test": {"listed": 10, "excluded": 0, "available": 8, "reasons": {"private": 2}}}
    write_json({"dataset": "caps", "splits": splits}, summary)
    check_availability(summary, {"test": 0.2}, record)
    assert read_json(record) == {"max_missing": {"test": 0.2}}
    record.unlink()
    lacks = r"caps test lacks 2 of 10 clips \(20.0 %, max_missing 19 %\): .*/availability.parquet"
    with pytest.raises(HearsayError, match=lacks):
        check_availability(summary, {"test": 0.19}, record)
    assert not record.exists()


def test_absent_status_table_is_an_error(tmp_path):
    collect(tmp_path)
    (tmp_path / "fetch1.parquet").unlink()
    paths = [tmp_path / "fetch0.parquet", tmp_path / "fetch1.parquet"]
    with pytest.raises(HearsayError, match="fetch1.parquet does not exist"):
        files = (tmp_path / "clips.parquet", paths, paths)
        collect_availability("demo", *files, NO_LIMIT, tmp_path / "t", tmp_path / "s")
