import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from hearsay.annotations.demo.captions import make_captions
from hearsay.annotations.demo.lexicon import PROCEDURAL
from hearsay.annotations.demo.scenes import make_scenes
from hearsay.annotations.tables import CAPTIONS_SCHEMA, CLIPS_SCHEMA, PHRASES_SCHEMA
from hearsay.encoders.word_store import UNKNOWN_ROW, WordFiles, read_word_store, usable_rows
from hearsay.encoders.words import draw_unknown, embed_words, look_up
from hearsay.errors import HearsayError
from hearsay.files import read_json, write_parquet
from hearsay.layout import DatasetFiles

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
GLOVE = SHARED / "glove" / "glove.6B.100d.subset.txt"
needs_glove = pytest.mark.skipif(
    not GLOVE.is_file(), reason="real GloVe vectors and captions (../shared/data) are not here"
)
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
WORDS = CONFIG["words"]
VECTORS = {
    "dog": [3.0, 4.0],
    "barks": [0.0, -2.0],
    "Bob": [-1.0, 0.0],
    "rain": [1.0, 1.0],
    "unused": [5.0, 5.0],
}
CAPTIONS = [  # split, text, its phrases with their first words
    ("train", "Dog barks.", [("Dog barks", 0)]),
    ("train", "A dog's rain", []),
    ("val", "the Rain, then Bob barks", [("the Rain", 0), ("Bob barks", 3)]),
    ("test", "xyzzy plugh", [("xyzzy", 0)]),
    ("test", "...", []),
]


def write_dataset(
    root: Path, captions: list[tuple[str, str, list[tuple[str, int]]]]
) -> DatasetFiles:
    files = DatasetFiles(root, 1)
    clips = [
        {
            "clip_id": f"clip{k}",
            "source": "file",
            "locator": "x.wav",
            "start_s": 0.0,
            "end_s": None,
            "split": split,
            "labels": [],
        }
        for k, (split, _, _) in enumerate(captions)
    ]
    texts = [
        {"caption_id": f"clip{k}_1", "clip_id": f"clip{k}", "text": text}
        for k, (_, text, _) in enumerate(captions)
    ]
    phrases = [
        {
            "caption_id": f"clip{k}_1",
            "clip_id": f"clip{k}",
            "phrase": phrase,
            "first_word": first_word,
            "onsets_s": [],
            "offsets_s": [],
        }
        for k, (_, _, own) in enumerate(captions)
        for phrase, first_word in own
    ]
    for rows, schema, path in (
        (clips, CLIPS_SCHEMA, files.clips),
        (texts, CAPTIONS_SCHEMA, files.captions),
        (phrases, PHRASES_SCHEMA, files.phrases),
    ):
        write_parquet(pd.DataFrame(rows, columns=schema.names), path)
    return files


def write_vectors(path: Path, vectors: dict[str, list[float]]) -> Path:
    path.write_text("".join(f"{w} {' '.join(map(str, v))}\n" for w, v in vectors.items()))
    return path


def run(files: DatasetFiles, training: DatasetFiles | None = None, **changes: Any) -> WordFiles:
    written = WordFiles.of(files)
    embed_words(
        files.name,
        {**WORDS, **changes},
        files.clips,
        files.captions,
        files.phrases,
        training.clips if training else None,
        training.captions if training else None,
        written,
    )
    return written


@pytest.fixture
def files(tmp_path: Path) -> DatasetFiles:
    return write_dataset(tmp_path / "animals", CAPTIONS)


@pytest.fixture
def written(files: DatasetFiles, tmp_path: Path) -> WordFiles:
    return run(files, vectors="by-hand", file=str(write_vectors(tmp_path / "v.txt", VECTORS)))


def test_each_word_in_use_gets_its_unit_vector_and_unknown_words_share_one(written):
    array, table = np.load(written.array), pd.read_parquet(written.index)
    assert array.dtype == np.float32
    known = table[table["is_known"]]
    assert known["word"].tolist() == ["Bob", "barks", "dog", "rain"]
    assert known["row"].tolist() == [1, 2, 3, 4]
    half = 0.5**0.5
    np.testing.assert_allclose(array[1:], [[-1, 0], [0, -1], [0.6, 0.8], [half, half]], atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(array, axis=1), 1, atol=1e-6)
    unknown = table[~table["is_known"]]
    assert unknown["word"].tolist() == ["a", "plugh", "the", "then", "xyzzy"]
    assert set(unknown["row"]) == {UNKNOWN_ROW}


def test_words_are_counted_by_split(written):
    table = pd.read_parquet(written.index).set_index("word")
    counts = table[["count_train", "count_val", "count_test", "count_phrases"]]
    assert counts.loc["dog"].tolist() == [2, 0, 0, 1]
    assert counts.loc["rain"].tolist() == [1, 1, 0, 1]
    assert counts.loc["Bob"].tolist() == [0, 1, 0, 1]
    assert counts.loc["xyzzy"].tolist() == [0, 0, 1, 1]
    assert counts.loc["the"].tolist() == [0, 1, 0, 1]


