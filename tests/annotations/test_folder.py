from pathlib import Path

import pytest

from hearsay.annotations.folder import find_words, make_clip_id, read_folder
from hearsay.annotations.index import build_index
from hearsay.annotations.tables import check_index, read_index
from hearsay.errors import HearsayError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("dog one.wav", "rain.ogg"):
        (tmp_path / name).write_bytes(b"sound")
    return tmp_path


def write_csv(folder: Path, text: str) -> Path:
    path = folder / "clips.csv"
    path.write_text(text)
    return path


def test_captions_labels_times_and_phrases_are_read(folder):
    path = write_csv(
        folder,
        "path,split,start_s,end_s,labels,caption_1,caption_2,phrases\n"
        "dog one.wav,train,1.5,6.5,dog; animal,A dog barks twice,Two barks,"
        "dog barks@0.5-1,2-2.5; barks@\n"
        "rain.ogg,test,,,rain,Rain falls,,\n".replace(
            "dog barks@0.5-1,2-2.5; barks@", '"dog barks@0.5-1,2-2.5; barks@"'
        ),
    )
    index = read_folder(path)
    check_index(index)
    first, second = index.clips.to_dict("records")
    assert (first["clip_id"], first["start_s"], first["end_s"]) == ("dog-one", 1.5, 6.5)
    assert first["labels"] == ["dog", "animal"]
    assert second["locator"] == str(folder / "rain.ogg")
    assert index.captions["text"].tolist() == ["A dog barks twice", "Two barks", "Rain falls"]
    # "dog barks" stands in the first caption alone, "barks" (annotated, not heard) in both
    rows = index.phrases[["caption_id", "phrase", "first_word", "onsets_s", "offsets_s"]]
    assert rows.to_numpy().tolist() == [
        ["dog-one-1", "dog barks", 1, [0.5, 2.0], [1.0, 2.5]],
        ["dog-one-1", "barks", 2, [], []],
        ["dog-one-2", "barks", 1, [], []],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,split\ngone.wav,train\n", "line 2, column path: file .*gone.wav.* does not exist"),
        ("path,split\nrain.ogg,dev\n", "line 2, column split: 'dev' must be one of"),
        ("path\nrain.ogg\n", "no column split"),
        ("path,split,captoin\nrain.ogg,test,x\n", "unknown column 'captoin'"),
        ("path,split,start_s\nrain.ogg,test,1m\n", "line 2, column start_s: '1m' is not a number"),
        ("path,split,caption,phrases\nrain.ogg,test,Rain,hail@1-2\n", "'hail' stands in no"),
        ("path,split,caption,phrases\nrain.ogg,test,Rain,Rain 1-2\n", "is not of the form"),
        (
            "path,split,start_s,end_s\nrain.ogg,test,2,1\n",
            "line 2, column end_s: 1 must be greater",
        ),
        ("path,split,caption,phrases\nrain.ogg,test,Rain,Rain@3-1\n", "an onset must be 0 or more"),
        ("path,split\nrain.ogg,test\nrain.ogg,train\n", "line 3: clip id 'rain' is that of line 2"),
        ("path,split,clip_id\nrain.ogg,test,a b\n", "clip id 'a b' must match"),
        ("", "no column path, split"),
        ("path,split,split\nrain.ogg,test,train\n", "column 'split' stands twice"),
        ("path,split\n\nrain.ogg,test,x\n", "line 3: 3 cells for 2 columns; put a cell"),
        ("path,split,caption\nrain.ogg,test\n", "line 2: 2 cells for 3 columns"),
        ('path,split,caption\nrain.ogg,test,"Rain"fall\n', "line 2: no CSV"),
        ("path,split,start_s\nrain.ogg,test,nan\n", "line 2, column start_s: 'nan' is not a num"),
        ("path,split,end_s\nrain.ogg,test,inf\n", "line 2, column end_s: 'inf' is not a number"),
    ],
)
def test_bad_rows_name_file_line_and_column(folder, text, message):
    with pytest.raises(HearsayError, match=message) as error:
        read_folder(write_csv(folder, text))
    assert "clips.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_list_of_a_spreadsheet_is_read(folder):
    path = folder / "clips.csv"
    text = '\ufeffpath, split, caption\r\nrain.ogg, test,"Rain,\nthen"\r\n'
    path.write_text(text, encoding="utf-8", newline="")
    index = read_folder(path)
    assert index.clips["clip_id"].tolist() == ["rain"]
    assert index.captions["text"].tolist() == ["Rain,\nthen"]


def test_a_list_in_another_encoding_is_told(folder):
    (folder / "clips.csv").write_bytes("path,split\n\xe4.wav,test\n".encode("latin-1"))
    with pytest.raises(HearsayError, match=r"clips\.csv is not UTF-8 .*; save it as UTF-8"):
        read_folder(folder / "clips.csv")


def test_a_missing_csv_is_named(tmp_path):
    with pytest.raises(HearsayError, match=r"none\.csv does not exist"):
        read_folder(tmp_path / "none.csv")


def test_phrases_match_whole_words_only():
    assert find_words("bark", "A dog barks") is None
    assert find_words("Dog barks", "a dog barks") == 1


def test_clip_ids_hold_no_other_characters():
    assert make_clip_id("001 - Dog bark/1-100032-A.ogg") == "001-Dog-bark-1-100032-A"


def test_the_index_refuses_another_number_of_clips(folder):
    path = write_csv(folder, "path,split\nrain.ogg,test\n")
    outputs = [folder / f"{name}.parquet" for name in ("clips", "captions", "phrases")]
    with pytest.raises(HearsayError, match=r"num_clips is 2, but the annotations hold 1 clips"):
        build_index("own", "folder", path, 2, 0, *outputs)
    assert not any(output.exists() for output in outputs)
    build_index("own", "folder", path, 1, 0, *outputs)
    assert len(read_index(*outputs).clips) == 1
