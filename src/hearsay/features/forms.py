"""Forms of clip vectors for telling labels apart: centred, scaled or reduced, of unit norm."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from hearsay.clips.subset_files import read_subset
from hearsay.errors import HearsayError
from hearsay.features.extract import write_vectors
from hearsay.features.store import ShardedArrays
from hearsay.layout import dataset_of

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float64]
TRANSFORMS = ("none", "standardise", "pca")


def form_vectors(
    clips: Path,
    arrays: list[Path],
    options: dict[str, Any],
    array: Path,
    index: Path,
    subset: Path | None,
) -> None:
    """Write one form of the vectors of a data set, all its shards in one array.

    Args:
        clips: index table; what is fitted is fitted on its clips of split train alone.
        arrays: npy of each shard, float32 [clips, D], with their index tables beside them.
        options: `transform`: none, standardise (each dimension less its mean, over its standard
            deviation) or pca, with the number of `dimensions` to keep. Then every vector is
            scaled to unit norm.
        array: npy to write: float32 [N, D], shard after shard.
        index: table to write: extract.VECTOR_SCHEMA.
        subset: text file of clip ids; only they are fitted on; None: all.

    Raises:
        HearsayError: another transform, no clip to fit on, or files that do not fit together.
    """
    if options["transform"] not in TRANSFORMS:
        raise HearsayError(
            f"forms: transform {options['transform']} is not one of {', '.join(TRANSFORMS)}"
        )
    store = ShardedArrays(arrays)
    vectors = store.gather(store.clip_ids).astype(np.float64)  # [N, D]
    if options["transform"] != "none":
        fitted = vectors[_train_rows(clips, store, subset)]
        if options["transform"] == "standardise":
            vectors = standardise(vectors, fitted)
        else:
            vectors = reduce(vectors, fitted, options["dimensions"])
    write_vectors(store.clip_ids, scale_to_unit(vectors), array, index)


def fit_map(
    clips: Path, arrays: list[Path], options: dict[str, Any], subset: Path | None
) -> tuple[Vectors, Vectors]:
    """Return what `form_vectors` does to a vector before it scales it: a mean and a matrix.

    Args:
        clips: as all others of `form_vectors`.
        arrays: as clips.
        options: as clips.
        subset: as clips.

    Returns:
        mean [D] and matrix [D, E]: vectors [N, D] less the mean, times the matrix.
    """
    store = ShardedArrays(arrays)
    width = store.shape[1]
    if options["transform"] == "none":
        return np.zeros(width), np.eye(width)
    fitted = store.gather(store.clip_ids).astype(np.float64)[_train_rows(clips, store, subset)]
    if options["transform"] == "standardise":
        deviations = fitted.std(axis=0)
        return fitted.mean(axis=0), np.diag(1 / np.where(deviations > 0, deviations, 1.0))
    model, num_axes = _fit_axes(fitted, options["dimensions"])
    matrix = np.zeros((width, options["dimensions"]))
    matrix[:, :num_axes] = model.components_[:num_axes].T
    return model.mean_, matrix


def standardise(vectors: Vectors, fitted: Vectors) -> Vectors:
    """Return vectors [N, D] less the mean, over the standard deviation of others [M, D].

    The deviation is that of the population; a dimension that never changes is left unscaled.
    """
    deviations = fitted.std(axis=0)
    return (vectors - fitted.mean(axis=0)) / np.where(deviations > 0, deviations, 1.0)


def reduce(vectors: Vectors, fitted: Vectors, dimensions: int) -> Vectors:
    """Project vectors [N, D] on the principal axes of others [M, D]: [N, dimensions].

    M vectors less their mean span at most M - 1 axes. An axis along which they differ by no more
    than rounding has no direction of its own and is not kept; what is left is zero.
    """
    model, num_axes = _fit_axes(fitted, dimensions)
    if num_axes < dimensions:
        logger.warning(
            "%d vectors of %d dimensions have %d principal axes; the other %d dimensions are 0",
            *fitted.shape,
            num_axes,
            dimensions - num_axes,
        )
    reduced = np.zeros((len(vectors), dimensions))
    reduced[:, :num_axes] = model.transform(vectors)[:, :num_axes]
    logger.info("%.1f %% of the variance kept", 100 * model.explained_variance_ratio_.sum())
    return reduced


def _fit_axes(fitted: Vectors, dimensions: int) -> tuple[PCA, int]:
    """Fit principal axes; return how many of them have a direction of their own, too."""
    model = PCA(min(dimensions, *fitted.shape), svd_solver="full").fit(fitted)
    return model, min(_count_axes(model.singular_values_, fitted.shape), len(fitted) - 1)


def scale_to_unit(vectors: Vectors) -> Vectors:
    """Scale vectors [N, D] to length 1; one of length 0 stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.where(lengths > 0, lengths, 1.0)
    return unit


def _count_axes(singular_values: Vectors, shape: tuple[int, ...]) -> int:
    """Count singular values, largest first, above rounding; the bound is that of a rank."""
    bound = singular_values[0] * max(shape) * np.finfo(np.float64).eps
    return int((singular_values > bound).sum())


def _train_rows(clips: Path, store: ShardedArrays, subset: Path | None) -> NDArray[np.bool_]:
    table = pd.read_parquet(clips, columns=["clip_id", "split"])
    train = set(table.loc[table["split"] == "train", "clip_id"])
    if subset is not None:
        train &= read_subset(subset, dataset_of(clips))
    rows = np.array([clip_id in train for clip_id in store.clip_ids], bool)
    if not rows.any():
        raise HearsayError(
            f"no clip of split train{f' and in {subset}' if subset else ''} has vectors beside "
            f"{store.paths[0]}; see availability.parquet for what became of the clips"
        )
    return rows
