import csv
import json
from pathlib import Path

import pytest

from hearsay.encoders.tokens import spellings, tokenise

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="real captions (../shared/data) are not here"
)


def read_audiocaps() -> list[str]:
    texts = []
    for file in sorted((SHARED / "audiocaps").glob("v?/*.csv")):
        with file.open(newline="") as lines:
            texts += [row["caption"] for row in csv.DictReader(lines)]
    return texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A dog  barks\tloudly ", "a dog barks loudly"),
        ("rain falls, then (far away) a bell rings!", "rain falls then far away a bell rings"),
        ("wind,rain;thunder", "wind rain thunder"),
        ("*hiss* \"hello\" 'bye'", "hiss hello bye"),
        ("", ""),
        ("... -- !", ""),
    ],
)
def test_whitespace_and_punctuation_part_words_and_go(text, words):
    assert tokenise(text) == words.split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a low-pitched hum", "a low pitched hum"),
        ("a clip‑clop – far – off—again", "a clip clop far off again"),
        ("music/speech", "music speech"),
        ("one_two", "one two"),
    ],
)
def test_dashes_slashes_and_underscores_part_words(text, words):
    assert tokenise(text) == words.split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the dog's bark", "the dog bark"),
        ("the dog’s bark", "the dog bark"),
        ("the dogs' barks", "the dogs barks"),
        ("the dog 's bark", "the dog bark"),  # as tokenised annotations have it
        ("someone's steps", "someone steps"),
    ],
)
def test_possessives_are_dropped(text, words):
    assert tokenise(text) == words.split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("it's raining", "it is raining"),
        ("It’s raining", "it is raining"),
        ("birds that don't sing", "birds that do not sing"),
        ("it does n't stop", "it does not stop"),
        ("she can't and won't stop", "she can not and will not stop"),
        ("they're loud, we've heard", "they are loud we have heard"),
        ("I'm here and he'd shout", "I am here and he would shout"),
        ("I wouldn't've come", "I would not have come"),
        ("Won't it stop", "will not it stop"),
        ("at five o'clock", "at five o'clock"),
    ],
)
def test_contractions_are_spelled_out(text, words):
    assert tokenise(text) == words.split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dog barks. Then Bob calls", "dog barks then Bob calls"),
        ("TV plays while I sing", "TV plays while I sing"),
        ("A BELL RINGS", "a bell rings"),
        ("the TV", "the TV"),
    ],
)
def test_only_the_capital_of_a_sentence_is_lowered(text, words):
    assert tokenise(text) == words.split()


def test_a_phrase_from_the_middle_keeps_its_first_capital():
    assert tokenise("Bob calls", starts_sentence=False) == ["Bob", "calls"]
    assert tokenise("Bob calls") == ["bob", "calls"]


def test_numbers_and_abbreviations_stay_whole():
    assert tokenise("2 dogs, 2.5 seconds, 1,000 bees at 10:30") == (
        ["2", "dogs", "2.5", "seconds", "1000", "bees", "at", "10:30"]
    )
    assert tokenise("over a p.a. system.Then in the U.S.") == (
        ["over", "a", "pa", "system", "then", "in", "the", "US"]
    )


def test_typos_stay_as_they_are():
    assert tokenise("a dgo braks, dont stop; echo'd") == [
        "a",
        "dgo",
        "braks",
        "dont",
        "stop",
        "echo'd",
    ]


def test_a_word_is_looked_up_as_it_is_then_in_lower_case_then_with_digits_hidden():
    assert spellings("dog") == ["dog"]
    assert spellings("TV") == ["TV", "tv"]
    assert spellings("2") == ["2"]
    assert spellings("40S") == ["40S", "40s", "##S", "##s"]


@needs_shared
@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("woman's voice", "woman voice"),
        ("it’s", "it is"),
        ("they're", "they are"),
        ("vehicles'", "vehicles"),
        ("clip-clop ", "clip clop"),
        ("growling/whining", "growling whining"),
        ("loudly,like", "loudly like"),
        ("p.a. system", "pa system"),
        ("“go, go, go!", "go go go"),
        ("late 30s", "late 30s"),
    ],
)
def test_real_audiocaps_lines_come_apart_as_wanted(part, expected):
    texts = [text for text in read_audiocaps() if part in text]
    assert texts
    for text in texts:
        assert f" {expected} " in f" {' '.join(tokenise(text))} "


@needs_shared
def test_every_real_caption_gives_clean_words():
    texts = read_audiocaps()
    assert len(texts) > 60_000
    odd = set()
    for text in texts:
        words = tokenise(text)
        assert words, text
        odd |= {word for word in words if not word.isalpha()}
    assert odd <= {"30s", "40s", "echo'd", "u'A", "U'A"}, sorted(odd)


@needs_shared
def test_real_audiogrounding_captions_agree_with_their_own_tokens():
    """The annotators' tokens, joined, give the same words as the caption itself."""
    for split in ("train", "val", "test"):
        columns = json.loads((SHARED / "audiogrounding" / "v1" / f"{split}.json").read_text())
        for key, caption in columns["caption"].items():
            tokens, first = columns["tokens"][key], columns["start_word"][key]
            assert tokenise(" ".join(tokens)) == tokenise(caption)
            phrase = tokenise(columns["soundtag"][key], starts_sentence=first == 0)
            assert phrase, columns["soundtag"][key]
            words = tokenise(caption)
            starts = range(len(words) - len(phrase) + 1)
            assert any(words[start : start + len(phrase)] == phrase for start in starts), caption
