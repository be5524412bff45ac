"""AudioGrounding: the real labels of version 1, and generated files of both versions."""

import json
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
from archive_server import FETCH, OPTIONS, make_sound, serve_record, serve_site, write_zip

from hearsay.annotations.archives import fetch_archive
from hearsay.annotations.audiogrounding import read_audiogrounding, read_audiogrounding_v2
from hearsay.annotations.index import build_index
from hearsay.annotations.nltk_tokens import spell, words_of_tokens
from hearsay.annotations.tables import SPLITS, check_index, read_index
from hearsay.annotations.youtube import read_audiocaps
from hearsay.clips.fetch import fetch_clips
from hearsay.errors import HearsayError

SHARED = Path(__file__).parents[3] / "shared" / "data"
V1 = SHARED / "audiogrounding" / "v1"
needs_labels = pytest.mark.skipif(
    not V1.is_dir(), reason="AudioGrounding's label files (../shared/data/audiogrounding) not here"
)

SPEECH = "a man's voice, then -- a dog barks"
SPEECH_TOKENS = ["a", "man", "'s", "voice", ",", "then", "--", "a", "dog", "barks"]
ROWS = [  # audiocap_id, filename, caption, tokens, soundtag, start_word, timestamps
    (11, "-a_b_30.000_40.000.wav", SPEECH, SPEECH_TOKENS, "a man 's voice", 0, [[1, 2.5], [4, 9]]),
    (11, "-a_b_30.000_40.000.wav", SPEECH, SPEECH_TOKENS, "a dog barks", 7, [[9.5, 10.02]]),
    (12, "-a_b_30.000_40.000.wav", "dogs bark", ["dogs", "bark"], "dogs bark", 0, [[0, 0]]),
    (13, "_x-_0.000_5.000.wav", "rain falls", ["rain", "falls"], "falls", 1, [[0, 5.01]]),
]
COLUMNS = ["audiocap_id", "filename", "caption", "tokens", "soundtag", "start_word", "timestamps"]
ITEMS = [
    {
        "audiocap_id": 21,
        "audio_id": "Y-a_b.wav",
        "tokens": SPEECH_TOKENS,
        "phrases": [
            {
                "phrase": "a man 's voice",
                "start_index": 0,
                "end_index": 3,
                "segments": [[1, 2.5], [4, 10.02]],
            },
            {"phrase": "a dog barks", "start_index": 7, "end_index": 9, "segments": []},
        ],
    },
    {"audiocap_id": 22, "audio_id": "Y-a_b.wav", "tokens": ["dogs", "bark"], "phrases": []},
    {
        "audiocap_id": 23,
        "audio_id": "Y_x-.wav",
        "tokens": ["rain", "falls"],
        "phrases": [
            {"phrase": ["falls"], "start_index": 1, "end_index": 1, "segments": [[0, 0]]},
        ],
    },
]


def write_v1(folder: Path, rows: list[tuple] = ROWS, first: int = 12824) -> Path:
    """Write the rows as test; train and val hold one other clip each."""
    for split, name in (("train", "t_0.000_10.000.wav"), ("val", "v_0.000_10.000.wav")):
        number = 1 if split == "train" else 2
        _write_rows(
            folder / f"{split}.json", [(number, name, "rain", ["rain"], "rain", 0, [[0, 1]])], 0
        )
    _write_rows(folder / "test.json", rows, first)
    return folder


def _write_rows(path: Path, rows: list[tuple], first: int) -> None:
    table = {
        name: {str(first + row): cells[k] for row, cells in enumerate(rows)}
        for k, name in enumerate(COLUMNS)
    }
    path.write_text(json.dumps(table))


def write_v2(folder: Path, items: list = ITEMS) -> Path:
    (folder / "train.json").write_text("[]")
    (folder / "val.json").write_text("[]")
    (folder / "test.json").write_text(json.dumps(items))
    return folder


def segments(index) -> list:
    rows = index.phrases[["caption_id", "phrase", "first_word", "onsets_s", "offsets_s"]]
    return rows[~rows["phrase"].eq("rain")].to_numpy().tolist()


