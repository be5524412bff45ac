"""Small synthetic runs for the tests of tables and plots."""

import re

import numpy as np
import pytest
from grounded_runs import make_results
from PIL import Image

from hearsay.report.scores import collect_scores
from hearsay.scoring.records import ScoreIdentity, join_ranks, write_scores
from hearsay.scoring.retrieval import score_audio_image, score_audio_text

CLIPS = [f"clip{number:02d}" for number in range(30)]


def _write_run(folder, method, stage, seed, noise, dataset="demo", weights="demo-clip"):
    """Score embeddings that are the truth plus noise, as one run would, and return scores.json."""
    truth = np.random.default_rng(7).normal(size=(30, 16))
    generator = np.random.default_rng([11, seed, len(method)])
    audio = truth + noise * generator.normal(size=truth.shape)
    identity = ScoreIdentity(dataset, "test", "all", method, stage, weights, seed, "abcdefabcdef")
    if stage == "audio_image":
        images = np.repeat(truth[:, None], 4, axis=1)
        parts = [score_audio_image(audio, images, CLIPS, identity, num_resamples=20)]
    else:
        captions = np.repeat(truth, 5, axis=0)
        owners = [clip for clip in CLIPS for _ in range(5)]
        names = [f"{clip}_{number}" for number, clip in enumerate(owners)]
        parts = [
            score_audio_text(audio, CLIPS, captions, names, owners, identity, num_resamples=20)
        ]
    target = folder / "runs" / method / f"seed{seed}" / stage
    write_scores(
        [record for part in parts for record in part[0]], join_ranks(p[1] for p in parts), target
    )
    return target / "scores.json"


@pytest.fixture(scope="session")
def write_run():
    return _write_run


@pytest.fixture(scope="session")
def score_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    files = []
    for stage in ("audio_image", "audio_text"):
        for seed in (0, 1, 2):
            files.append(_write_run(folder, "vip_ant", stage, seed, noise=1.0))
            files.append(_write_run(folder, "deaf_one", stage, seed, noise=1e6))
        files.append(_write_run(folder, "oracle", stage, 0, noise=0.1, weights="none"))
    return files


@pytest.fixture(scope="session")
def scores(score_files):
    path = score_files[0].parents[4] / "tables" / "scores.csv"
    collect_scores(score_files, path)
    return path


@pytest.fixture(scope="session")
def grounded(tmp_path_factory):
    """A results folder with grounded runs; see grounded_runs.py."""
    return make_results(tmp_path_factory.mktemp("grounded"))


def _check_pair(draw, folder):
    """Draw twice and check both formats and that the bytes agree."""
    files = [(folder / f"{n}.svg", folder / f"{n}.png") for n in (1, 2)]
    for svg, png in files:
        draw(svg, png)
    svg, png = files[0]
    assert svg.read_text().lstrip().startswith("<?xml")
    assert not re.search(r"<dc:date>", svg.read_text())
    with Image.open(png) as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    assert svg.read_bytes() == files[1][0].read_bytes()
    assert png.read_bytes() == files[1][1].read_bytes()


@pytest.fixture(scope="session")
def check_pair():
    return _check_pair
