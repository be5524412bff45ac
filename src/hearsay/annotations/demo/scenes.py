"""What truly happens in a clip of the demo: events, pictures, and what broke."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hearsay.annotations.demo.lexicon import Vocabulary

NUM_PICTURES = 4  # one for each quarter of the clip; the four images of a clip meet one each
ATTRIBUTES = {"pitch": ("low", "high"), "tempo": ("slow", "fast"), "distance": ("near", "far")}
NUM_EVENTS_SHARES = (0.6, 0.3, 0.1)  # of clips with 1, 2 and 3 mentioned events
EVENT_DURATION_S = (2.5, 6.0)
BREAKAGES = ("dead_link", "silent", "truncated", "corrupt")
DEAD_LINK_STATUSES = (404, 410, 403)
ONE_OF_EACH_FROM = 100  # clips: from here on each breakage with a share happens at least once

# Each clip draws from its own generators, one a stream, so that a changed option changes what
# it is about and nothing else.
STREAMS = {name: number for number, name in enumerate(("scene", "sound", "picture", "words"))}


def clip_generator(seed: int, clip: int, stream: str) -> np.random.Generator:
    """Return the generator of one clip and one stream."""
    return np.random.default_rng([seed, STREAMS[stream], clip])


@dataclass(frozen=True)
class Source:
    """Something that sounds: its class and its audible attributes; tempo None: as recorded."""

    name: str
    pitch: str
    tempo: str | None
    distance: str

    @property
    def facts(self) -> list[str]:
        """The class, and the class with each attribute."""
        values = (self.pitch, self.tempo, self.distance)
        return [self.name, *(f"{self.name}:{value}" for value in values if value)]


@dataclass(frozen=True)
class Event:
    """A source that sounds from onset to offset, in seconds from the clip's start."""

    source: Source
    onset_s: float
    offset_s: float
    mentioned: bool


@dataclass(frozen=True)
class Scene:
    """One clip: where it lies in its medium, what sounds, what is shown, what broke."""

    clip: int
    clip_id: str
    video_id: str
    split: str
    start_s: float
    duration_s: float
    events: tuple[Event, ...]  # by onset
    shown: tuple[Source | None, ...]  # a picture a quarter; None: scenery alone
    breakage: str | None

    @property
    def media_name(self) -> str:
        """File name of the medium."""
        return f"{self.video_id}.mp4"


def make_scenes(
    options: dict[str, Any], num_clips: int, duration_s: float, vocabulary: Vocabulary
) -> list[Scene]:
    """Draw all scenes. Test clips come first, then val, then train; the index shuffles them."""
    breakages = _choose_breakages(options, num_clips)
    return [
        _make_scene(options, clip, duration_s, vocabulary, breakages.get(clip))
        for clip in range(num_clips)
    ]


def split_of(options: dict[str, Any], clip: int) -> str:
    """Return the split of a clip by its number."""
    if clip < options["num_test"]:
        return "test"
    return "val" if clip < options["num_test"] + options["num_val"] else "train"


def _make_scene(
    options: dict[str, Any],
    clip: int,
    duration_s: float,
    vocabulary: Vocabulary,
    breakage: str | None,
) -> Scene:
    generator = clip_generator(options["seed"], clip, "scene")
    events = _draw_events(generator, options["unmentioned"], duration_s, vocabulary)
    alphabet = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    return Scene(
        clip=clip,
        clip_id=f"demo-{clip:05d}",
        video_id="".join(generator.choice(alphabet, 8)) + f"{clip % 1000:03d}",
        split=split_of(options, clip),
        start_s=float(generator.integers(0, 3)),
        duration_s=duration_s,
        events=events,
        shown=_draw_pictures(options, clip, events, vocabulary),
        breakage=breakage,
    )


def _draw_events(
    generator: np.random.Generator, unmentioned: float, duration_s: float, vocabulary: Vocabulary
) -> tuple[Event, ...]:
    num_mentioned = 1 + int(generator.choice(len(NUM_EVENTS_SHARES), p=NUM_EVENTS_SHARES))
    num_events = num_mentioned + int(generator.random() < unmentioned)
    names = generator.choice(vocabulary.names, num_events, replace=False)
    shortest, longest = (min(limit, 0.6 * duration_s) for limit in EVENT_DURATION_S)
    events = []
    for number, name in enumerate(names):
        length_s = generator.uniform(shortest, longest)
        onset_s = generator.uniform(0, duration_s - length_s)
        events.append(
            Event(
                _draw_source(generator, str(name), vocabulary),
                round(float(onset_s), 2),
                round(float(onset_s + length_s), 2),
                mentioned=number < num_mentioned,
            )
        )
    return tuple(sorted(events, key=lambda event: event.onset_s))


def _draw_source(generator: np.random.Generator, name: str, vocabulary: Vocabulary) -> Source:
    pitch, tempo, distance = (
        str(generator.choice(values)) for values in ATTRIBUTES.values()
    )  # always three draws, so that a sound bank changes nothing else
    return Source(name, pitch, tempo if vocabulary.has_tempo else None, distance)


def _draw_pictures(
    options: dict[str, Any], clip: int, events: tuple[Event, ...], vocabulary: Vocabulary
) -> tuple[Source | None, ...]:
    """Draw what each quarter shows.

    All draws are made whatever the knobs say, so that a clip changes picture by picture as a
    knob is turned.
    """
    generator = clip_generator(options["seed"], clip, "picture")
    mentioned = [event.source for event in events if event.mentioned]
    sounding = {event.source.name for event in events}
    silent = [name for name in vocabulary.names if name not in sounding]
    turn = generator.permutation(len(mentioned))  # all events get their turn to be seen
    shown: list[Source | None] = []
    for quarter in range(NUM_PICTURES):
        is_visible, disagrees = generator.random(2) < (
            options["object_visible"],
            options["disagreement"],
        )
        other = _draw_source(generator, str(generator.choice(silent)), vocabulary)
        agreeing = mentioned[turn[quarter % len(mentioned)]]
        shown.append((other if disagrees else agreeing) if is_visible else None)
    return tuple(shown)


def _choose_breakages(options: dict[str, Any], num_clips: int) -> dict[int, str]:
    """Choose which clips are broken, a different one for each breakage."""
    order = np.random.default_rng([options["seed"], len(STREAMS)]).permutation(num_clips)
    chosen: dict[int, str] = {}
    for breakage in BREAKAGES:
        share = options["broken"][breakage]
        count = round(share * num_clips)
        if share and num_clips >= ONE_OF_EACH_FROM:
            count = max(1, count)
        for clip in order[len(chosen) : len(chosen) + count].tolist():
            chosen[clip] = breakage
    return chosen