def test_the_store_gives_the_rows_of_every_caption_and_phrase_in_order(files, written):
    store = read_word_store(written)
    assert (store.name, store.trained_on) == ("by-hand", None)
    captions = pd.read_parquet(files.captions)
    assert store.captions["caption_id"].tolist() == captions["caption_id"].tolist()
    rows = [own.tolist() for own in store.captions["rows"]]
    assert rows == [[3, 2], [0, 3, 4], [0, 4, 0, 1, 2], [0, 0], []]
    assert store.captions["words"][2].tolist() == ["the", "Rain", "then", "Bob", "barks"]
    phrases = store.phrases
    assert phrases["phrase_number"].tolist() == [0, 0, 1, 0]
    assert [own.tolist() for own in phrases["rows"]] == [[3, 2], [0, 4], [1, 2], [0]]


def test_mode_paper_keeps_unknown_words_and_mode_skip_leaves_them_out():
    assert usable_rows([0, 3, 0], "paper").tolist() == [0, 3, 0]
    assert usable_rows([0, 3, 0], "skip").tolist() == [3]
    assert usable_rows([0, 0], "skip").tolist() == []
    with pytest.raises(HearsayError, match="mode 'drop' of unknown words: must be one of paper"):
        usable_rows([1], "drop")


def test_captions_without_a_known_word_are_counted_and_named(written):
    summary = read_json(written.summary)
    test = summary["splits"]["test"]
    assert test["captions"] == {"listed": 2, "without_words": 1, "only_unknown": 1}
    assert test["phrases"] == {"listed": 1, "without_words": 0, "only_unknown": 1}
    assert (test["tokens"], test["unknown_tokens"]) == (2, 2)
    val = summary["splits"]["val"]
    assert (val["tokens"], val["unknown_tokens"]) == (5, 2)
    assert (val["words"], val["unknown_words"]) == (5, 2)
    named = [row["text"] for row in summary["without_known_words"]]
    assert named == ["xyzzy plugh", "..."]
    assert summary["unknown"][0] == {"word": "a", "count": 1}


def test_the_vector_of_unknown_words_hangs_on_its_seed_alone(files, written, tmp_path):
    first = np.load(written.array)
    path = str(tmp_path / "v.txt")
    other = np.load(run(files, file=path, unknown_seed=WORDS["unknown_seed"] + 1).array)
    assert not np.allclose(first[UNKNOWN_ROW], other[UNKNOWN_ROW])
    assert np.array_equal(first[1:], other[1:])
    np.testing.assert_allclose(first[UNKNOWN_ROW], draw_unknown(WORDS["unknown_seed"], 2), 1e-6)


def test_a_word_is_looked_up_as_written_before_lower_case():
    vectors = {"Apple": 1, "apple": 1, "dog": 1, "##": 1}
    vocabulary, known = look_up({"Apple", "apple", "Dog", "dog", "42", "7", "Cat"}, vectors)
    assert known == ["##", "Apple", "apple", "dog"]
    assert vocabulary.row_list(["Apple", "apple", "Dog", "dog", "42", "7", "Cat"]) == (
        [2, 3, 4, 4, 1, UNKNOWN_ROW, UNKNOWN_ROW]
    )
    assert vocabulary.names["Cat"] == "cat"


def test_skipgram_learns_train_captions_alone_and_the_same_each_time(tmp_path):
    texts = ["a dog barks while rain falls", "wind blows and then a bell rings", "a bell rings"]
    captions = [("train", text, []) for text in texts * 10] + [("test", "a quiet zebra", [])]
    files = write_dataset(tmp_path / "demo", captions)
    options = {"skipgram": {**WORDS["skipgram"], "dataset": "demo"}, "max_mean_cosine": 1}
    written = run(files, files, **options)
    table = pd.read_parquet(written.index).set_index("word")
    assert table.loc["bell", "is_known"] and not table.loc["zebra", "is_known"]
    assert read_json(written.summary)["trained_on"] == "demo"
    first = written.array.read_bytes(), written.captions.read_bytes()
    again = run(files, files, **options)
    assert (again.array.read_bytes(), again.captions.read_bytes()) == first


def test_skipgram_learns_no_caption_of_an_excluded_clip(tmp_path):
    several = [("train", f"a word{n} barks and barks", []) for n in range(40)]
    files = write_dataset(tmp_path / "data", several)
    options = {"skipgram": {**WORDS["skipgram"], "dataset": "demo"}, "max_mean_cosine": 1}
    known = pd.read_parquet(run(files, files, **options).index).set_index("word")["is_known"]
    assert known["word7"]
    clips = pd.read_parquet(files.clips)
    clips["excluded"] = np.where(clips["clip_id"] == "clip7", "audiocaps test", None)
    clips.to_parquet(files.clips)
    known = pd.read_parquet(run(files, files, **options).index).set_index("word")["is_known"]
    assert not known["word7"] and known["word8"]


