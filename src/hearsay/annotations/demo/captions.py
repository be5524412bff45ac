"""Say what sounds, in several wordings and orders, and note where each phrase stands.

Captions have no punctuation and one leading capital, so that a phrase is a run of the
caption's whitespace tokens: `phrase.split() == caption.split()[first_word:][:len]`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hearsay.annotations.demo.lexicon import (
    DISTANCE_WORDS,
    TEMPO_WORDS,
    Vocabulary,
    Words,
)
from hearsay.annotations.demo.scenes import Event, Scene, clip_generator

NUM_CAPTIONS = {"train": 1, "val": 5, "test": 5}
NAME_ATTRIBUTE = 0.85  # how often a caption says an attribute


@dataclass(frozen=True)
class Phrase:
    """A run of words of a caption that names one event."""

    text: str
    first_word: int
    event: Event


@dataclass(frozen=True)
class Caption:
    """A sentence, its phrases, and the facts that it states."""

    text: str
    phrases: tuple[Phrase, ...]
    facts: tuple[str, ...]


def make_captions(scene: Scene, vocabulary: Vocabulary, seed: int) -> list[Caption]:
    """Write the captions of a scene: one for train, five for val and test."""
    generator = clip_generator(seed, scene.clip, "words")
    events = [event for event in scene.events if event.mentioned]
    return [write_caption(events, vocabulary, generator) for _ in range(NUM_CAPTIONS[scene.split])]


def write_caption(
    events: list[Event], vocabulary: Vocabulary, generator: np.random.Generator
) -> Caption:
    """Write one caption that names some events, given by onset."""
    clauses, facts = [], []
    for event in events:
        clause, said = _write_clause(event, vocabulary.words[event.source.name], generator)
        clauses.append(clause)
        facts += said
    told = list(zip(events, clauses, strict=True))
    joints = [_joint(first, second, generator) for first, second in pairwise(events)]
    if len(told) == 2 and joints[0] == "and then" and generator.random() < 0.4:
        told, joints = told[::-1], ["after"]  # the second event first, and still true
    words: list[str] = []
    phrases = []
    for number, (event, clause) in enumerate(told):
        if number:
            words += joints[number - 1].split()
        phrases.append((len(words), len(clause), event))
        words += clause
    words[0] = words[0].capitalize()
    return Caption(
        " ".join(words),
        tuple(
            Phrase(" ".join(words[first : first + length]), first, event)
            for first, length, event in phrases
        ),
        tuple(facts),
    )


def _joint(first: Event, second: Event, generator: np.random.Generator) -> str:
    """Join two events in the order of their onsets with words that are true of them."""
    if second.onset_s >= first.offset_s:
        return str(generator.choice(["and then", "before", "and later"]))
    return str(generator.choice(["while", "as", "and"]))


def _write_clause(
    event: Event, words: Words, generator: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Write "a deep bell rings slowly in the distance" and the facts that it states."""
    source = event.source
    says = generator.random(3) < NAME_ATTRIBUTE
    noun, verb = str(generator.choice(words.nouns)), str(generator.choice(words.verbs))
    pitch = str(generator.choice(words.pitch[source.pitch]))
    facts = [source.name]
    if says[0]:
        facts.append(f"{source.name}:{source.pitch}")
        noun = _add_adjective(noun, pitch)
    if not words.is_mass and noun != "somebody":
        noun = f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    parts = [noun, verb]
    tempo = str(generator.choice(TEMPO_WORDS[source.tempo or "slow"]))
    if source.tempo and says[1]:
        facts.append(f"{source.name}:{source.tempo}")
        parts.append(tempo)
    distance = str(generator.choice(DISTANCE_WORDS[source.distance]))
    goes_first = generator.random() < 0.25
    if says[2]:
        facts.append(f"{source.name}:{source.distance}")
        parts.insert(0 if goes_first else len(parts), distance)
    return " ".join(parts).split(), facts


def _add_adjective(noun: str, adjective: str) -> str:
    """Put an adjective before a noun, behind an article that the noun brings along."""
    if noun == "somebody":
        return f"{adjective}-voiced person"
    article, _, rest = noun.partition(" ")
    return f"a {adjective} {rest}" if article == "a" else f"{adjective} {noun}"
