"""The vectors of an index against plain numpy."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.search.vectors import IndexOptions, VectorIndex, write_vectors

EXACT = IndexOptions("exact", 1, 64, 8)


def clustered(num_vectors: int, width: int, num_clusters: int) -> NDArray[np.float16]:
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((num_clusters, width))
    vectors = centres[generator.integers(0, num_clusters, num_vectors)]
    vectors = vectors + 0.5 * generator.standard_normal(vectors.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def naive(vectors: NDArray[np.float16], query: NDArray[np.float32], k: int) -> list[int]:
    scores = vectors.astype(np.float64) @ (query / np.linalg.norm(query))
    return np.lexsort((np.arange(len(scores)), -scores))[:k].tolist()


@pytest.mark.parametrize("threads", [1, 3])
def test_exact_hits_are_those_of_a_ranking_of_all_cosines(tmp_path: Path, threads: int) -> None:
    vectors = clustered(70_000, 8, 500)  # enough for three threads
    assert write_vectors(vectors, tmp_path / "v.faiss", EXACT, 1) == "exact"
    index = VectorIndex(tmp_path / "v.faiss", threads)
    assert index.is_exact and len(index) == 70_000 and len(index._ranges) == threads
    for number in (0, 40_000, 69_999):
        query = vectors[number].astype(np.float32) * 3 + 0.01
        scores, rows = index.search(query, 25)
        assert rows.tolist() == naive(vectors, query, 25)
        exact = vectors[rows].astype(np.float64) @ (query / np.linalg.norm(query))
        assert scores == pytest.approx(exact, abs=1e-5)


def test_equal_scores_come_in_the_order_of_their_rows(tmp_path: Path) -> None:
    vectors = np.zeros((50, 4), np.float16)
    vectors[:, 0] = 1
    vectors[[7, 30], :2] = [0.6, 0.8]
    write_vectors(vectors, tmp_path / "v.faiss", EXACT, 1)
    index = VectorIndex(tmp_path / "v.faiss")
    expected = [row for row in range(50) if row not in (7, 30)]
    assert index.search(np.array([1, 0, 0, 0]), 10)[1].tolist() == expected[:10]
    assert index.search(np.array([0, 1, 0, 0]), 3)[1].tolist() == [7, 30, 0]
    assert index.search(np.array([1, 0, 0, 0]), 99)[1].tolist() == [*expected, 7, 30]
    assert index.search(np.zeros(4), 2)[0].tolist() == [0, 0]


def test_an_approximate_index_finds_nearly_all_that_the_exact_one_finds(tmp_path: Path) -> None:
    vectors = clustered(20_000, 32, 300)
    options = IndexOptions("auto", 20_000, 64, 8)
    assert write_vectors(vectors, tmp_path / "cells.faiss", options, 1) == "approximate"
    index = VectorIndex(tmp_path / "cells.faiss", 2)
    assert not index.is_exact
    found = []
    for number in range(0, 20_000, 400):
        query = vectors[number].astype(np.float32)
        scores, rows = index.search(query, 10)
        found.append(len(set(rows.tolist()) & set(naive(vectors, query, 10))) / 10)
        assert scores == pytest.approx(vectors[rows].astype(np.float32) @ query, abs=1e-3)
    assert np.mean(found) >= 0.95


def test_the_kind_follows_from_the_config_and_the_number_of_vectors() -> None:
    auto = IndexOptions("auto", 1000, 64, 8)
    assert [auto.choose(number) for number in (999, 1000)] == ["exact", "approximate"]
    assert IndexOptions("approximate", 10**9, 64, 8).choose(38) == "exact", "no cell has enough"
    assert IndexOptions("approximate", 10**9, 64, 8).choose(39) == "approximate"
    with pytest.raises(HearsayError, match=r"search\.kind 'near' must be one of"):
        IndexOptions("near", 1, 1, 1).choose(5)


def test_a_damaged_or_absent_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "v.faiss"
    with pytest.raises(HearsayError, match="does not exist; build the search index again"):
        VectorIndex(path)
    write_vectors(clustered(100, 8, 3), path, EXACT, 1)
    with pytest.raises(HearsayError, match="a query of 9 dimensions, not 8"):
        VectorIndex(path).search(np.ones(9), 3)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(HearsayError, match="is no index"):
        VectorIndex(path)
