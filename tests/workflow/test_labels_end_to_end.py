"""Methods that tell labels apart, from the demo's scenes to tables, run for real."""

import numpy as np
import pandas as pd
import pytest

from hearsay.annotations.demo.lexicon import PROCEDURAL
from hearsay.config import merge
from tests.workflow.conftest import TINY, Workflow

pytestmark = pytest.mark.slow

METHODS = ["joint_wal_net", "joint_mfcc"]
LABELS = {
    "benchmark": {
        "methods": METHODS,
        "reference": None,
        "phrase_grounding": False,
        "label_scores": {"neighbours": 5, "permutations": 100},
    },
    "datasets": {
        "demo": {
            "num_clips": 60,
            "shard_size": 60,
            "num_images": 0,
            "demo": {"num_val": 12, "num_test": 16},
        }
    },
    "words": {"vectors": "toy", "file": "vectors.txt"},
    "wal_net": {"training": {"epochs": 1}},
    "families": {"joint_embedding": {"num_pairs": 64, "audio_label": {"epochs": 2}}},
}


def test_a_run_gives_scores_of_methods_and_controls_and_their_table(workflow: Workflow) -> None:
    workflow.configure(merge(TINY, LABELS))
    words = [*PROCEDURAL.names, "puppy"]  # so few captions do not name every class
    vectors = np.random.default_rng(0).normal(size=(len(words), 20))
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(words, vectors, strict=True)]
    (workflow.folder / "vectors.txt").write_text("\n".join(lines) + "\n")
    result = workflow.run()
    assert result.returncode == 0, result.stdout[-5000:]
    tables = workflow.folder / "results" / "tables"
    scores = pd.read_csv(tables / "scores.csv", keep_default_na=False)
    controls = [
        f"{kind}.{form}" for kind in ("features_only", "ridge") for form in ("wal_net", "mfcc")
    ]
    assert set(scores["method"]) == {*METHODS, *controls}
    captions = scores[scores["task"] == "audio_text_retrieval"]  # asked of what knows labels
    assert set(captions["method"]) == set(METHODS) and set(captions["stage"]) == {"audio_label"}
    scores = scores.drop(captions.index)
    assert set(scores["task"]) == {"label_knn", "label_retrieval"}
    assert {"test"} <= set(scores["split"]) <= {"test", "val"}
    assert scores["value"].between(0, 1).all() and scores["chance"].between(0, 1).all()
    cell = ["split", "task", "protocol", "direction", "metric"]
    of_method = {
        method: set(map(tuple, own[cell].to_numpy())) for method, own in scores.groupby("method")
    }
    assert all(cells == of_method["joint_mfcc"] for cells in of_method.values())
    heard = scores.groupby("method")["weights"].unique().map(list).to_dict()
    assert heard["joint_mfcc"] == ["toy"]
    assert heard["joint_wal_net"] == ["toy+demo-wal-net"]
    table = (tables / "table_labels.md").read_text()
    assert all(name in table for name in [*METHODS, *controls])
    nearest = pd.read_csv(tables / "table_nearest.csv")
    assert nearest.loc[nearest["kind"] == "query", "query"].tolist() == ["puppy"]  # not "breeze"
    assert not workflow.planned()
