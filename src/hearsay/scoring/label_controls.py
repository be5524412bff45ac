"""Controls of the joint embeddings of sound and labels: what is reached without a siamese network.

`features_only` puts the base features of sound and text into one space as they are. `ridge` maps
the features of a clip to the word vector of its label by ridge regression. A joint space has to
be read beside both.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.label_retrieval import label_values, positions_by_label
from hearsay.metrics.ranks import dot_scores

logger = logging.getLogger(__name__)

LABEL_CONTROLS = ("features_only", "ridge")


@dataclass(frozen=True)
class LabelledFeatures:
    """Clips with base features and the class of each.

    Attributes:
        features: [N, D].
        classes: int [N], rows of the text features.
    """

    features: NDArray[Any]
    classes: NDArray[Any]


@dataclass(frozen=True)
class Ridge:
    """A linear map fitted by ridge regression.

    Attributes:
        alpha: weight of the squared coefficients; the intercept costs nothing.
        coefficients: float64 [D, W].
        intercept: float64 [W].
    """

    alpha: float
    coefficients: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def embed(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predict the word vectors of features [N, D], scaled to unit length: [N, W]."""
        predicted = np.asarray(features, np.float64) @ self.coefficients + self.intercept
        return unit_rows(predicted)


def unit_rows(features: NDArray[Any]) -> NDArray[np.float32]:
    """Scale rows [N, D] to unit length, which is all that `features_only` does; zeros stay zeros.

    Raises:
        HearsayError: a row is not finite.
    """
    rows = np.asarray(features, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise HearsayError(
            f"the features of row {int(np.argmin(np.isfinite(lengths[:, 0])))} are not finite; "
            "extract them again"
        )
    return (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def fit_ridge(
    train: LabelledFeatures, val: LabelledFeatures, text: NDArray[Any], alphas: Sequence[float]
) -> Ridge:
    """Fit clips to the word vectors of their labels, with the alpha that is best on val.

    Best is the highest mAP of text to audio, over the classes that val has; of equal ones the
    largest alpha. The closed form of all alphas comes from one singular value decomposition.

    Args:
        train: N clips to fit.
        val: clips that choose alpha; never the test split.
        text: [K, W], the word vector of each class.
        alphas: to choose from, each above 0.

    Raises:
        HearsayError: a split without clips, features of two widths, a class without text, or no
            or a bad alpha.
    """
    _check(train, val, text, alphas)
    targets = np.asarray(text, np.float64)[train.classes]  # [N, W]
    inputs = np.asarray(train.features, np.float64)
    middle, target_middle = inputs.mean(axis=0), targets.mean(axis=0)
    left, singular, right = np.linalg.svd(inputs - middle, full_matrices=False)
    projected = left.T @ (targets - target_middle)  # [min(N, D), W]
    ridges, values = [], []
    for alpha in sorted(alphas, reverse=True):
        shrunk = (singular / (singular**2 + alpha))[:, None] * projected
        coefficients = right.T @ shrunk  # [D, W]
        ridges.append(Ridge(alpha, coefficients, target_middle - middle @ coefficients))
        values.append(_text_to_audio(ridges[-1], val, text))
        logger.info("ridge: alpha %g, mAP of text to audio on val %.4f", alpha, values[-1])
    return ridges[int(np.argmax(values))]  # the first of equal ones


def _text_to_audio(ridge: Ridge, clips: LabelledFeatures, text: NDArray[Any]) -> float:
    classes = np.unique(clips.classes)
    scores = dot_scores(unit_rows(text[classes]), ridge.embed(clips.features))
    return float(label_values(positions_by_label(scores, classes, clips.classes))["mAP"].mean())


def _check(
    train: LabelledFeatures, val: LabelledFeatures, text: NDArray[Any], alphas: Sequence[float]
) -> None:
    if not alphas or min(alphas) <= 0:
        raise HearsayError(f"ridge: alphas {list(alphas)} must be numbers above 0, one at least")
    for split, clips in (("train", train), ("val", val)):
        if not len(clips.classes):
            raise HearsayError(f"ridge: the {split} split has no clip; it takes both to fit")
        if len(clips.features) != len(clips.classes) or clips.classes.max() >= len(text):
            raise HearsayError(
                f"ridge: {len(clips.features)} features, {len(clips.classes)} classes up to "
                f"{clips.classes.max()} and {len(text)} texts of the {split} split do not fit"
            )
        if not np.isfinite(clips.features).all():
            raise HearsayError(f"ridge: features of {split} are not finite; extract them again")
    if train.features.shape[1] != val.features.shape[1]:
        raise HearsayError(
            f"ridge: features of {train.features.shape[1]} dimensions in train and "
            f"{val.features.shape[1]} in val; extract both alike"
        )
