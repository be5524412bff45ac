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


def test_audiocaps_names_the_row_of_a_wrong_start(lists):
    (lists / "val.csv").write_text("audiocap_id,youtube_id,start_time,caption\n1,x,soon,Rain\n")
    with pytest.raises(HearsayError, match=r"val\.csv, row 1, column start_time: 'soon'"):
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


def test_audioset_names_the_line_of_another_form(tmp_path):
    (tmp_path / "train.csv").write_text("# a\nabc, 0.0\n")
    with pytest.raises(HearsayError, match=r"train\.csv, line 2: 'abc, 0\.0' is not of the form"):
        read_audioset(tmp_path)


@needs_shared
def test_the_real_audiocaps_lists_hold_the_published_counts():
    index = read_audiocaps(SHARED / "audiocaps" / "v1")
    check_index(index)
    clips = index.clips["split"].value_counts()
    assert clips.to_dict() == {"train": 49838, "val": 495, "test": 975}
    captions = index.captions.merge(index.clips[["clip_id", "split"]])["split"].value_counts()
    assert captions.to_dict() == {"train": 49838, "val": 2475, "test": 4875}


@needs_shared
def test_the_real_audioset_lists_hold_the_published_counts(tmp_path):
    real = SHARED / "audioset"
    (tmp_path / "train.csv").write_text("# the unbalanced list is not here\n")
    (tmp_path / "val.csv").write_bytes((real / "balanced_train_segments.csv").read_bytes())
    (tmp_path / "test.csv").write_bytes((real / "eval_segments.csv").read_bytes())
    index = read_audioset(tmp_path)
    check_index(index)
    assert index.clips["split"].value_counts().to_dict() == {"val": 22160, "test": 20371}