def test_version_1_rows_become_clips_captions_and_phrases(tmp_path):
    index = read_audiogrounding(write_v1(tmp_path))
    check_index(index)
    clips = index.clips[index.clips["split"] == "test"]
    assert clips["clip_id"].tolist() == ["-a_b_30000", "_x-_0"]
    assert clips["locator"].tolist() == ["-a_b", "_x-"]
    assert clips[["start_s", "end_s"]].to_numpy().tolist() == [[30.0, 40.0], [0.0, 5.0]]
    assert set(index.clips["source"]) == {"youtube"}
    assert index.captions["text"].tolist() == ["rain", "rain", SPEECH, "dogs bark", "rain falls"]
    assert segments(index) == [
        ["11", "a man 's voice", 0, [1.0, 4.0], [2.5, 9.0]],
        # the eighth token begins in the seventh word; the offset is cut at the clip's end
        ["11", "a dog barks", 5, [9.5], [10.0]],
        ["12", "dogs bark", 0, [], []],  # annotated, not heard
        ["13", "falls", 1, [0.0], [5.0]],
    ]


def test_version_2_finds_its_files_in_whatever_folder_they_lie(tmp_path):
    (tmp_path / "audio" / "deep").mkdir(parents=True)
    (tmp_path / "audio" / "deep" / "Y-a_b.wav").touch()
    index = read_audiogrounding_v2(write_v2(tmp_path), {})
    assert index.clips["locator"].tolist() == ["audio/deep/Y-a_b.wav", "Y_x-.wav"]


