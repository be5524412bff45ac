"""Runs asked for tasks that they were not trained for, against the same worked out here."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from small_runs import CPU, towers, train
from tests.labelled import LABEL_OPTIONS, write_labelled, write_texts

from hearsay.encoders.frozen import read_frozen
from hearsay.encoders.label_store import (
    CAPTION_SCHEMA,
    LABEL_SCHEMA,
    LabelFiles,
    read_label_store,
)
from hearsay.encoders.word_store import INDEX_SCHEMA, WordFiles
from hearsay.families import FAMILIES
from hearsay.files import write_parquet
from hearsay.layout import DatasetFiles
from hearsay.scoring.label_cells import LabelScoring
from hearsay.scoring.label_scores import score_space
from hearsay.scoring.label_space import Embedded, LabelSpace
from hearsay.scoring.other_tasks import read_reasons
from hearsay.scoring.records import ScoreIdentity, read_scores
from hearsay.scoring.run import score_run
from hearsay.scoring.score_labels import score_labels
from hearsay.training.load import embed_clips, listen, load_run
from hearsay.training.options import Machine
from hearsay.training.run import train_run

LABELS = ["class0", "class1", "class2", "class3"]
NEIGHBOURS = 5


def unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def add_labels(data: DatasetFiles, folder: Path) -> DatasetFiles:
    """Copy a data set; clip n is of class n % 4 but the last, of two; the second half is test.

    Of the towers' labels each lies at its class's captions; clip05 is not available.
    """
    shutil.copytree(data.root, folder)
    own = DatasetFiles(folder, data.num_shards)
    clips = pd.read_parquet(own.clips)
    labels = [[LABELS[number % 4]] for number in range(len(clips) - 1)] + [LABELS[:2]]
    split = clips["split"].where(clips.index < 20, "test")
    clips.assign(labels=labels, split=split).to_parquet(own.clips)
    status = pd.DataFrame({"clip_id": clips["clip_id"], "split": split})
    status["available"] = status["clip_id"] != "clip05"
    status.to_parquet(own.availability_table)
    write_texts(own, LABELS, [])
    captions = pd.read_parquet(own.caption_embeddings.with_suffix(".parquet"))
    texts = np.load(own.caption_embeddings).astype(np.float32)
    classes = captions["clip_id"].str[4:].astype(int).to_numpy() % 4
    means = np.stack([texts[classes == number].mean(axis=0) for number in range(4)])
    np.save(own.label_tower_embeddings, unit(means).astype(np.float16)[::-1])
    table = pd.DataFrame({"label": LABELS[::-1], "row": range(4), "text": LABELS[::-1]})
    table.to_parquet(own.label_tower_embeddings.with_suffix(".parquet"))
    return own


def scored(
    data: DatasetFiles, weights: Path | None, method: str, folder: Path, subset: Path | None = None
) -> pd.DataFrame:
    """Score a run of stage audio_text and return what it reaches on labels, by place."""
    score_run(
        method, "audio_text", 0, None, data, weights, folder / "model.pt", subset, folder, data,
        NEIGHBOURS, 50, "cpu", 1,
    )  # fmt: skip
    records = pd.DataFrame(read_scores(folder / "other_tasks/scores.json"))
    return records.set_index(["task", "direction", "metric"])


@pytest.fixture(scope="module")
def labelled(small: Any, worded: DatasetFiles, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return add_labels(worded, tmp_path_factory.mktemp("labels") / "small")


@pytest.mark.parametrize("segments", [1, 4])
def test_towers_tell_labels_apart_as_the_scoring_of_labels_says(
    small: Any, labelled: DatasetFiles, options: dict[str, Any], tmp_path: Path, segments: int
) -> None:
    own = {**options, "segments": segments, "image_choice": "all" if segments > 1 else "random"}
    train(small, own, tmp_path, stage="audio_text")
    found = scored(labelled, small.weights, "vip_ant", tmp_path)
    run = load_run(tmp_path / "model.pt", towers(small.weights), CPU)
    clips = pd.read_parquet(labelled.clips)
    names = [clip for clip in clips["clip_id"] if clip not in ("clip05", "clip42")]

    def embedded(split: list[str]) -> Embedded:
        ids = sorted(set(clips.loc[clips["split"].isin(split), "clip_id"]) & set(names))
        audio = embed_clips(run, labelled, ids)
        assert audio.ndim == (3 if segments > 1 else 2)
        audio = unit(unit(audio).mean(axis=1)) if segments > 1 else audio
        classes = np.array([int(clip[4:]) % 4 for clip in ids])
        return Embedded(ids, classes, audio, text[classes])

    text = unit(np.load(labelled.label_tower_embeddings).astype(np.float32)[::-1])
    space = LabelSpace("test", embedded(["train", "val"]), embedded(["test"]), LABELS, text)
    identity = ScoreIdentity("d", "test", "all", "m", "audio_label", "w", 0, "abcdefabcdef")
    whole = pd.DataFrame(score_space(space, identity, LabelScoring(NEIGHBOURS, 5, 50)).records)
    places = {("label_knn", "audio_to_audio"), ("label_retrieval", "text_to_audio")}
    places.add(("label_retrieval", "audio_to_audio"))
    same = whole.set_index(["task", "direction", "metric"])
    assert {key[:2] for key in found.index} == places
    for key, row in found.iterrows():
        other = same.loc[[key]]
        other = other[other["protocol"] == row["protocol"]].iloc[0]
        for name in ("value", "chance", "ci_low", "ci_high", "num_queries", "num_candidates"):
            assert row[name] == pytest.approx(other[name], abs=1e-6), (key, name)
    assert set(found["weights"]) == {"small-clip"} and set(found["stage"]) == {"audio_text"}
    queries = pd.read_parquet(tmp_path / "other_tasks/queries.parquet")
    knn = queries[queries["task"] == "label_knn"]["average_precision"]
    key = ("label_knn", "audio_to_audio", "MAP@3")
    assert knn.mean() == pytest.approx(found.loc[key, "value"])
    # What it was trained for stands where it always stood, alone.
    tasks = {record["task"] for record in read_scores(tmp_path / "scores.json")}
    assert tasks == {"audio_text_retrieval"}
    assert read_reasons(tmp_path / "other_tasks/reasons.json") == ("vip_ant", [])


def test_words_find_the_clips_of_a_label_by_its_words(
    labelled: DatasetFiles, word_options: dict[str, Any], tmp_path: Path
) -> None:
    machine = Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False)
    train_run("words", "audio_text", 0, word_options, labelled, None, None, None, tmp_path, machine)
    known = [("w1", 1), ("w2", 2), ("w3", 3), ("w4", 4), ("w5", 5)]
    rows = [
        {"word": word, "row": row, "is_known": True, **dict.fromkeys(INDEX_SCHEMA.names[3:], 1)}
        for word, row in known
    ]
    index = WordFiles.of(labelled).index
    write_parquet(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), index)
    # The third label's second word is said by no caption, the fourth's by no vectors.
    words = [(["w1"], []), (["w2", "w5"], []), (["w3", "gong"], []), (["w4"], ["zzz"])]
    table = [
        {"label": label, "row": row, "is_label": True, "words": said, "unknown": unknown}
        for row, (label, (said, unknown)) in enumerate(zip(LABELS, words, strict=True))
    ]
    write_parquet(pa.Table.from_pylist(table, schema=LABEL_SCHEMA), LabelFiles.of(labelled).index)
    found = scored(labelled, None, "words", tmp_path)
    assert {key[:2] for key in found.index} == {("label_retrieval", "text_to_audio")}
    assert set(found["weights"]) == {"toy"}
    needs = FAMILIES["word_align"]
    frozen = read_frozen(needs, labelled, None)
    run = load_run(tmp_path / "model.pt", frozen, CPU, needs.headline)
    assert frozen.words is not None
    vectors = torch.from_numpy(frozen.words.vectors)
    precisions = []
    asked = [f"clip{number}" for number in range(20, 42)]
    heard = {}
    with torch.inference_mode():
        for clip in asked:
            ((_, batch),) = listen(run, labelled, [clip])
            frames = run.family.embed_frames(run.network, batch)[0]  # type: ignore[attr-defined]
            frames = frames[: int(batch["num_frames"][0])]
            heard[clip] = (frames @ vectors.T).clamp(min=0).amax(dim=0).numpy()  # max over frames
    for number, own in enumerate([[1], [2, 5], [3], [4]]):
        scores = np.array([heard[clip][own].mean() for clip in asked]).round(6)
        is_own = np.array([int(clip[4:]) % 4 == number for clip in asked])
        hits = is_own[np.lexsort((is_own, -scores))]  # equal scores count against the label
        right = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        precisions.append(right[hits].mean())
    value = found.loc[("label_retrieval", "text_to_audio", "mAP"), "value"]
    assert value == pytest.approx(np.mean(precisions))
    _, reasons = read_reasons(tmp_path / "other_tasks/reasons.json")
    assert {(reason.task, reason.direction) for reason in reasons} == {
        ("audio_image_retrieval", ""),
        ("label_knn", "audio_to_audio"),
        ("label_retrieval", "audio_to_audio"),
    }
    table[2]["words"] = ["gong"]
    write_parquet(pa.Table.from_pylist(table, schema=LABEL_SCHEMA), LabelFiles.of(labelled).index)
    score_run(
        "words", "audio_text", 0, None, labelled, None, tmp_path / "model.pt", None, tmp_path,
        labelled, NEIGHBOURS, 50, "cpu", 1,
    )  # fmt: skip
    assert read_scores(tmp_path / "other_tasks/scores.json") == []
    _, told = read_reasons(tmp_path / "other_tasks/reasons.json")
    assert any("none of the labels class2" in reason.reason for reason in told)


def test_a_run_that_is_asked_for_nothing_else_says_what_it_could_not_do(
    labelled: DatasetFiles, word_options: dict[str, Any], tmp_path: Path
) -> None:
    machine = Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False)
    options = {**word_options, "epochs": 1}
    train_run("words", "audio_text", 0, options, labelled, None, None, None, tmp_path, machine)
    score_run(
        "words", "audio_text", 0, None, labelled, None, tmp_path / "model.pt", None, tmp_path,
        None, NEIGHBOURS, 50, "cpu", 1,
    )  # fmt: skip
    assert read_scores(tmp_path / "other_tasks/scores.json") == []
    assert len(read_reasons(tmp_path / "other_tasks/reasons.json")[1]) == 3
    assert pd.read_parquet(tmp_path / "other_tasks/queries.parquet").empty


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> tuple[DatasetFiles, Path]:
    data = write_labelled(tmp_path_factory.mktemp("data") / "small")
    folder = data.root.parent / "run"
    machine = Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False)
    train_run("joint", "audio_label", 0, LABEL_OPTIONS, data, None, None, None, folder, machine)
    return data, folder


def test_captions_are_asked_of_a_method_of_labels_as_its_labels_are(
    joint: tuple[DatasetFiles, Path],
) -> None:
    data, folder = joint
    clips = pd.read_parquet(data.clips)
    clips.loc[clips["clip_id"].isin(["clip_two", "clip_none"]), "split"] = "test"
    clips.to_parquet(data.clips)
    status = clips[["clip_id", "split"]].assign(available=clips["clip_id"] != "clip04")
    status.to_parquet(data.availability_table)
    # Two captions of every clip, their features noisy copies of those of its label, if it has one.
    store = read_label_store(LabelFiles.of(data))
    generator = np.random.default_rng(3)
    owners = [clip for clip in clips["clip_id"] for _ in range(2)]
    own = [int(clip[4:]) % 4 if clip[4:].isdigit() else 0 for clip in owners]
    vectors = unit(store.vectors[own] + 0.3 * generator.normal(size=(len(owners), 8)))
    np.save(data.caption_text_features, vectors.astype(np.float32))
    ids = [f"{clip}#{number % 2}" for number, clip in enumerate(owners)]
    rows = {"caption_id": ids, "clip_id": owners, "row": range(len(owners))}
    table = pa.Table.from_pydict({k: list(v) for k, v in rows.items()}, schema=CAPTION_SCHEMA)
    write_parquet(table, data.caption_text_features.with_suffix(".parquet"))
    how = LabelScoring(5, 20, 50)
    model = folder / "model.pt"
    score_labels("joint", "audio_label", 0, data, model, None, folder, True, how, "cpu", 1)
    found = pd.DataFrame(read_scores(folder / "other_tasks/scores.json"))
    asked = sorted(clips.loc[(clips["split"] == "test"), "clip_id"])
    asked.remove("clip04")
    # Clips of two labels and of none are among them: they have captions.
    assert {"clip_two", "clip_none"} <= set(asked) and len(asked) == 13
    run = load_run(model, read_frozen(FAMILIES["joint_embedding"], data, None), CPU)
    sounds = embed_clips(run, data, asked)
    kept = [number for number, clip in enumerate(owners) if clip in asked]
    padded = np.pad(vectors[kept], ((0, 0), (0, 292))).astype(np.float32)
    with torch.inference_mode():
        texts = run.family.embed_labels(  # type: ignore[attr-defined]
            run.network, {"label_vectors": torch.from_numpy(padded)}
        ).numpy()
    scores = texts @ sounds.T  # [captions, clips]
    right = np.array([asked.index(owners[number]) for number in kept])
    better = [
        1 + (np.delete(row, place) >= row[place] - 1e-7).sum()
        for row, place in zip(scores, right, strict=True)
    ]
    of = found[(found["protocol"] == "full_gallery") & (found["direction"] == "text_to_audio")]
    values = of.set_index("metric")["value"]
    assert values["R@1"] == pytest.approx(np.mean(np.array(better) == 1))
    assert values["R@5"] == pytest.approx(np.mean(np.array(better) <= 5))
    assert values["R@5"] > of.set_index("metric")["chance"]["R@5"]
    assert set(found["weights"]) == {"toy+toy-net"} and set(found["stage"]) == {"audio_label"}
    assert set(found["num_queries"]) == {13, 26}  # and of 30 candidates there are too few clips
    ranks = pd.read_parquet(folder / "other_tasks/ranks.parquet")
    assert sorted(ranks.loc[ranks["direction"] == "text_to_audio", "rank"]) == sorted(better)
    hits = pd.read_parquet(folder / "other_tasks/hits.parquet")
    ranks = ranks[ranks["direction"] == "text_to_audio"].set_index("query_id")["rank"]
    found = hits[hits["is_right"]].set_index("query_id")["place"]
    assert found.to_dict() == ranks[ranks <= 5].to_dict() and len(found)
    labels = {record["task"] for record in read_scores(folder / "scores.json")}
    assert labels == {"label_knn", "label_retrieval"}
    _, reasons = read_reasons(folder / "other_tasks/reasons.json")
    assert {reason.task for reason in reasons} == {"audio_image_retrieval", "phrase_grounding"}


def test_without_a_caption_of_known_words_there_is_a_reason_and_no_error(
    joint: tuple[DatasetFiles, Path], tmp_path: Path
) -> None:
    data, folder = joint
    np.save(data.caption_text_features, np.zeros((0, 0), np.float32))
    table = pa.Table.from_pylist([], schema=CAPTION_SCHEMA)
    write_parquet(table, data.caption_text_features.with_suffix(".parquet"))
    how = LabelScoring(5, 20, 50)
    model = folder / "model.pt"
    score_labels("joint", "audio_label", 0, data, model, None, tmp_path, True, how, "cpu", 1)
    assert read_scores(tmp_path / "other_tasks/scores.json") == []
    assert pd.read_parquet(tmp_path / "other_tasks/hits.parquet").empty
    _, reasons = read_reasons(tmp_path / "other_tasks/reasons.json")
    assert ("audio_text_retrieval", "") in {(own.task, own.direction) for own in reasons}
