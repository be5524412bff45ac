import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from gensim.models import KeyedVectors

from hearsay.annotations.demo.captions import make_captions
from hearsay.annotations.demo.lexicon import PROCEDURAL
from hearsay.annotations.demo.scenes import make_scenes
from hearsay.encoders.tokens import tokenise
from hearsay.encoders.word_vectors import load_vectors, mean_cosine, train_skipgram
from hearsay.errors import HearsayError

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SKIPGRAM = CONFIG["words"]["skipgram"]
GENSIMS_OWN = {"epochs": 5, "min_count": 5, "negative": 5, "sample": 0.001, "learning_rate": 0.025}
WORDS = {"dog": [3.0, 4.0, 0.5], "Dog": [-1.0, 0.25, 2.0], "##": [0.125, -0.5, 1.5]}
GLOVE = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in WORDS.items())


@pytest.fixture(scope="module")
def sentences() -> list[list[str]]:
    """The demo's own train captions, 500 of them."""
    options = CONFIG["datasets"]["demo"]["demo"]
    scenes = make_scenes({**options, "num_val": 1, "num_test": 1}, 502, 10.0, PROCEDURAL)
    captions = [caption for scene in scenes for caption in make_captions(scene, PROCEDURAL, 0)]
    return [tokenise(caption.text) for caption in captions[:500]]


@pytest.fixture(scope="module")
def trained(sentences: list[list[str]]) -> Any:
    return train_skipgram(sentences, SKIPGRAM)


def unit(vectors: Any) -> np.ndarray:
    return vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)


def check_words(path: Path) -> None:
    vectors = load_vectors(path)
    assert sorted(vectors.key_to_index) == sorted(WORDS)
    for word, row in WORDS.items():
        assert vectors[word].tolist() == row


def test_synonyms_of_the_demo_are_nearest_to_each_other(trained):
    classes = {name: words.nouns for name, words in PROCEDURAL.words.items()}
    single = {name: [noun for noun in nouns if noun in trained] for name, nouns in classes.items()}
    asked = [(nouns, noun) for nouns in single.values() if len(nouns) > 1 for noun in nouns]
    right = [trained.most_similar(noun, topn=1)[0][0] in nouns for nouns, noun in asked]
    assert len(right) > 25
    assert np.mean(right) > 0.9


def test_the_settings_of_the_demo_do_not_collapse_and_gensims_own_do(sentences, trained):
    assert mean_cosine(unit(trained)) < 0.3
    assert mean_cosine(unit(train_skipgram(sentences, {**SKIPGRAM, **GENSIMS_OWN}))) > 0.95


def test_the_mean_cosine_equals_the_mean_over_all_pairs():
    vectors = np.random.default_rng(0).standard_normal((7, 5)) + 0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [vectors[i] @ vectors[j] for i in range(7) for j in range(7) if i != j]
    assert mean_cosine(vectors) == pytest.approx(np.mean(pairs))
    assert mean_cosine(vectors[:1]) == 0


def test_skipgram_vectors_are_equal_bit_for_bit_in_processes_with_other_hash_seeds():
    script = (
        "import hashlib\n"
        "from hearsay.encoders.word_vectors import train_skipgram\n"
        "words = 'a dog barks while rain falls and the wind blows'.split()\n"
        "sentences = [words[k % 7 :] + words[: k % 5] for k in range(60)]\n"
        f"vectors = train_skipgram(sentences, {SKIPGRAM!r})\n"
        "print(vectors.index_to_key, hashlib.sha256(vectors.vectors.tobytes()).hexdigest())\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1 and "dog" in printed.pop()


def test_skipgram_refuses_captions_without_a_frequent_word():
    with pytest.raises(HearsayError, match=r"none of the words of 1 train captions .*min_count 3"):
        train_skipgram([["a", "dog"]], {**SKIPGRAM, "min_count": 3})
    with pytest.raises(HearsayError, match="0 train captions"):
        train_skipgram([], SKIPGRAM)


def test_glove_text_is_read_with_and_without_a_header_plain_and_packed(tmp_path):
    for name, text in (("plain", GLOVE), ("header", "3 3\n" + GLOVE)):
        (tmp_path / f"{name}.txt").write_text(text)
        check_words(tmp_path / f"{name}.txt")
        (tmp_path / f"{name}.txt.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        check_words(tmp_path / f"{name}.txt.gz")


def test_a_word2vec_binary_is_read_plain_and_packed(tmp_path):
    vectors = KeyedVectors(3)
    vectors.add_vectors(list(WORDS), list(np.array(list(WORDS.values()), np.float32)))
    for name in ("vectors.bin", "vectors.bin.gz"):
        vectors.save_word2vec_format(str(tmp_path / name), binary=True)
        check_words(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "a.txt is empty"),
        ("a.zip", b"PK\x03\x04abc", "is a zip archive; unpack it"),
        ("a.txt", GLOVE.encode()[:-4], "line 3: 2 numbers instead of 3; fetch"),
        ("a.txt", GLOVE.encode() + b"cat 1 2 3 4\n", "line 4: 4 numbers instead of 3"),
        ("a.txt", GLOVE.encode() + b"cat 1 2 x\n", "holds no word vectors .*'x'"),
        ("a.txt", b"4 3\n" + GLOVE.encode(), "promises 4 words, and 3 follow"),
        ("a.txt.gz", gzip.compress(GLOVE.encode(), mtime=0)[:-9], "is truncated"),
        ("a.bin", b"2 3\ndog " + np.ones(3, "<f4").tobytes(), "is truncated"),
        ("a.bin", b"2 3\ndog " + np.ones(2, "<f4").tobytes(), "is truncated"),
        ("a.bin", b"\x80\x00\xff\xfe no vectors\n" * 9, "holds no word vectors"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(HearsayError, match=message) as error:
        load_vectors(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_absent_is_named(tmp_path):
    with pytest.raises(HearsayError, match=r"words\.file .*none\.txt does not exist"):
        load_vectors(tmp_path / "none.txt")