def test_version_2_items_become_whole_clips_of_the_archive(tmp_path):
    index = read_audiogrounding_v2(write_v2(tmp_path), {})
    check_index(index)
    assert index.clips["clip_id"].tolist() == ["-a_b", "_x-"]
    assert index.clips["locator"].tolist() == ["Y-a_b.wav", "Y_x-.wav"]
    assert set(index.clips["source"]) == {"archive"}
    assert index.clips["end_s"].isna().all()
    assert index.captions["text"].tolist() == [
        "a man's voice, then -- a dog barks",
        "dogs bark",
        "rain falls",
    ]
    assert segments(index) == [
        ["21", "a man 's voice", 0, [1.0, 4.0], [2.5, 10.02]],
        ["21", "a dog barks", 5, [], []],
        ["23", "falls", 1, [], []],
    ]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("filename", "abc.wav", "row 12825, filename: 'abc.wav' is not of the form ID_start_end"),
        ("filename", "a_9.000_3.000.wav", "row 12825, filename: 'a_9.000_3.000.wav' is not of"),
        ("filename", "-a_b_30.000_39.000.wav", "row 12825, clip: '-a_b_30000' stands in an earli"),
        ("caption", "a dog", "row 12825, audiocap_id: 11 stands in an earlier row with another"),
        ("caption", None, "row 12825, caption: None is no text"),
        ("tokens", "a dog", "row 12825, tokens: 'a dog' is no list of words"),
        ("tokens", ["a", "dog"], "row 12825, tokens: the tokens do not spell \"a man's voice"),
        ("soundtag", "a cat", "row 12825, soundtag: 'a cat' is not what the tokens of the caption"),
        ("soundtag", " ", "row 12825, soundtag: ' ' is no text"),
        ("start_word", 6, "row 12825, soundtag: 'a dog barks' is not what .* say from 6 on"),
        ("start_word", -3, "row 12825, soundtag: 'a dog barks' is not what .* say from -3 on"),
        ("start_word", None, "row 12825, soundtag: 'a dog barks' is not what .* say from None on"),
        ("timestamps", 3, "row 12825, timestamps: 3 is no list of pairs"),
        ("timestamps", [3], "row 12825, timestamps: 3 is no pair of seconds"),
        ("timestamps", [["1", 2]], "row 12825, timestamps: .* is no pair of seconds"),
        ("timestamps", [[0, float("nan")]], "row 12825, timestamps: .* is no pair of seconds"),
        ("timestamps", [[3, 2]], "row 12825, timestamps: .* does not begin at 0 or later and"),
        ("timestamps", [[-1, 2]], "row 12825, timestamps: .* does not begin at 0 or later and"),
        ("timestamps", [[10, 10.02]], "row 12825, timestamps: .* begins behind the clip of 10 s"),
    ],
)
def test_a_wrong_cell_of_version_1_is_named_by_file_row_and_column(
    tmp_path, column, value, message
):
    rows = [list(cells) for cells in ROWS]
    rows[1][COLUMNS.index(column)] = value
    with pytest.raises(HearsayError, match=rf"test\.json, {message}") as error:
        read_audiogrounding(write_v1(tmp_path, rows))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"filename": {}', r"test\.json is no JSON \(.*line 1 column 16"),
        ("[]", r"test\.json: no key audiocap_id, filename"),
        ('{"filename": {}}', r"test\.json: no key audiocap_id, caption, tokens"),
        (
            json.dumps({name: {"0": 1} if name == "caption" else {} for name in COLUMNS}),
            r"test\.json, column caption: has other rows than column filename",
        ),
    ],
)
def test_a_file_that_is_not_version_1_is_named(tmp_path, text, message):
    write_v1(tmp_path)
    (tmp_path / "test.json").write_text(text)
    with pytest.raises(HearsayError, match=message):
        read_audiogrounding(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda items: items[0].pop("tokens"), "item 1: no key tokens"),
        (lambda items: items.append("x"), "item 4: no key audiocap_id, audio_id, tokens, phrases"),
        (lambda items: items[2].update(audio_id="x.wav"), "item 3, audio_id: 'x.wav' is not of"),
        (lambda items: items[1].update(phrases={}), "item 2, phrases: {} is no list"),
        (
            lambda items: items[0]["phrases"][1].update(end_index=8),
            "item 1, phrase 2, end_index: 8 should be 9",
        ),
        (
            lambda items: items[0]["phrases"][1].update(start_index=6),
            "item 1, phrase 2, phrase: 'a dog barks' is not what the tokens",
        ),
        (
            lambda items: items[0]["phrases"][0].update(segments=[[2, 1]]),
            r"item 1, phrase 1, segments: \[2, 1\] does not begin at 0 or later and then end",
        ),
    ],
)
def test_a_wrong_item_of_version_2_is_named_by_file_and_number(tmp_path, change, message):
    items = deepcopy(ITEMS)
    change(items)
    with pytest.raises(HearsayError, match=rf"test\.json, {message}"):
        read_audiogrounding_v2(write_v2(tmp_path, items), {})


def test_version_2_comes_from_a_record_on_loopback_to_verified_clips(tmp_path):
    lists = write_v2(tmp_path)
    sounds = {"audio/Y-a_b.wav": make_sound(1.0), "audio/Y_x-.wav": make_sound(0.5)}
    files = {f"{name}.json": (lists / f"{name}.json").read_bytes() for name in SPLITS}
    files["audio.zip"] = write_zip(tmp_path / "audio.zip", sounds).read_bytes()
    archive, summary = tmp_path / "out" / "archive", tmp_path / "out" / "archive.json"
    with serve_site() as site:
        options = {**OPTIONS, **serve_record(site, files)}
        fetch_archive(options, tmp_path / "out" / "archives", archive, summary)
    tables = [tmp_path / f"{name}.parquet" for name in ("clips", "captions", "phrases")]
    build_index("own", "audiogrounding_v2", archive, 2, 0, *tables, options={})
    status = tmp_path / "status.parquet"
    fetch_clips(tables[0], 0, 2, tmp_path / "m", status, FETCH, tmp_path / "run", None, 1, archive)
    found = pd.read_parquet(status).set_index("clip_id")
    assert found["status"].to_dict() == {"-a_b": "ok", "_x-": "ok"}
    assert found["duration_s"].to_dict() == pytest.approx({"-a_b": 1.0, "_x-": 0.5}, abs=0.01)


