"""Scores of labels, worked by hand on tiny spaces, and from files to files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.labelled import LABEL_OPTIONS, write_labelled, write_texts

from hearsay.clips.availability import fingerprint
from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.metrics.label_retrieval import LABEL_METRICS
from hearsay.scoring.label_cells import LabelScoring, why_degenerate
from hearsay.scoring.label_scores import CELL_COLUMNS, LabelScores, check_finite, score_space
from hearsay.scoring.label_space import Embedded, LabelSpace
from hearsay.scoring.records import ScoreIdentity, read_scores
from hearsay.scoring.score_label_controls import score_label_controls
from hearsay.scoring.score_labels import score_labels
from hearsay.training.options import Machine
from hearsay.training.run import train_run

HOW = LabelScoring(neighbours=2, permutations=100, num_resamples=100)
IDENTITY = ScoreIdentity("toy", "test", "all", "m", "audio_label", "toy", 0, "0123456789ab")


def at(*degrees: float) -> np.ndarray:
    """Make unit vectors in a plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def a_space(audio: np.ndarray, text: np.ndarray | None = None) -> LabelSpace:
    """Two classes, whose texts stand at 0 and 90 degrees; a database of two clips of each.

    Queries: two of class 0, then one of class 1.
    """
    text = at(0, 90) if text is None else text
    database, queries = np.array([0, 0, 1, 1]), np.array([0, 0, 1])
    return LabelSpace(
        "test",
        Embedded(["a", "b", "c", "d"], database, at(1, 10, 80, 89), text[database]),
        Embedded(["x", "y", "z"], queries, audio, text[queries]),
        ["dog", "rain"],
        text,
    )


def score(space: LabelSpace) -> LabelScores:
    return score_space(space, IDENTITY, HOW)


def value(scores: LabelScores, protocol: str, direction: str, metric: str) -> float:
    found = [
        record["value"]
        for record in scores.records
        if (record["protocol"], record["direction"], record["metric"])
        == (protocol, direction, metric)
    ]
    assert len(found) == 1
    return float(found[0])


def test_cells_of_the_classifier_are_those_worked_by_hand() -> None:
    # x at 5 meets a and b, right; y at 44 meets b and c, one vote each, b being nearer (34 and 36
    # degrees), right; z at 42 meets b (32) and c (38): wrong first, right second.
    scores = score(a_space(at(5, 44, 42)))
    assert value(scores, "k2_audio", "audio_to_audio", "MAP@3") == pytest.approx(
        (1 + 1 + 1 / 2) / 3
    )
    # Asked of the texts, the two nearest are copies of one text: x and y right, z wrong.
    assert value(scores, "k2_text", "audio_to_text", "MAP@3") == pytest.approx(2 / 3)
    # Of distinct texts both are neighbours, the nearer first.
    distinct = value(scores, "k2_distinct_text", "audio_to_text", "MAP@3")
    assert distinct == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert value(scores, "k2_text", "text_to_text", "MAP@3") == 1
    assert value(scores, "k2_audio", "text_to_audio", "MAP@3") == 1


def test_retrieval_is_that_worked_by_hand() -> None:
    # Text "dog" at 0 finds x (5), z (42), y (44): AP (1 + 2/3) / 2. "rain" at 90: y (46), z (48),
    # x: AP 1/2.
    scores = score(a_space(at(5, 44, 42)))
    ap = value(scores, "full_gallery", "text_to_audio", "mAP")
    assert ap == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2)
    assert value(scores, "full_gallery", "text_to_audio", "R@1") == 1 / 2
    assert value(scores, "full_gallery", "text_to_audio", "P@10") == pytest.approx(3 / 10 / 2)
    # Of the sounds z is alone with its label; x and y find one another, there being no other.
    assert value(scores, "full_gallery", "audio_to_audio", "mAP") == 1


def test_cells_say_what_is_trivial_and_what_chance_reaches() -> None:
    cells = score(a_space(at(5, 44, 42))).cells
    assert tuple(cells.columns) == CELL_COLUMNS
    knn = cells[cells["task"] == "label_knn"].set_index(["protocol", "direction"])["degenerate"]
    assert knn.to_dict() == {
        ("k2_audio", "audio_to_audio"): "",
        ("k2_audio", "text_to_audio"): "one_query_a_class",
        ("k2_text", "audio_to_text"): "one_text_a_class",
        ("k2_text", "text_to_text"): "stored_queries",
        ("k2_distinct_text", "audio_to_text"): "",
    }
    row = cells.set_index(["protocol", "direction"]).loc[("k2_text", "audio_to_text")]
    assert row["mean_guesses"] == 1 and row["chance"] == pytest.approx(1 / 2)
    # Names of two classes are right or swapped: 2/3 of the queries right, or 1/3.
    assert row["classes_95"] == pytest.approx(2 / 3)
    assert row["classes_mean"] == pytest.approx(1 / 2, abs=0.06)


