"""What an index answers, against a naive computation over everything."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tests.search.searched_runs import (
    KINDS,
    LENGTH_S,
    NUM_CLIPS,
    NUM_IMAGES,
    RATE_HZ,
    SOUND,
    Searched,
    clip_id,
    picture,
    waveform,
)

from hearsay.clips.audio import decode_flac
from hearsay.encoders.frozen import read_frozen
from hearsay.encoders.labels import embed_labels
from hearsay.errors import HearsayError
from hearsay.features.store import ShardedArrays
from hearsay.methods.family import ScoresWords
from hearsay.scoring.captions import read_captions, score_captions
from hearsay.scoring.retrieval import clip_embedding
from hearsay.search.engine import Engine, Hit
from hearsay.search.finders import embed_sound
from hearsay.search.hear import fit_sound
from hearsay.search.label_finder import StoredVectors, embed_texts
from hearsay.search.towers import TowerEncoder
from hearsay.training.load import TrainedRun, embed_clips, listen, load_run, read_needs

AVAILABLE = [clip_id(number) for number in range(NUM_CLIPS) if number != 9]
CPU = torch.device("cpu")


def load(searched: Searched, method: str) -> TrainedRun:
    needs = read_needs(searched.model(method))
    frozen = read_frozen(needs, searched.data, searched.towers)
    return load_run(searched.model(method), frozen, CPU, needs.headline)


def ranking(scores: NDArray[np.float32]) -> list[str]:
    return [AVAILABLE[row] for row in np.argsort(-scores, kind="stable")]


def test_a_text_finds_clips_in_the_order_of_their_cosines(
    searched: Searched, engines: dict[str, Engine]
) -> None:
    clips = clip_embedding(embed_clips(load(searched, "pictures"), searched.data, AVAILABLE))
    asked = TowerEncoder(searched.towers, CPU).embed_texts(["a bell rings"])[0]
    hits = engines["pictures"].by_text("a bell rings", 20)
    assert [hit.clip_id for hit in hits] == ranking(clips @ asked)
    assert [hit.score for hit in hits] == pytest.approx(sorted(clips @ asked)[::-1], abs=2e-3)
    assert [hit.rank for hit in hits] == list(range(1, NUM_CLIPS))


def test_a_text_is_the_mean_of_its_words_where_labels_are(
    searched: Searched, engines: dict[str, Engine]
) -> None:
    run = load(searched, "labels")
    clips = clip_embedding(embed_clips(run, searched.data, AVAILABLE))
    vectors = StoredVectors(searched.index("labels"))
    asked = embed_texts(run, embed_labels(["bell rings"], vectors))[0]
    hits = engines["labels"].by_text("bell rings xyzzy", 5)
    assert [hit.clip_id for hit in hits] == ranking(clips @ asked)[:5]
    assert engines["labels"].unknown_words("bell rings xyzzy") == ["xyzzy"]


def test_a_text_is_the_mean_of_its_words_scores_where_words_are(
    searched: Searched, engines: dict[str, Engine]
) -> None:
    run = load(searched, "words")
    assert isinstance(run.family, ScoresWords)
    words = pd.read_parquet(searched.data.root / "word_embeddings.parquet").set_index("word")
    columns = [int(words.loc[word, "row"]) for word in ("dog", "barks")]
    with torch.inference_mode():
        heard = torch.cat(
            [
                run.family.score_words(run.network, batch)
                for _, batch in listen(run, searched.data, AVAILABLE)
            ]
        ).numpy()
    scores = heard[:, columns].mean(axis=1)
    hits = engines["words"].by_text("Dog barks xyzzy", 4)
    assert [hit.clip_id for hit in hits] == ranking(scores)[:4]
    assert hits[0].score == pytest.approx(scores.max(), abs=1e-3)
    assert engines["words"].unknown_words("Dog barks xyzzy") == ["xyzzy"]


@pytest.mark.parametrize("method", ["words", "labels"])
def test_words_that_nobody_knows_are_told(engines: dict[str, Engine], method: str) -> None:
    with pytest.raises(HearsayError, match="none of the words of 'xyzzy plugh'"):
        engines[method].by_text("xyzzy  plugh", 3)


@pytest.mark.parametrize("method", ["pictures", "labels"])
def test_a_clips_own_sound_finds_it_with_the_very_vector_of_the_index(
    searched: Searched, engines: dict[str, Engine], method: str
) -> None:
    engine, run = engines[method], load(searched, method)
    stored = clip_embedding(embed_clips(run, searched.data, AVAILABLE))
    for number in (0, 5, 13):
        samples = decode_flac(engine.clip_audio(clip_id(number)))
        hits = engine.by_sound(samples, RATE_HZ, 3, "clips")
        assert hits[0].clip_id == clip_id(number)
        assert hits[0].score == pytest.approx(1, abs=1e-3)
        batch = engine._listener.batch(torch.from_numpy(samples))
        asked = embed_sound(run, batch)
        assert asked == pytest.approx(stored[AVAILABLE.index(clip_id(number))], abs=5e-4)


def test_a_sound_finds_captions_by_their_words(
    searched: Searched, engines: dict[str, Engine]
) -> None:
    run = load(searched, "words")
    frozen = read_frozen(run.needs, searched.data, None)
    captions = read_captions(searched.data, frozen, run).of(AVAILABLE)
    scores = score_captions(run, searched.data, [clip_id(4)], captions)[0]
    hits = engines["words"].by_sound(waveform(4), RATE_HZ, 6, "captions")
    order = np.argsort(-scores, kind="stable")[:6]
    assert [hit.clip_id for hit in hits] == [captions.clip_ids[row] for row in order]
    assert [hit.score for hit in hits] == pytest.approx(scores[order], abs=1e-3)
    assert hits[0].kind == "caption" and hits[0].text


@pytest.mark.parametrize("method", ["pictures", "labels"])
def test_a_sound_finds_labels_and_captions(engines: dict[str, Engine], method: str) -> None:
    labels = engines[method].by_sound(waveform(3), RATE_HZ, 10, "labels")
    assert sorted(hit.text or "" for hit in labels) == sorted(KINDS)
    assert {hit.kind for hit in labels} == {"label"} and labels[0].clip_id is None
    captions = engines[method].by_sound(waveform(3), RATE_HZ, 50, "captions")
    assert len(captions) == len(AVAILABLE)
    assert {hit.clip_id for hit in captions} == set(AVAILABLE)


def test_a_sound_is_brought_to_the_rate_and_length_of_the_clips() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 44_100).astype(np.float32)  # 0.5 s
    fitted = fit_sound(tone, 44_100, SOUND)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / RATE_HZ)
    assert len(fitted) == RATE_HZ * LENGTH_S
    assert fitted[200:7800] == pytest.approx(expected[200:7800], abs=1e-3)
    assert not fitted[8100:].any()
    assert fit_sound(np.tile(tone, 4), 44_100, SOUND).shape == fitted.shape


def test_a_clips_own_picture_has_the_very_vector_of_the_data_set(
    searched: Searched, engines: dict[str, Engine]
) -> None:
    stored = ShardedArrays(searched.data.shards("image_embeddings", ".npy"))
    image = Image.open(io.BytesIO(picture(6, 1)))
    asked = TowerEncoder(searched.towers, CPU).embed_picture(image)
    assert asked == pytest.approx(stored.gather([clip_id(6)])[0, 1].astype(np.float32), abs=1e-3)
    clips = clip_embedding(embed_clips(load(searched, "pictures"), searched.data, AVAILABLE))
    hits = engines["pictures"].by_picture(image, 4)
    assert [hit.clip_id for hit in hits] == ranking(clips @ asked)[:4]


def test_hits_say_split_time_and_link(engines: dict[str, Engine]) -> None:
    hits = {hit.clip_id: hit for hit in engines["pictures"].by_text("dog", 20)}
    link = "https://www.youtube.com/watch?v=video_id_03&t=30s"
    third = hits[clip_id(3)]
    assert (third.kind, third.split, third.start_s, third.end_s) == ("clip", "test", 30, 30.8)
    assert third.link == link and third.text is None
    assert hits[clip_id(0)].link is None and hits[clip_id(0)].end_s is None


def test_a_phrase_is_heard_over_time(searched: Searched, engines: dict[str, Engine]) -> None:
    found = engines["pictures"].activity(clip_id(1), "a dog barks")
    assert found is not None
    assert found.times_s[:2] == pytest.approx([0.0125, 0.0375])
    assert len(found.scores) == 32 and 0 <= found.scores.min() <= found.scores.max() <= 1
    run = load(searched, "words")
    words = pd.read_parquet(searched.data.root / "word_embeddings.parquet").set_index("word")
    vector = run.network.get_buffer("vectors")[int(words.loc["dog", "row"])]
    with torch.inference_mode():
        _, batch = next(iter(listen(run, searched.data, [clip_id(1)])))
        frames = run.network(batch["logmel"], batch["num_frames"])[0]
    heard = engines["words"].activity(clip_id(1), "dog")
    assert heard is not None
    assert heard.scores == pytest.approx((frames @ vector).clamp_min(0).numpy(), abs=1e-4)
    assert engines["words"].activity(clip_id(1), "xyzzy") is None
    assert engines["labels"].activity(clip_id(1), "dog") is None


def test_the_files_of_a_clip_are_its_own(engines: dict[str, Engine]) -> None:
    engine = engines["pictures"]
    for number in (0, 7, 8, 13):
        assert decode_flac(engine.clip_audio(clip_id(number))) == pytest.approx(
            waveform(number), abs=1 / 32768
        )
        for image in range(NUM_IMAGES):
            assert engine.clip_image(clip_id(number), image) == picture(number, image)
    notes = engine.segments(clip_id(1))
    assert notes.labels == ("rain",) and notes.captions == ("Heavy rain falls nr1",)
    assert notes.segments[0].phrase == "Heavy rain falls"
    assert notes.segments[0].onsets_s == (0.1, 0.5)
    seen = engine.spectrogram(clip_id(1))
    assert seen.levels.shape == (32, 16) and seen.frame_shift_s == 0.025


@pytest.mark.parametrize("name", ["clip09", "nobody", "", "../../../etc/passwd", "clip01\x00"])
def test_a_clip_that_is_not_there_is_named(engines: dict[str, Engine], name: str) -> None:
    engine = engines["pictures"]
    for ask in (engine.clip_audio, engine.segments, engine.spectrogram):
        with pytest.raises(HearsayError, match="is not in this index"):
            ask(name)
    with pytest.raises(HearsayError, match="2 pictures, counted from 0; 2 is none"):
        engine.clip_image(clip_id(1), 2)


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros(RATE_HZ, np.float32), "silent"),
        (waveform(1)[:1000], "too short: 0.06 s"),
        (np.full(RATE_HZ, np.nan, np.float32), "finite"),
        (np.zeros((2, RATE_HZ), np.float32), "one channel"),
    ],
)
def test_a_sound_that_says_nothing_is_refused(
    engines: dict[str, Engine], samples: NDArray[np.float32], says: str
) -> None:
    with pytest.raises(HearsayError, match=says):
        engines["pictures"].by_sound(samples, RATE_HZ, 3, "clips")


def test_what_an_index_cannot_do_is_told(engines: dict[str, Engine]) -> None:
    with pytest.raises(HearsayError, match="does not find clips by a picture; it finds"):
        engines["words"].by_picture(Image.new("RGB", (9, 9)), 3)
    with pytest.raises(HearsayError, match="does not find clips by a sound"):
        engines["words"].by_sound(waveform(1), RATE_HZ, 3, "clips")
    with pytest.raises(HearsayError, match="must be one of clips, captions, labels"):
        engines["words"].by_sound(waveform(1), RATE_HZ, 3, "songs")
    with pytest.raises(HearsayError, match="empty"):
        engines["pictures"].by_text(" ", 3)
    with pytest.raises(HearsayError, match="from 1 to 1000"):
        engines["pictures"].by_text("dog", 0)
    assert engines["words"].description.finds == ("text_to_clips", "sound_to_captions")


def test_many_threads_may_ask_at_once(engines: dict[str, Engine]) -> None:
    engine = engines["pictures"]

    def ask(number: int) -> tuple[list[Hit], list[Hit]]:
        own = engine.by_sound(waveform(number % 3), RATE_HZ, 5, "clips")
        return own, engine.by_text(KINDS[number % 3], 5)

    alone = [ask(number) for number in range(3)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, range(24)))
    assert all(answer == alone[number % 3] for number, answer in enumerate(together))


def test_a_tree_that_was_moved_is_still_searched(searched: Searched, tmp_path: Path) -> None:
    moved = Searched(tmp_path / "elsewhere")
    shutil.copytree(searched.root, moved.root)
    engine = Engine.open(moved.index("words"))
    assert engine.files.data.root == moved.data.root
    assert len(engine.by_text("dog", 3)) == 3
    engine.close()


def test_a_clip_is_told_of_by_its_first_caption_or_else_its_labels(
    searched: Searched, tmp_path: Path
) -> None:
    own = Searched(tmp_path / "own")
    shutil.copytree(searched.root, own.root)
    captions, clips = (pd.read_parquet(path) for path in (own.data.captions, own.data.clips))
    again = captions[captions["clip_id"] == clip_id(1)].assign(text="said later")
    captions = captions[~captions["clip_id"].isin([clip_id(2), clip_id(3)])]
    first = captions.set_index("clip_id")["text"][clip_id(1)]
    clips["labels"] = [[] if name == clip_id(3) else ["a", "b"] for name in clips["clip_id"]]
    pd.concat([captions, again]).to_parquet(own.data.captions)
    clips.to_parquet(own.data.clips)
    engine = Engine.open(own.index("words"))
    engine.close()
    said = engine.files.summaries([clip_id(number) for number in (3, 2, 1)])
    assert said == {clip_id(1): first, clip_id(2): "a, b"}
    assert engine.files.summaries([]) == {}


def test_a_build_that_fails_leaves_no_index(searched: Searched, tmp_path: Path) -> None:
    own = Searched(tmp_path / "own")
    shutil.copytree(searched.root, own.root)
    own.data.caption_embeddings.unlink()
    with pytest.raises(FileNotFoundError):
        own.build("pictures")
    with pytest.raises(HearsayError, match="index.json does not exist; build it: "):
        Engine.open(own.index("pictures"))


@pytest.mark.slow
def test_a_build_that_is_killed_leaves_no_index(searched: Searched, tmp_path: Path) -> None:
    own = Searched(tmp_path / "own")
    shutil.copytree(searched.root, own.root)
    shutil.rmtree(own.index("pictures"))
    captions = own.data.caption_embeddings.with_suffix(".parquet")
    kept = captions.rename(captions.with_name("kept"))
    os.mkfifo(captions)  # which nobody writes: the build waits there, its clips written
    program = (
        "import sys, pathlib; from tests.search.searched_runs import Searched; "
        "Searched(pathlib.Path(sys.argv[1])).build('pictures')"
    )
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(own.root)], env={**os.environ, "PYTHONPATH": paths}
    )
    while not (own.index("pictures") / "clips.faiss").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(HearsayError, match="index.json does not exist"):
        Engine.open(own.index("pictures"))
    kept.rename(captions)
    own.build("pictures")
    assert Engine.open(own.index("pictures")).description.num_clips == len(AVAILABLE)
