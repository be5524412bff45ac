import re
from pathlib import Path

import pytest

from hearsay.annotations.tables import check_index
from hearsay.annotations.youtube import read_audiocaps, read_audioset
from hearsay.errors import HearsayError

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="real annotation files (../shared/data) are not here"
)

AUDIOSET = """# Segments csv created
# num_ytids=2
# YTID, start_seconds, end_seconds, positive_labels
--4gqARaEJE, 0.000, 10.000, "/m/068hy,/m/07q6cd_"
{id}, 30.500, 40.000, "/m/03l9g"
"""
AUDIOCAPS = """audiocap_id,youtube_id,start_time,caption
{n}1,{id},20,"Rain, then thunder"
{n}2,{id},20,It rains
{n}3,-b_{n},0,A dog barks
"""


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    for number, split in enumerate(("train", "val", "test")):
        (tmp_path / f"{split}.csv").write_text(AUDIOCAPS.format(n=number, id=f"_x-{number}"))
    return tmp_path


def test_audiocaps_rows_of_one_clip_are_joined(lists):
    index = read_audiocaps(lists)
    check_index(index)
    assert index.clips["clip_id"].tolist()[:2] == ["_x-0_20000", "-b_0_0"]
    assert index.clips["end_s"].tolist()[:2] == [30.0, 10.0]
    assert index.clips["split"].value_counts().to_dict() == {"train": 2, "val": 2, "test": 2}
    first = index.captions[index.captions["clip_id"] == "_x-0_20000"]
    assert first["text"].tolist() == ["Rain, then thunder", "It rains"]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("7,x,soon,Rain", "column start_time: 'soon' is no whole number of seconds"),
        ("7,x,-1,Rain", "column start_time: '-1' is no whole"),
        ("7,x,1.5,Rain", "column start_time: '1.5' is no whole"),
        ("7,#NAME?,1,Rain", "column youtube_id: '#NAME\\?' is no id"),
        ("7,x,1,", "column caption: '' is empty"),
        ("7,x,1", "3 cells for 4 columns"),
        ("7,x,1,Rain, thunder", "5 cells for 4 columns"),
        ('7,x,1,"Rain" and', "no CSV"),
        ("01,x,1,Rain", "column audiocap_id: '01' stands in an earlier row too"),
        ("7,_x-0,20,Rain", "column youtube_id: '_x-0' is a clip of train too"),
    ],
)
def test_audiocaps_names_file_and_line_of_a_malformed_row(lists, row, line):
    good = '11,y,20,"Rain,\nand wind"\n'  # of two lines
    (lists / "val.csv").write_text(f"audiocap_id,youtube_id,start_time,caption\n{good}{row}\n")
    with pytest.raises(HearsayError, match=rf"val\.csv, line 4(, |: ){line}"):
        read_audiocaps(lists)


def test_audiocaps_of_other_columns_is_refused(lists):
    (lists / "test.csv").write_text("youtube_id,start_time,caption\nx,1,Rain\n")
    with pytest.raises(HearsayError, match=r"test\.csv, line 1: the columns are 'youtube_id,st"):
        read_audiocaps(lists)
    (lists / "test.csv").unlink()
    with pytest.raises(HearsayError, match=r"test\.csv does not exist"):
        read_audiocaps(lists)