def test_version_1_given_to_the_reader_of_version_2_is_told_so(tmp_path):
    with pytest.raises(HearsayError, match=r"train\.json is no list of items; .* version 1"):
        read_audiogrounding_v2(write_v1(tmp_path), {})


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(HearsayError, match=r"train\.json does not exist; the rule that fetches"):
        read_audiogrounding(tmp_path)


@pytest.mark.parametrize(
    ("reader", "write", "num_clips", "clip_ids"),
    [
        ("audiogrounding", write_v1, 4, {"-a_b_30000", "_x-_0"}),
        ("audiogrounding_v2", write_v2, 2, {"-a_b", "_x-"}),
    ],
)
def test_both_readers_pass_build_index(tmp_path, reader, write, num_clips, clip_ids):
    write(tmp_path)
    outputs = [tmp_path / f"{name}.parquet" for name in ("clips", "captions", "phrases")]
    build_index("own", reader, tmp_path, num_clips, 0, *outputs)
    index = read_index(*outputs)
    assert set(index.clips["clip_id"]) >= clip_ids


def test_tokens_are_found_in_the_words_that_they_begin_in():
    assert words_of_tokens(SPEECH_TOKENS, SPEECH) == [0, 1, 1, 2, 2, 3, 4, 5, 6, 7]
    assert words_of_tokens(["rain"], "rain") == [0]
    with pytest.raises(ValueError, match="the tokens do not spell 'a dog'"):
        words_of_tokens(["a", "cat"], "a dog")


@needs_labels
def test_the_real_labels_hold_the_published_counts():
    index = read_audiogrounding(V1)
    check_index(index)
    clips = index.clips.set_index("clip_id")
    length_s = clips["end_s"] - clips["start_s"]
    phrases = index.phrases.join(clips["split"], on="clip_id")
    captions = index.captions.join(clips["split"], on="clip_id")

    def by_split(values) -> list[int]:
        return [int(values[split]) for split in ("train", "val", "test")]

    assert by_split(clips["split"].value_counts()) == [4489, 31, 70]
    assert by_split(captions["split"].value_counts()) == [4489, 155, 350]
    assert by_split(phrases["split"].value_counts()) == [12373, 451, 1161]
    num_segments = phrases["onsets_s"].map(len)
    assert by_split(num_segments.groupby(phrases["split"]).sum()) == [19813, 729, 1668]
    assert by_split((num_segments == 0).groupby(phrases["split"]).sum()) == [383, 7, 46]
    assert by_split((length_s < 10).groupby(clips["split"]).sum()) == [85, 1, 1]
    offsets_s = phrases["offsets_s"].map(lambda times: max(times, default=0.0))
    assert (offsets_s <= phrases["clip_id"].map(length_s)).all()
    assert sum(name[0] in "-_" for name in clips.index) == 334


@needs_labels
def test_the_real_captions_are_audiocaps_own_of_the_same_splits():
    grounding, audiocaps = read_audiogrounding(V1), read_audiocaps(SHARED / "audiocaps" / "v1")
    ours = grounding.captions.merge(grounding.clips[["clip_id", "split"]])
    theirs = audiocaps.captions.merge(audiocaps.clips[["clip_id", "split"]])
    keys = ["caption_id", "clip_id", "split"]
    assert len(ours.merge(theirs, on=keys)) == len(ours) == 4994


@needs_labels
def test_the_real_tokens_are_spelled_and_found_again_in_every_caption():
    """So version 2, which has tokens alone, gets captions as version 1 writes them."""
    num_rows = 0
    for split in ("train", "val", "test"):
        table = json.loads((V1 / f"{split}.json").read_text())
        for key, tokens in table["tokens"].items():
            caption, phrase = table["caption"][key], table["soundtag"][key]
            assert spell(tokens) == caption
            word = words_of_tokens(tokens, caption)[table["start_word"][key]]
            assert caption.split()[word].startswith(phrase.split()[0])
            num_rows += 1
    assert num_rows == 12373 + 451 + 1161
