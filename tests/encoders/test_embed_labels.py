"""Text features of a data set's labels, from the index to files and back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hearsay.encoders.embed_labels import embed_labels
from hearsay.encoders.label_store import (
    LabelFiles,
    label_rows,
    read_caption_features,
    read_label_store,
)
from hearsay.errors import HearsayError
from hearsay.files import read_json
from hearsay.layout import DatasetFiles

VECTORS = "dog 1 0 0\nbark 0 1 0\ndrips 0 0 2\npuppy 1 1 0\n"


def embed(
    root: Path, labels: list[list[str]], queries: list[str], captions: tuple[str, ...] = ()
) -> LabelFiles:
    (root / "index").mkdir(parents=True)
    clips = root / "index/clips.parquet"
    ids = [f"c{number}" for number in range(len(labels))]
    pd.DataFrame({"clip_id": ids, "labels": labels}).to_parquet(clips)
    spoken = root / "index/captions.parquet"
    names = [f"t{number}" for number in range(len(captions))]
    owners = [f"c{number // 2}" for number in range(len(captions))]
    table = pd.DataFrame({"caption_id": names, "clip_id": owners, "text": captions})
    table.astype(str).to_parquet(spoken)
    vectors = root / "vectors.txt"
    vectors.write_text(VECTORS)
    files = LabelFiles.of(DatasetFiles(root, 1))
    options = {"vectors": "toy", "file": str(vectors), "queries": queries}
    embed_labels("toy", options, clips, spoken, None, None, files)
    return files


def test_labels_are_sorted_means_of_unit_norm_and_queries_follow(tmp_path: Path) -> None:
    labels = [["drip"], ["Dog_bark", "drip"], [], ["Dog_bark"]]
    files = embed(tmp_path / "toy", labels, ["puppy", "drip"])
    store = read_label_store(files)
    assert store.labels == ["Dog_bark", "drip"] and store.queries == ["puppy"]
    half = 0.5**0.5
    # Captions say "drips" of what the label calls "drip".
    np.testing.assert_allclose(store.vectors, [[half, half, 0], [0, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(store.query_vectors, [[half, half, 0]], atol=1e-6)
    assert store.space == "toy (3-d, trained on a file)"
    assert label_rows(["drip", "Dog_bark"], store).tolist() == [1, 0]
    assert read_json(files.summary)["mean_cosine"] == pytest.approx(0, abs=1e-6)


def test_a_label_without_a_known_word_is_named(tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="label 'Gong': the word vectors have none of its"):
        embed(tmp_path / "toy", [["Gong"], ["drip"]], [])


def test_a_query_without_a_known_word_is_left_out_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = embed(tmp_path / "toy", [["drip"], ["Dog_bark"]], ["breeze", "puppy"])
    store = read_label_store(files)
    assert store.queries == ["puppy"] and len(store.query_vectors) == 1
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == 1
    assert "left out of benchmark.label_scores.queries" in lines[0]
    assert lines[0].endswith("breeze")


def test_one_label_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="data set toy: its index names 1 labels"):
        embed(tmp_path / "toy", [["drip"], []], [])


def test_files_of_two_runs_are_refused(tmp_path: Path) -> None:
    files = embed(tmp_path / "toy", [["drip"], ["Dog_bark"]], [])
    np.save(files.array, np.zeros((5, 3), np.float32))
    with pytest.raises(HearsayError, match="damaged or not of one run"):
        read_label_store(files)


def test_captions_become_text_features_as_labels_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # The vectors as they are, not scaled to one length: "drips" weighs twice as much.
    said = ("A dog, then drips.", "puppy or nothing", "Zzz", "A dog, then drips.")
    files = embed(tmp_path / "toy", [["drip"], ["Dog_bark"]], [], said)
    found = read_caption_features(files)
    assert found.table["caption_id"].tolist() == ["t0", "t1", "t3"]  # nothing of "Zzz" is known
    assert found.table["clip_id"].tolist() == ["c0", "c0", "c1"]
    both, half = np.array([1.0, 0, 2]) / 5**0.5, 0.5**0.5
    np.testing.assert_allclose(found.vectors, [both, [half, half, 0], both], atol=1e-6)
    assert "1 of 4 captions have no known word" in caplog.text
    none = read_caption_features(embed(tmp_path / "mute", [["drip"], ["Dog_bark"]], []))
    assert none.table.empty and len(none.vectors) == 0