def test_audioset_keeps_ids_that_begin_with_hyphens_and_all_labels(tmp_path):
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.csv").write_text(
            AUDIOSET.format(id=f"{split}_").replace("--4gq", f"--{split}")
        )
    index = read_audioset(tmp_path)
    check_index(index)
    first = index.clips.iloc[0]
    assert (first["clip_id"], first["locator"]) == ("--trainARaEJE_0", "--trainARaEJE")
    assert list(first["labels"]) == ["/m/068hy", "/m/07q6cd_"]
    assert index.clips.iloc[1]["start_s"] == 30.5


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("abc, 0.0", "is not of the form YTID, start, end"),
        ('abc, zero, 10.000, "/m/1"', "is not of the form"),
        ('abc, nan, 10.000, "/m/1"', "is not of the form"),
        ('abc, -1.000, 10.000, "/m/1"', "is not of the form"),
        ('abc, 0.000, 1e1, "/m/1"', "is not of the form"),
        ('a c, 0.000, 10.000, "/m/1"', "is not of the form"),
        ('abc,0.000,10.000,"/m/1"', "is not of the form"),
        ("abc, 0.000, 10.000, /m/1", "is not of the form"),
        ('abc, 0.000, 10.000, ""', "is not of the form"),
        ('abc, 0.000, 10.000, "/m/1,"', "is not of the form"),
        ('abc, 30.000, 20.000, "/m/1"', "does not end after its start"),
        ('abc, 30.000, 30.000, "/m/1"', "does not end after its start"),
        ('-x_, 0.000, 5.000, "/m/1"', "is of a clip of an earlier line"),
    ],
)
def test_audioset_names_file_and_line_of_a_malformed_row(tmp_path, line, fault):
    (tmp_path / "train.csv").write_text('# a\n-x_, 0.000, 10.000, "/m/1"\n')
    (tmp_path / "val.csv").write_text(f"# a\n# b\n\n{line}\n")
    with pytest.raises(HearsayError, match=f"val\\.csv, line 4: '{re.escape(line)}' {fault}"):
        read_audioset(tmp_path)


def test_a_list_of_audioset_that_is_absent_or_in_another_encoding_is_told(tmp_path):
    with pytest.raises(HearsayError, match=r"train\.csv does not exist; the rule that fetches"):
        read_audioset(tmp_path)
    (tmp_path / "train.csv").write_bytes(b"# \xff\n")
    with pytest.raises(HearsayError, match=r"train\.csv is not utf-8 .*; fetch it again"):
        read_audioset(tmp_path)


@needs_shared
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_real_audiocaps_lists_hold_the_published_counts(version, tmp_path):
    for split in ("train", "val", "test"):
        real = SHARED / "audiocaps" / version / f"{split}.csv"
        header = "audiocap_id,youtube_id,start_time,caption\n"  # of version 2's train, not here
        content = real.read_text() if real.is_file() else header
        (tmp_path / f"{split}.csv").write_text(content)
    index = read_audiocaps(tmp_path)
    check_index(index)
    train = {"train": 49838} if version == "v1" else {}
    clips = index.clips["split"].value_counts()
    assert clips.to_dict() == {**train, "val": 495, "test": 975}
    captions = index.captions.merge(index.clips[["clip_id", "split"]])
    assert captions["split"].value_counts().to_dict() == {**train, "val": 2475, "test": 4875}
    per_clip = captions.groupby(["split", "clip_id"]).size()
    assert {split: set(per_clip[split]) for split in clips.index} == {
        split: {1} if split == "train" else {5} for split in clips.index
    }
    assert (index.clips["end_s"] - index.clips["start_s"] == 10).all()


@needs_shared
def test_the_real_audioset_lists_hold_the_published_counts(tmp_path):
    real = SHARED / "audioset"
    (tmp_path / "train.csv").write_text("# the unbalanced list is not here\n")
    (tmp_path / "val.csv").write_bytes((real / "balanced_train_segments.csv").read_bytes())
    (tmp_path / "test.csv").write_bytes((real / "eval_segments.csv").read_bytes())
    index = read_audioset(tmp_path)
    check_index(index)
    assert index.clips["split"].value_counts().to_dict() == {"val": 22160, "test": 20371}
    for split, path in (("val", "balanced_train"), ("test", "eval")):
        head = (real / f"{path}_segments.csv").read_text().splitlines()[1]
        num_labels = int(head.rpartition("num_positive_labels=")[2])
        assert (
            index.clips.loc[index.clips["split"] == split, "labels"].str.len().sum() == num_labels
        )
    assert len({mid for mids in index.clips["labels"] for mid in mids}) == 527