def test_texts_of_one_class_that_differ_are_not_degenerate() -> None:
    queries, database = at(1, 2, 3), at(4, 5, 6, 7)
    assert why_degenerate(queries, np.array([0, 0, 1]), database, np.array([0, 0, 1, 1])) == ""


def test_a_collapsed_space_is_at_or_below_chance_in_every_cell() -> None:
    space = a_space(np.tile(at(30), (3, 1)), np.tile(at(30), (2, 1)))
    alike = Embedded(
        space.database.clip_ids,
        space.database.classes,
        np.tile(at(30), (4, 1)),
        np.tile(at(30), (4, 1)),
    )
    scores = score(LabelSpace("test", alike, space.queries, space.labels, space.text))
    for record in scores.records:
        if record["metric"] not in ("MAP@3", "R@5", "R@10", "P@10"):
            assert record["value"] <= record["chance"] + 1e-9, record
    cells = scores.cells.set_index(["protocol", "direction"])
    # All are equally near, so the first of the database answer: class 0, of two queries in three.
    assert cells.loc[("k2_audio", "audio_to_audio"), "value"] == pytest.approx(2 / 3)
    assert cells.loc[("k2_audio", "audio_to_audio"), "classes_95"] == pytest.approx(2 / 3)
    assert cells.loc[("k2_distinct_text", "audio_to_text"), "value"] == pytest.approx(1 / 2)


def test_every_query_keeps_its_rank_and_the_means_are_the_records() -> None:
    scores = score(a_space(at(5, 44, 42)))
    groups = scores.queries.groupby(["task", "protocol", "direction"])
    means = groups["average_precision"].mean()
    for record in scores.records:
        if record["metric"] in ("MAP@3", "mAP"):
            key = (record["task"], record["protocol"], record["direction"])
            assert means[key] == pytest.approx(record["value"])
    first = scores.queries.iloc[2]
    assert (first["query_id"], first["label"], first["rank"]) == ("z", "rain", 2)


def test_an_embedding_that_is_not_finite_names_its_clip() -> None:
    audio = at(5, 44, 42)
    audio[1] = np.nan
    with pytest.raises(HearsayError, match="sound of clip y is not finite"):
        check_finite(a_space(audio))


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[DatasetFiles, Path]:
    """A small data set, and the folder of a run that was trained and scored on it."""
    data = write_labelled(tmp_path_factory.mktemp("data") / "small")
    folder = data.root.parent / "run"
    machine = Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False)
    train_run("joint", "audio_label", 0, LABEL_OPTIONS, data, None, None, None, folder, machine)
    run_scores(data, folder)
    return data, folder


def run_scores(data: DatasetFiles, folder: Path) -> None:
    how = LabelScoring(5, 100, 100)
    model = folder / "model.pt"
    score_labels("joint", "audio_label", 0, data, model, None, folder, False, how, "cpu", 1)


def test_a_run_is_scored_on_test_and_on_val_with_its_side_files(
    scored: tuple[DatasetFiles, Path],
) -> None:
    _, folder = scored
    records = pd.DataFrame(read_scores(folder / "scores.json"))
    assert set(records["split"]) == {"test", "val"}
    assert set(records["weights"]) == {"toy+toy-net"}
    assert set(records["metric"]) == {"MAP@3", *LABEL_METRICS}
    rows = records.set_index(["split", "protocol", "direction", "metric"])
    # The database of test is train and val (48 clips), that of val train alone (36).
    place = ("k5_audio", "audio_to_audio", "MAP@3")
    assert rows.loc[("test", *place), "num_candidates"] == 48
    assert rows.loc[("val", *place), "num_candidates"] == 36
    assert rows.loc[("test", *place), "num_queries"] == 12
    cells = pd.read_parquet(folder / "cells.parquet")
    own = cells[(cells["split"] == "test") & (cells["direction"] == "text_to_audio")]
    assert (own["value"] > own["classes_95"]).all()
    embeddings = pd.read_parquet(folder / "embeddings.parquet").set_index("name")
    assert embeddings["kind"].value_counts().to_dict() == {"clip": 12, "label": 4, "query": 1}
    assert len(embeddings.loc["puppy", "base"]) == 300
    norms = [np.linalg.norm(row) for row in embeddings["joint"]]
    np.testing.assert_allclose(norms, 1, atol=1e-5)
    collapse = json.loads((folder / "collapse.json").read_text())
    assert collapse["min_text_distance"] > 0.1 and collapse["num_zero_rows"] == 0


def test_scores_of_the_same_run_are_the_same_bytes(scored: tuple[DatasetFiles, Path]) -> None:
    data, folder = scored
    before = (folder / "scores.json").read_bytes()
    run_scores(data, folder)
    assert (folder / "scores.json").read_bytes() == before


