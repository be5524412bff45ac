"""Forms of clip vectors by hand-worked values and by the definition of principal axes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.features.forms import form_vectors, reduce, scale_to_unit, standardise


def test_standardised_train_vectors_have_mean_0_and_deviation_1():
    fitted = np.random.default_rng(0).normal(3.0, [1.0, 20.0, 0.1], (50, 3))
    found = standardise(fitted, fitted)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), 1)


def test_other_vectors_are_measured_by_the_train_split():
    fitted = np.array([[0.0, 5.0], [4.0, 5.0]])  # means 2 and 5, deviations 2 and 0
    found = standardise(np.array([[8.0, 6.0]]), fitted)
    assert found.tolist() == [[3.0, 1.0]]


def test_reduced_vectors_keep_the_directions_of_largest_variance():
    generator = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(generator.normal(size=(6, 6)))
    hidden = generator.normal(size=(400, 6)) * [9.0, 5.0, 3.0, 0.1, 0.1, 0.1]
    fitted = hidden @ rotation.T + 7.0
    found = reduce(fitted, fitted, 3)
    # As the eigenvectors of the covariance have it, but for their signs.
    values, axes = np.linalg.eigh(np.cov(fitted.T))
    expected = (fitted - fitted.mean(axis=0)) @ axes[:, ::-1][:, :3]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(found.var(axis=0, ddof=1), values[::-1][:3])


def test_axes_come_from_the_fitted_vectors_alone():
    generator = np.random.default_rng(1)
    fitted = generator.normal(size=(30, 2)) * [1.0, 0.0]  # all along the first axis
    found = reduce(np.array([[2.0, 100.0]]), fitted, 1)
    assert abs(found[0, 0]) == pytest.approx(abs(2.0 - fitted[:, 0].mean()))


def test_fewer_vectors_than_dimensions_leave_zeros_for_others_too(caplog):
    generator = np.random.default_rng(0)
    fitted, other = generator.normal(size=(4, 10)), generator.normal(size=(1, 10))
    found = reduce(fitted, fitted, 6)
    assert found.shape == (4, 6)
    distances = np.linalg.norm(fitted[:, None] - fitted, axis=2)
    np.testing.assert_allclose(np.linalg.norm(found[:, None] - found, axis=2), distances)
    # Four vectors differ along three axes; a fourth would be rounding, but not so for others.
    assert "4 vectors of 10 dimensions have 3 principal axes; the other 3" in caplog.text
    projected = reduce(other, fitted, 6)
    assert (projected != 0).tolist() == [[True] * 3 + [False] * 3]
    span = np.linalg.qr((fitted[1:] - fitted[0]).T)[0]  # [10, 3]
    expected = np.linalg.norm((other - fitted.mean(axis=0)) @ span)
    assert np.linalg.norm(projected) == pytest.approx(expected)


def test_axes_along_which_nothing_differs_are_not_kept():
    generator = np.random.default_rng(2)
    plane = np.linalg.qr(generator.normal(size=(8, 2)))[0].T  # [2, 8]
    fitted = generator.normal(size=(30, 2)) @ plane + 5.0
    found = reduce(generator.normal(size=(1, 8)), fitted, 4)
    assert (found != 0).tolist() == [[True, True, False, False]]


def test_vectors_get_unit_norm_but_for_zero():
    found = scale_to_unit(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, 0.0]])


VALUES = np.array([[0, 0], [4, 2], [8, 4], [1, 1], [3, 4]], np.float32)


def write_dataset(folder: Path) -> tuple[Path, list[Path]]:
    """Write five clips in two shards: a, b train, c, d test, e train."""
    clip_ids = list("abcde")
    splits = ["train", "train", "test", "test", "train"]
    pd.DataFrame({"clip_id": clip_ids[::-1], "split": splits[::-1]}).to_parquet(
        folder / "clips.parquet"
    )
    arrays = []
    for number, rows in enumerate((slice(0, 3), slice(3, 5))):
        path = folder / f"{number:05d}.npy"
        np.save(path, VALUES[rows])
        index = pd.DataFrame({"clip_id": clip_ids[rows]})
        index.assign(row=range(len(index))).to_parquet(path.with_suffix(".parquet"))
        arrays.append(path)
    return folder / "clips.parquet", arrays


def form(folder: Path, options: dict, subset: Path | None = None) -> np.ndarray:
    clips, arrays = write_dataset(folder)
    array, index = folder / "form.npy", folder / "form.parquet"
    form_vectors(clips, arrays, options, array, index, subset)
    assert pd.read_parquet(index)["clip_id"].tolist() == list("abcde")
    found = np.load(array)
    assert found.dtype == np.float32
    return found


def test_raw_vectors_are_scaled_alone(tmp_path):
    found = form(tmp_path, {"transform": "none"})
    np.testing.assert_allclose(found[3:], [[0.5**0.5, 0.5**0.5], [0.6, 0.8]], rtol=1e-6)


def test_statistics_are_of_the_train_split(tmp_path):
    found = form(tmp_path, {"transform": "standardise"})
    train = VALUES[[0, 1, 4]].astype(float)
    expected = (VALUES - train.mean(axis=0)) / train.std(axis=0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_statistics_are_of_the_subset(tmp_path):
    (tmp_path / "subset.txt").write_text("a\nb\nc\n")
    found = form(tmp_path, {"transform": "standardise"}, tmp_path / "subset.txt")
    # a and b: mean (2, 1), deviation (2, 1); c lies at (3, 3)
    np.testing.assert_allclose(found[2], [0.5**0.5, 0.5**0.5], rtol=1e-6)


def test_a_form_that_is_unknown_or_has_nothing_to_fit_on_is_refused(tmp_path):
    with pytest.raises(HearsayError, match="transform whiten is not one of none, standardise, pca"):
        form(tmp_path, {"transform": "whiten"})
    (tmp_path / "subset.txt").write_text("c\n")
    with pytest.raises(
        HearsayError, match="no clip of split train and in .*subset.txt has vectors"
    ):
        form(tmp_path, {"transform": "pca", "dimensions": 1}, tmp_path / "subset.txt")
