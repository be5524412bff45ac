"""Controls of the joint space: unit rows, and ridge regression against its normal equations."""

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics.label_retrieval import label_values, positions_by_label
from hearsay.metrics.ranks import dot_scores
from hearsay.scoring.label_controls import LabelledFeatures, fit_ridge, unit_rows

ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0)
TEXT = unit_rows(np.random.default_rng(9).normal(size=(5, 6)))


def clips_of(seed, number, width=12, noise=0.5):
    """Make clips whose features are a linear map of their word vectors, with noise."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(6, width))
    classes = np.concatenate([np.arange(5), generator.integers(0, 5, size=number - 5)])
    features = 3.0 + TEXT[classes] @ mixing + noise * generator.normal(size=(number, width))
    return LabelledFeatures(features.astype(np.float32), classes)


def text_to_audio(ridge, clips):
    scores = dot_scores(TEXT, ridge.embed(clips.features))
    found = positions_by_label(scores, np.arange(5), clips.classes)
    return label_values(found)["mAP"].mean()


@pytest.mark.parametrize("number", [8, 40])  # fewer clips than dimensions, and more
@pytest.mark.parametrize("alpha", ALPHAS)
def test_coefficients_solve_the_normal_equations(number, alpha):
    train = clips_of(0, number)
    ridge = fit_ridge(train, clips_of(1, 30), TEXT, [alpha])
    centred = train.features - train.features.mean(axis=0, dtype=np.float64)
    targets = TEXT[train.classes].astype(np.float64)
    gram = centred.T @ centred + alpha * np.eye(12)
    expected = np.linalg.solve(gram, centred.T @ (targets - targets.mean(axis=0)))
    np.testing.assert_allclose(ridge.coefficients, expected, atol=1e-9)
    # The intercept costs nothing, so the residuals have no mean.
    residuals = targets - (train.features @ ridge.coefficients + ridge.intercept)
    np.testing.assert_allclose(residuals.mean(axis=0), 0, atol=1e-6)


def test_the_map_is_scikit_learns():
    linear_model = pytest.importorskip("sklearn.linear_model")
    train, test = clips_of(0, 40), clips_of(2, 20)
    ridge = fit_ridge(train, clips_of(1, 30), TEXT, [1.0])
    reference = linear_model.Ridge(alpha=1.0).fit(train.features, TEXT[train.classes])
    expected = reference.predict(test.features)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    embedded = ridge.embed(test.features)
    assert embedded.dtype == np.float32
    np.testing.assert_allclose(embedded, expected, atol=1e-4)


def test_alpha_is_the_one_whose_retrieval_on_val_is_best():
    train, val = clips_of(0, 14, width=40, noise=1.5), clips_of(1, 60, width=40, noise=1.5)
    alone = {alpha: text_to_audio(fit_ridge(train, val, TEXT, [alpha]), val) for alpha in ALPHAS}
    best = max(alone, key=alone.get)
    assert len(set(alone.values())) > 1
    assert fit_ridge(train, val, TEXT, ALPHAS).alpha == best
    assert fit_ridge(train, val, TEXT, ALPHAS[::-1]).alpha == best


def test_of_equally_good_alphas_the_largest_is_taken():
    train, val = clips_of(0, 40, noise=0.0), clips_of(1, 30, noise=0.0)
    assert fit_ridge(train, val, TEXT, [1e-4, 1e-3]).alpha == 1e-3


def test_val_need_not_have_every_class():
    val = LabelledFeatures(clips_of(1, 30).features[:2], np.array([0, 1]))
    assert fit_ridge(clips_of(0, 40), val, TEXT, ALPHAS).alpha in ALPHAS


def test_unit_rows_have_length_one_and_silence_stays_zero():
    assert unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])) == pytest.approx(
        np.array([[0.6, 0.8], [0.0, 0.0]])
    )
    with pytest.raises(HearsayError, match="row 1"):
        unit_rows(np.array([[3.0, 4.0], [np.nan, 0.0]]))


def test_what_cannot_be_fitted_is_refused():
    train, val = clips_of(0, 40), clips_of(1, 30)
    empty = LabelledFeatures(np.zeros((0, 12)), np.zeros(0, dtype=int))
    for alphas in ([], [1.0, 0.0]):
        with pytest.raises(HearsayError, match="alphas"):
            fit_ridge(train, val, TEXT, alphas)
    with pytest.raises(HearsayError, match="val split has no clip"):
        fit_ridge(train, empty, TEXT, ALPHAS)
    with pytest.raises(HearsayError, match="train split has no clip"):
        fit_ridge(empty, val, TEXT, ALPHAS)
    with pytest.raises(HearsayError, match="4 texts of the train split"):
        fit_ridge(train, val, TEXT[:4], ALPHAS)
    with pytest.raises(HearsayError, match="12 dimensions in train and 9 in val"):
        fit_ridge(train, clips_of(1, 30, width=9), TEXT, ALPHAS)
    broken = LabelledFeatures(np.full((40, 12), np.inf), train.classes)
    with pytest.raises(HearsayError, match="features of train are not finite"):
        fit_ridge(broken, val, TEXT, ALPHAS)