def test_vectors_that_have_collapsed_are_refused(files, tmp_path):
    close = {word: [1.0, 0.01 * k] for k, word in enumerate(VECTORS)}
    path = write_vectors(tmp_path / "close.txt", close)
    with pytest.raises(HearsayError, match=r"have collapsed: the mean cosine .* is 1\.00, above"):
        run(files, file=str(path))
    assert not WordFiles.of(files).array.exists()


def test_skipgram_with_gensims_own_settings_on_the_demo_is_refused(tmp_path):
    demo = CONFIG["datasets"]["demo"]["demo"]
    scenes = make_scenes({**demo, "num_val": 1, "num_test": 1}, 302, 10.0, PROCEDURAL)
    texts = [caption.text for scene in scenes for caption in make_captions(scene, PROCEDURAL, 0)]
    files = write_dataset(tmp_path / "demo", [("train", text, []) for text in texts])
    skipgram = {**WORDS["skipgram"], "dataset": "demo"}
    assert read_json(run(files, files, skipgram=skipgram).summary)["mean_cosine"] < 0.3
    gensims = {"epochs": 5, "min_count": 5, "negative": 5, "sample": 0.001, "learning_rate": 0.025}
    collapsed = r"the mean cosine .* is (0\.9\d|1\.00), above .*raise words\.skipgram epochs"
    with pytest.raises(HearsayError, match=collapsed):
        run(files, files, skipgram={**skipgram, **gensims})


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ({"hund": [1.0, 2.0]}, "hold none of the 10 words of .*another language"),
        ({**VECTORS, "dog": [0.0, 0.0]}, "the word vector of 'dog' is zero or not finite"),
        ({**VECTORS, "dog": [float("nan"), 1.0]}, "the word vector of 'dog' is zero or not finite"),
    ],
)
def test_useless_vectors_are_refused(files, tmp_path, vectors, message):
    path = write_vectors(tmp_path / "v.txt", vectors)
    with pytest.raises(HearsayError, match=message):
        run(files, file=str(path))


def test_what_is_absent_is_named(files, tmp_path):
    with pytest.raises(HearsayError, match=r"words\.file is null, so skip-gram vectors are"):
        run(files)
    files.phrases.unlink()
    with pytest.raises(HearsayError, match=r"phrases\.parquet does not exist; build_index"):
        run(files, file=str(write_vectors(tmp_path / "v.txt", VECTORS)))
    with pytest.raises(HearsayError, match="word_embeddings.json does not exist"):
        read_word_store(WordFiles.of(files))


def test_files_of_two_runs_are_refused(files, written):
    np.save(written.array, np.load(written.array)[:3])
    with pytest.raises(HearsayError, match="damaged or not of one run .*run embed_words again"):
        read_word_store(written)


@needs_glove
def test_real_captions_find_their_words_in_real_glove_vectors(tmp_path):
    """AudioCaps v1: the subset was made of its words, and lacks "a"."""
    captions = []
    for split in ("val", "test"):
        with (SHARED / "audiocaps" / "v1" / f"{split}.csv").open(newline="") as lines:
            captions += [(split, row["caption"], []) for row in csv.DictReader(lines)]
    written = run(write_dataset(tmp_path / "audiocaps", captions), file=str(GLOVE))
    summary = read_json(written.summary)
    assert summary["unknown"][0]["word"] == "a"
    assert summary["mean_cosine"] < 0.2
    for split in ("val", "test"):
        counts = summary["splits"][split]
        assert 0.10 < counts["unknown_tokens"] / counts["tokens"] < 0.15
        assert counts["captions"]["only_unknown"] == counts["captions"]["without_words"] == 0
    store = read_word_store(written)
    table = pd.read_parquet(written.index)
    nearest = store.vectors @ store.vectors[table.set_index("word").loc["dog", "row"]]
    names = dict(zip(table["row"], table["word"], strict=True))
    assert {names[row] for row in np.argsort(-nearest)[1:4]} & {"cat", "dogs", "pet"}


@needs_glove
def test_a_fifth_of_real_caption_tokens_are_words_that_google_news_lacks(tmp_path):
    """Xie et al. 2022: "a", "and", "of" and "to" are 19 % of the tokens of AudioGrounding v1."""
    columns = json.loads((SHARED / "audiogrounding" / "v1" / "train.json").read_text())
    by_id = dict(zip(columns["audiocap_id"].values(), columns["caption"].values(), strict=True))
    captions = [("train", text, []) for text in by_id.values()]
    written = run(write_dataset(tmp_path / "audiogrounding", captions), file=str(GLOVE))
    counts = pd.read_parquet(written.index).set_index("word")["count_train"]
    assert counts[["a", "and", "of", "to"]].sum() / counts.sum() == pytest.approx(0.193, abs=0.001)
