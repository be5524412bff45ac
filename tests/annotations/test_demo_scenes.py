"""What the demo says of itself: scenes, captions, facts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.stats import rankdata

from hearsay.annotations.demo.captions import make_captions
from hearsay.annotations.demo.icons import ICONS
from hearsay.annotations.demo.lexicon import PROCEDURAL
from hearsay.annotations.demo.mixing import (
    RATE_HZ,
    ProceduralSounds,
    control_level,
    mix_scene,
    render_background,
    render_events,
)
from hearsay.annotations.demo.pictures import draw_pictures
from hearsay.annotations.demo.scenes import BREAKAGES, clip_generator, make_scenes
from hearsay.annotations.demo.sounds import place_at_distance
from hearsay.annotations.demo.voices import CLASSES, synthesise

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
OPTIONS = {**CONFIG["datasets"]["demo"]["demo"], "num_val": 20, "num_test": 40}


def scenes(num_clips=200, **changes):
    return make_scenes({**OPTIONS, **changes}, num_clips, 10.0, PROCEDURAL)


def test_every_class_has_a_sound_a_picture_and_words_for_it():
    assert set(PROCEDURAL.words) == set(CLASSES)
    assert set(CLASSES) <= set(ICONS)
    assert len(CLASSES) >= 16
    nouns = [noun for words in PROCEDURAL.words.values() for noun in words.nouns]
    assert len(nouns) == len(set(nouns)), "a synonym must name one class"


def test_the_same_seed_gives_the_same_scenes_and_more_clips_only_add_some():
    assert scenes() == scenes()
    assert scenes(seed=1) != scenes()
    fewer = [replace(scene, breakage=None) for scene in scenes(120)]
    assert fewer == [replace(scene, breakage=None) for scene in scenes()[:120]]


def test_disagreement_changes_pictures_and_nothing_else():
    for never, always in zip(scenes(disagreement=0.0), scenes(disagreement=1.0), strict=True):
        assert never.events == always.events
        sounding = {event.source for event in never.events if event.mentioned}
        names = {event.source.name for event in never.events}
        assert all(source in sounding for source in never.shown if source)
        assert all(source.name not in names for source in always.shown if source)
        # whether anything is shown does not depend on it either
        assert [source is None for source in never.shown] == [
            source is None for source in always.shown
        ]


def test_disagreement_leaves_every_sample_of_the_sound_alone():
    pair = [scenes(disagreement=share)[2] for share in (0.0, 1.0)]
    first, second = (mix_scene(scene, ProceduralSounds(), (-10, 0), 0) for scene in pair)
    assert pair[0].shown != pair[1].shown
    assert np.array_equal(first, second)


def test_the_shares_of_the_options_are_kept():
    many = scenes(1000)
    shown = [source for scene in many for source in scene.shown]
    assert np.mean([source is not None for source in shown]) == pytest.approx(0.95, abs=0.03)
    wrong = [
        source.name not in {event.source.name for event in scene.events}
        for scene in many
        for source in scene.shown
        if source
    ]
    assert np.mean(wrong) == pytest.approx(0.15, abs=0.03)
    unmentioned = [any(not event.mentioned for event in scene.events) for scene in many]
    assert np.mean(unmentioned) == pytest.approx(0.3, abs=0.04)
    assert np.mean([len(scene.events) >= 2 for scene in many]) >= 0.5
    broken = [scene.breakage for scene in many]
    assert {name: broken.count(name) for name in BREAKAGES} == {
        name: round(1000 * share) for name, share in OPTIONS["broken"].items()
    }


def test_events_lie_inside_the_clip_and_each_has_its_own_class():
    for scene in scenes():
        assert all(0 <= event.onset_s < event.offset_s <= 10 for event in scene.events)
        names = [event.source.name for event in scene.events]
        assert len(names) == len(set(names))


def test_a_phrase_is_a_run_of_its_captions_words():
    for scene in scenes():
        captions = make_captions(scene, PROCEDURAL, 0)
        assert len(captions) == (1 if scene.split == "train" else 5)
        mentioned = {event for event in scene.events if event.mentioned}
        for caption in captions:
            words = caption.text.split()
            for phrase in caption.phrases:
                run = phrase.text.split()
                assert words[phrase.first_word : phrase.first_word + len(run)] == run
            assert {phrase.event for phrase in caption.phrases} == mentioned


def test_what_a_caption_states_is_true_of_the_sound():
    for scene in scenes():
        true = {fact for event in scene.events for fact in event.source.facts}
        for caption in make_captions(scene, PROCEDURAL, 0):
            assert set(caption.facts) <= true


def test_words_of_order_are_true():
    checked = 0
    for scene in scenes(400):
        for caption in make_captions(scene, PROCEDURAL, 0):
            if len(caption.phrases) != 2:
                continue
            first, second = (phrase.event for phrase in caption.phrases)
            joint = set(caption.text.split())
            if joint & {"before", "then", "later"}:
                assert first.offset_s <= second.onset_s
                checked += 1
            if "after" in joint:
                assert second.offset_s <= first.onset_s
                checked += 1
            if "while" in joint:
                assert first.offset_s > second.onset_s
                checked += 1
    assert checked > 50


def test_the_events_sound_between_onset_and_offset_and_nowhere_else():
    for scene in scenes(20):
        sound = render_events(scene, ProceduralSounds(), clip_generator(0, scene.clip, "sound"))
        active = np.zeros(len(sound), bool)
        for event in scene.events:
            first = round((scene.start_s + event.onset_s) * RATE_HZ)
            last = round((scene.start_s + event.offset_s) * RATE_HZ)
            active[first:last] = True
            assert np.square(sound[first:last]).mean() > 1e-3
        assert np.abs(sound[~active]).max() == 0


def test_loudness_tells_little_about_where_the_mentioned_events_are():
    """Frame energy against the phrases: near 0.5, so an energy detector grounds nothing."""
    areas = []
    for scene in scenes(40):
        if scene.breakage:
            continue
        generator = clip_generator(0, scene.clip, "sound")
        mix = render_events(scene, ProceduralSounds(), generator)
        background = render_background(scene, tuple(OPTIONS["background_db"]), generator)
        mix = control_level(mix + background)
        first = round(scene.start_s * RATE_HZ)
        clip = mix[first : first + 10 * RATE_HZ].reshape(500, -1)  # frames of 20 ms
        energy = np.square(clip).mean(axis=1)
        time_s = np.arange(500) * 0.02
        for event in scene.events:
            if event.mentioned:
                active = (time_s >= event.onset_s) & (time_s < event.offset_s)
                num_active, ranks = active.sum(), rankdata(energy)[active]
                wins = ranks.sum() - num_active * (num_active + 1) / 2
                areas.append(wins / (num_active * (~active).sum()))
    assert 0.45 < np.mean(areas) < 0.62


def test_level_control_evens_out_slow_changes_alone():
    """A step of 40 dB becomes one of 4 dB; a short click still stands out of its second."""
    noise = np.random.default_rng(0).standard_normal(8 * RATE_HZ).astype(np.float32)
    step = noise * np.where(np.arange(len(noise)) < 4 * RATE_HZ, 0.1, 10.0).astype(np.float32)
    controlled = control_level(step)
    assert controlled.shape == step.shape
    quiet, loud = (np.square(controlled[k * RATE_HZ : (k + 2) * RATE_HZ]).mean() for k in (1, 5))
    assert 10 * np.log10(loud / quiet) == pytest.approx(4, abs=0.3)
    click = noise.copy()
    click[4 * RATE_HZ : 4 * RATE_HZ + 240] *= 30
    controlled = control_level(click)
    peak, around = controlled[4 * RATE_HZ :][:240], controlled[4 * RATE_HZ + 480 :][:2400]
    assert np.square(peak).mean() > 500 * np.square(around).mean()


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_pitch_and_tempo_are_audible(name):
    """High has its energy higher, and the envelope of fast changes more often."""
    generator = np.random.default_rng(0)

    def measure(pitch, tempo):
        sound = synthesise(name, pitch, tempo, 6 * RATE_HZ, RATE_HZ, generator)
        power = np.square(np.abs(np.fft.rfft(sound)))
        hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
        centre_hz = np.exp((power * np.log(hz + 20)).sum() / power.sum())
        frames = sound[: len(sound) // 240 * 240].reshape(-1, 240)  # 10 ms
        envelope = np.sqrt(np.square(frames).mean(axis=1))
        changes = np.abs(np.fft.rfft(envelope - envelope.mean()))
        rate_hz = np.fft.rfftfreq(len(envelope), 0.01)
        slow = rate_hz < (5 if name == "wind" else 40)  # the wind's noise changes faster still
        return centre_hz, (changes * rate_hz)[slow].sum() / changes[slow].sum()

    low, high = measure("low", "slow")[0], measure("high", "slow")[0]
    assert high > 1.3 * low
    if name != "siren":  # its tempo is how fast its tone turns, not its loudness
        slow, fast = measure("low", "slow")[1], measure("low", "fast")[1]
        assert fast > slow


def test_far_is_quieter_and_duller_than_near():
    generator = np.random.default_rng(0)
    sound = synthesise("rain", "high", "fast", 3 * RATE_HZ, RATE_HZ, generator)
    near = place_at_distance(sound, "near", RATE_HZ, generator)
    far = place_at_distance(sound, "far", RATE_HZ, generator)
    assert len(far) == len(near) == len(sound)
    assert np.square(far).mean() < 0.4 * np.square(near).mean()
    spectra = [np.square(np.abs(np.fft.rfft(part))) for part in (near, far)]
    top = len(spectra[0]) // 2
    assert spectra[1][top:].sum() / spectra[1].sum() < spectra[0][top:].sum() / spectra[0].sum()


def test_a_changed_background_leaves_scenes_and_pictures_alone():
    scene = scenes()[3]
    quiet = mix_scene(scene, ProceduralSounds(), (-60, -60), 0)
    loud = mix_scene(scene, ProceduralSounds(), (0, 0), 0)
    assert quiet.shape == loud.shape
    assert not np.allclose(quiet, loud)
    for first, second in zip(draw_pictures(scene, 0), draw_pictures(scene, 0), strict=True):
        assert np.array_equal(first, second)