def test_a_dead_network_beats_chance_nowhere_that_counts(
    scored: tuple[DatasetFiles, Path], tmp_path: Path
) -> None:
    data, folder = scored
    saved = torch.load(folder / "model.pt", weights_only=True)
    saved["last"] = {name: torch.zeros_like(w) for name, w in saved["last"].items()}
    torch.save(saved, tmp_path / "model.pt")
    run_scores(data, tmp_path)
    cells = pd.read_parquet(tmp_path / "cells.parquet")
    asked = cells[(cells["split"] == "test") & (cells["degenerate"] == "")]
    tested = asked.dropna(subset="classes_95")
    assert (tested["value"] <= tested["classes_95"] + 1e-9).all()
    collapse = json.loads((tmp_path / "collapse.json").read_text())
    assert collapse == {"min_text_distance": 0, "num_zero_rows": 64, "dead_unit_share": 1}


def test_controls_are_scored_as_runs_are(scored: tuple[DatasetFiles, Path], tmp_path: Path) -> None:
    data, _ = scored
    how = LabelScoring(5, 100, 100)
    form = {"weights": None}
    score_label_controls("toy", form, "audio_label", data, None, tmp_path, how, [0.01, 1.0])
    records = pd.DataFrame(read_scores(tmp_path / "scores.json"))
    assert set(records["method"]) == {"features_only.toy", "ridge.toy"}
    assert set(records["weights"]) == {"toy"}
    values = records[records["split"] == "test"].set_index(["method", "direction", "metric"])
    # Sounds tell their classes apart as they are; only ridge regression knows their texts.
    assert values.loc[("features_only.toy", "audio_to_audio", "mAP"), "value"].item() == 1
    assert values.loc[("ridge.toy", "text_to_audio", "mAP"), "value"].item() > 0.9
    assert values.loc[("features_only.toy", "text_to_audio", "mAP"), "value"].item() < 0.8


@pytest.mark.parametrize("strange", [["clip04"], ["clip03", "clip04"]], ids=["test", "val too"])
def test_a_class_that_training_lacks_is_left_out_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, strange: list[str]
) -> None:
    data = write_labelled(tmp_path / "small")
    clips = pd.read_parquet(data.clips)
    clips["labels"] = [
        ["thunder"] if clip_id in strange else labels
        for clip_id, labels in zip(clips["clip_id"], clips["labels"], strict=True)
    ]
    clips.to_parquet(data.clips)
    write_texts(data, ["class0", "class1", "class2", "class3", "thunder"], [])
    how = LabelScoring(5, 100, 100)
    score_label_controls("toy", {"weights": None}, "audio_label", data, None, tmp_path, how, [1.0])
    assert "1 clips of split test are left out" in caplog.text and "thunder" in caplog.text
    records = pd.DataFrame(read_scores(tmp_path / "scores.json"))
    knn = records[(records["split"] == "test") & (records["metric"] == "MAP@3")]
    assert set(knn["num_queries"]) == {11}


def test_labels_of_a_subset_are_signed_by_the_clips_that_asked(
    scored: tuple[DatasetFiles, Path], tmp_path: Path
) -> None:
    data, folder = scored
    table = pd.read_parquet(data.availability_table)
    test = table.loc[(table["split"] == "test") & table["available"], "clip_id"].tolist()
    asking = [clip for clip in test if clip in set(read_clip_ids(folder))]
    named = [*asking[:7], *table.loc[table["split"] != "test", "clip_id"]]
    (tmp_path / "lab.txt").write_text("\n".join(named))
    how, model = LabelScoring(5, 100, 100), folder / "model.pt"
    subset = tmp_path / "lab.txt"
    score_labels("joint", "audio_label", 0, data, model, subset, tmp_path, False, how, "cpu", 1)
    records = pd.DataFrame(read_scores(tmp_path / "scores.json"))
    test_rows = records[(records["split"] == "test") & (records["metric"] == "MAP@3")]
    assert set(test_rows["availability"]) == {fingerprint(asking[:7])}
    assert set(test_rows["num_queries"]) == {7}


def read_clip_ids(folder: Path) -> list[str]:
    embeddings = pd.read_parquet(folder / "embeddings.parquet")
    return embeddings.loc[embeddings["kind"] == "clip", "name"].tolist()


def test_a_data_set_without_test_clips_is_one_line(tmp_path: Path) -> None:
    data = write_labelled(tmp_path / "small")
    table = pd.read_parquet(data.availability_table)
    table.loc[table["split"] == "test", "available"] = False
    table.to_parquet(data.availability_table)
    with pytest.raises(HearsayError, match="0 available clips of split test with one label"):
        score_label_controls(
            "toy", {"weights": None}, "audio_label", data, None, tmp_path, HOW, [1.0]
        )
