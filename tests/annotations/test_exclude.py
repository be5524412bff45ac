"""Videos that another data set tests on are marked, and used nowhere."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hearsay.annotations.exclude import mark_excluded, read_excluded
from hearsay.annotations.index import build_index
from hearsay.errors import HearsayError

SHARED = Path(__file__).parents[3] / "shared" / "data"


def table(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    clips = pd.DataFrame(rows, columns=["source", "locator", "start_s", "split"])
    return clips.assign(clip_id=[f"c{number}" for number in range(len(clips))])


@pytest.fixture
def audiocaps(tmp_path: Path) -> Path:
    path = tmp_path / "audiocaps.parquet"
    table(
        ("youtube", "-a_-", 30.0, "test"),
        ("youtube", "b", 0.0, "val"),
        ("youtube", "c", 0.0, "train"),
        ("http", "d", 0.0, "test"),
        ("youtube", "e", 0.0, "val"),
        ("youtube", "e", 10.0, "test"),
    ).to_parquet(path)
    return path


def test_a_clip_is_marked_by_its_video_wherever_in_it_it_starts(audiocaps: Path) -> None:
    clips = table(
        ("youtube", "-a_-", 30.0, "train"),
        ("youtube", "-a_-", 90.0, "test"),
        ("youtube", "b", 5.0, "train"),
        ("youtube", "c", 0.0, "train"),  # of audiocaps train
        ("youtube", "d", 0.0, "train"),  # the same name at another source
        ("youtube", "e", 0.0, "train"),  # of both splits: the first that is named
        ("youtube", "f", 0.0, "train"),
    )
    marked = mark_excluded("audioset", clips, {"audiocaps": ["val", "test"]}, [audiocaps])
    assert marked["excluded"].replace({np.nan: None}).tolist() == [
        *("audiocaps test", "audiocaps test", "audiocaps val"),
        *(None, None, "audiocaps val", None),
    ]
    assert marked.drop(columns="excluded").equals(clips)


def test_the_videos_of_several_data_sets_are_joined(audiocaps: Path, tmp_path: Path) -> None:
    clips = table(*(("youtube", name, 0.0, "train") for name in ("-a_-", "c", "e", "f", "g")))
    table(("youtube", "e", 3.0, "test"), ("youtube", "f", 0.0, "test")).to_parquet(
        tmp_path / "audiogrounding.parquet"
    )
    splits = {"audiocaps": ["test"], "audiogrounding": ["test"]}
    tables = [audiocaps, tmp_path / "audiogrounding.parquet"]
    marked = mark_excluded("audioset", clips, splits, tables)
    assert marked["excluded"].replace({np.nan: None}).tolist() == [
        *("audiocaps test", None, "audiocaps test", "audiogrounding test", None)
    ]
    with pytest.raises(HearsayError, match="exclude names 2 data sets, but 1 index tables"):
        mark_excluded("audioset", clips, splits, tables[:1])


def test_videos_of_archives_are_told_by_the_names_of_their_files(tmp_path: Path) -> None:
    """AudioGrounding v2 as its reader writes it: the clip's id is the video's."""
    source, ids = tmp_path / "v2", ["-a_-_000000", "b_b00000000", "c0000000000"]
    (source / "audio").mkdir(parents=True)
    for split, chosen in (("train", ids[:1]), ("val", ids[1:2]), ("test", ids[2:])):
        items = [
            {
                "audiocap_id": f"{split}{video}",
                "audio_id": f"Y{video}.wav",
                "tokens": ["a", "dog"],
                "phrases": [],
            }
            for video in chosen
        ]
        (source / f"{split}.json").write_text(json.dumps(items))
    (source / "audio" / f"Y{ids[1]}.wav").write_bytes(b"sound")  # else the name alone is known
    index = build(tmp_path, "audiogrounding", "audiogrounding_v2", source, 3)
    clips = table(*(("youtube", video, 30.0, "train") for video in [*ids, "Yd000000000"]))
    splits = {"audiogrounding": ["val", "test"]}
    marked = mark_excluded("audioset", clips, splits, [index])
    assert marked["excluded"].replace({np.nan: None}).tolist() == [
        *(None, "audiogrounding val", "audiogrounding test", None)
    ]
    # The other way round: the archive's clips that AudioSet holds in split train.
    clips.to_parquet(tmp_path / "audioset.parquet")
    own = pd.concat([pd.read_parquet(index), table(("archive", "audio/Yother.wav", 0.0, "val"))])
    marked = mark_excluded("ag", own, {"audioset": ["train"]}, [tmp_path / "audioset.parquet"])
    assert marked["excluded"].notna().tolist() == [True, True, True, False]


def test_files_of_other_archives_are_of_no_video_that_can_be_told(
    audiocaps: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "clotho.parquet"
    same = ("archive", "audio/1.wav", 0.0, "test")
    table(same, ("archive", "audio/Ya.wav", 0.0, "test")).to_parquet(archive)
    clips = table(("youtube", "b", 0.0, "train"))
    with pytest.raises(HearsayError) as error:
        mark_excluded("audioset", clips, {"clotho": ["test"]}, [archive])
    assert str(error.value) == (
        "datasets.audioset.exclude: which of the clips of audioset (youtube) are of videos of "
        "clotho test (archive) cannot be told; take clotho out of exclude"
    )
    with pytest.raises(HearsayError, match="cannot be told"):  # two archives, each with its 1.wav
        mark_excluded("other", table(same), {"clotho": ["test"]}, [archive])


def test_the_log_counts_clips_and_videos(audiocaps: Path, caplog) -> None:
    caplog.set_level("INFO", "hearsay")
    clips = table(("youtube", "-a_-", 30.0, "train"), ("youtube", "-a_-", 0.0, "val"))
    clips = pd.concat([clips, table(("youtube", "z", 0.0, "train"))], ignore_index=True)
    mark_excluded("audioset", clips, {"audiocaps": ["test", "val"]}, [audiocaps])
    assert [record.getMessage() for record in caplog.records] == [
        "audioset: 2 clips excluded, which show 1 of the 3 videos of audiocaps test",
        "audioset: 0 clips excluded, which show 0 of the 2 videos of audiocaps val",
        "audioset shows no video of audiocaps val; its exclusion changes nothing",
    ]


def test_excluding_every_clip_is_an_error(audiocaps: Path) -> None:
    clips = table(("youtube", "b", 30.0, "train"))
    with pytest.raises(HearsayError, match="datasets.x.exclude leaves none of its 1 clips"):
        mark_excluded("x", clips, {"audiocaps": ["val"]}, [audiocaps])


def test_an_index_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    clips = table(("youtube", "b", 30.0, "train"))
    with pytest.raises(HearsayError, match="none.parquet does not exist"):
        mark_excluded("x", clips, {"audiocaps": ["val"]}, [tmp_path / "none.parquet"])


def build(folder: Path, dataset: str, reader: str, source: Path, num_clips: int, **excluded):
    paths = [folder / dataset / f"{name}.parquet" for name in ("clips", "captions", "phrases")]
    build_index(dataset, reader, source, num_clips, 0, *paths, **excluded)
    return paths[0]


def write_lists(folder: Path, audioset: list[str], audiocaps: dict[str, list[str]]) -> None:
    """Write lists of both data sets; video ids of audioset go to train but for one each."""
    for name in ("audioset", "audiocaps"):
        (folder / f"{name}_lists").mkdir()
    for split, ids in (("train", audioset), ("val", ["val00000000"]), ("test", ["test0000000"])):
        lines = [f'{video}, 30.000, 40.000, "/m/05tny_,/m/068hy"' for video in ids]
        (folder / "audioset_lists" / f"{split}.csv").write_text("\n".join(["# YTID", *lines]))
        with (folder / "audiocaps_lists" / f"{split}.csv").open("w") as file:
            rows = csv.writer(file)
            rows.writerow(["audiocap_id", "youtube_id", "start_time", "caption"])
            for video in audiocaps[split]:
                rows.writerow([f"{split}{video}", video, 20, "a dog barks"])


def test_the_index_keeps_its_order_and_its_number_of_clips(tmp_path: Path) -> None:
    ids = [f"video{number:06d}" for number in range(20)]
    write_lists(tmp_path, ids, {"train": ids[:5], "val": ids[5:7], "test": ["-_no_such-_", ids[7]]})
    other = build(tmp_path, "audiocaps", "audiocaps", tmp_path / "audiocaps_lists", 9)
    source = tmp_path / "audioset_lists"
    plain = pd.read_parquet(build(tmp_path, "plain", "audioset", source, 22))
    splits = {"audiocaps": ["val", "test"]}
    path = build(
        *(tmp_path, "audioset", "audioset", source, 22),
        excluded_splits=splits,
        excluded_clips=[other],
    )
    marked = pd.read_parquet(path)
    assert marked["clip_id"].tolist() == plain["clip_id"].tolist()
    assert plain["excluded"].isna().all()
    assert marked.set_index("locator")["excluded"].dropna().to_dict() == {
        **dict.fromkeys(ids[5:7], "audiocaps val"),
        ids[7]: "audiocaps test",
    }
    assert read_excluded(path) == {f"{video}_30000" for video in ids[5:8]}


def test_an_index_of_earlier_versions_excludes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "clips.parquet"
    table(("youtube", "b", 30.0, "train")).to_parquet(path)
    assert read_excluded(path) == set()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real lists are not here (../shared/data)")
def test_no_clip_of_audiocaps_lies_in_the_balanced_or_eval_list() -> None:
    """So all 1,470 videos of val and test come out of the unbalanced list."""
    tested = set()
    for split in ("val", "test"):
        with (SHARED / "audiocaps" / "v1" / f"{split}.csv").open() as file:
            tested |= {row["youtube_id"] for row in csv.DictReader(file)}
    assert len(tested) == 1_470
    for split in ("val", "test"):  # AudioGrounding v1 adds none
        rows = json.loads((SHARED / "audiogrounding" / "v1" / f"{split}.json").read_text())
        files = rows["filename"].values()  # {video}_{start}_{end}.wav
        assert tested >= {name.rsplit("_", 2)[0] for name in files}
    for name in ("balanced_train", "eval"):
        lines = (SHARED / "audioset" / f"{name}_segments.csv").read_text().splitlines()
        assert not tested & {line.split(", ")[0] for line in lines if line[0] != "#"}
