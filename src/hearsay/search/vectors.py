"""Vectors on disk, and which of them are nearest to a query: FAISS, exact or by cells.

Both kinds hold unit vectors in float16 and are read by memory map: what is searched is in the
system's cache of files and in no process's own memory. Scores are cosines.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.files import atomic_path

logger = logging.getLogger(__name__)

Found = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Scores, falling, and the rows that have them; at equal scores the lower row comes first."""

KINDS = ("auto", "exact", "approximate")
ROWS_PER_BLOCK = 65_536  # in float32 at once: 128 MB of 512 dimensions
POINTS_PER_CELL = 64  # that the centres of cells are fitted to; FAISS asks for 39 at least
FEWEST_POINTS = 39
FIT_SEED = 0  # of the sample and of the centres
ROWS_PER_THREAD = 20_000  # fewer are not worth another thread


@dataclass(frozen=True)
class IndexOptions:
    """The section `search` of the config, as far as it concerns vectors.

    Attributes:
        kind: exact: every vector is compared; approximate: those of the cells nearest to the
            query; auto: approximate from `approximate_from` vectors on.
        approximate_from: vectors.
        cells: that vectors are sorted into; fewer where there are fewer than 39 vectors a cell.
        probed: cells that a query looks into.
    """

    kind: str
    approximate_from: int
    cells: int
    probed: int

    def choose(self, num_vectors: int) -> str:
        """Say which kind so many vectors get, exact or approximate.

        Raises:
            HearsayError: another kind.
        """
        if self.kind not in KINDS:
            raise HearsayError(f"search.kind {self.kind!r} must be one of {', '.join(KINDS)}")
        if num_vectors < FEWEST_POINTS:
            return "exact"  # cells cannot be fitted to so few
        if self.kind == "auto":
            return "approximate" if num_vectors >= self.approximate_from else "exact"
        return self.kind


def write_vectors(vectors: NDArray[Any], path: Path, options: IndexOptions, threads: int) -> str:
    """Write unit vectors [N, D] as an index, atomically; return its kind.

    Args:
        vectors: float16 or float32, perhaps memory-mapped; read in blocks.
        path: of the file.
        options: see `IndexOptions`.
        threads: of FAISS.
    """
    kind = options.choose(len(vectors))
    faiss.omp_set_num_threads(threads)
    width = vectors.shape[1]
    if kind == "exact":
        index = faiss.IndexScalarQuantizer(
            width, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
    else:
        index = _fit_cells(vectors, options)
    for block in _blocks(vectors):
        index.add(block)
    with atomic_path(path) as temporary:
        faiss.write_index(index, str(temporary))
    return kind


def _fit_cells(vectors: NDArray[Any], options: IndexOptions) -> Any:
    """Make an index of cells, whose centres are fitted to a sample of the vectors."""
    num_vectors, width = vectors.shape
    cells = max(1, min(options.cells, num_vectors // FEWEST_POINTS))
    if cells < options.cells:
        logger.info("%d vectors: %d cells instead of %d", num_vectors, cells, options.cells)
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(width),
        width,
        cells,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,  # vectors themselves, not what is left of them behind the centres: exact cosines
    )
    index.cp.spherical, index.cp.seed = True, FIT_SEED
    index.nprobe = min(options.probed, cells)
    size = min(num_vectors, POINTS_PER_CELL * cells)
    rows = np.random.default_rng(FIT_SEED).choice(num_vectors, size, replace=False)
    index.train(np.asarray(vectors[np.sort(rows)], np.float32))
    return index


def _blocks(vectors: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(vectors), ROWS_PER_BLOCK):
        yield np.ascontiguousarray(vectors[start : start + ROWS_PER_BLOCK], np.float32)


class VectorIndex:
    """An index on disk; may be searched by several threads at once.

    Args:
        path: of `write_vectors`.
        threads: that share the rows of an exact index; cells take so little that one does.

    Raises:
        HearsayError: the file is absent or damaged.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if not path.is_file():
            raise HearsayError(f"{path} does not exist; build the search index again")
        try:
            # Of cells too. IO_FLAG_MMAP would read them by 32 threads of its own, anew each query.
            self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise HearsayError(f"{path} is no index ({error}); build it again") from error
        self.is_exact = not isinstance(self._index, faiss.IndexIVF)
        parts = max(1, min(threads, len(self) // ROWS_PER_THREAD)) if self.is_exact else 1
        ends = np.linspace(0, len(self), parts + 1).astype(int).tolist()
        self._ranges = list(pairwise(ends))
        # Of its own, since several queries at once share the threads that are given.
        self._pool = (
            ThreadPoolExecutor(parts, initializer=faiss.omp_set_num_threads, initargs=(1,))
            if parts > 1
            else None
        )

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def width(self) -> int:
        """D of the vectors."""
        return int(self._index.d)

    def search(self, query: NDArray[Any], k: int) -> Found:
        """Find the k vectors, or all if there are fewer, with the largest cosines.

        Args:
            query: [D]; scaled to unit norm here, zeros score 0.
        """
        query = np.asarray(query, np.float32).reshape(1, -1)
        if query.shape[1] != self.width:
            raise HearsayError(f"a query of {query.shape[1]} dimensions, not {self.width}")
        length = float(np.linalg.norm(query))
        query = query / (length if length > 0 else 1.0)
        k = min(k, len(self))
        if k <= 0:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        asked = k
        while True:
            # One more, which tells whether rows with the last score may have been left out.
            asked = min(asked + 1, len(self))
            scores, rows = self._search(query, asked)
            if len(scores) < asked or asked == len(self) or scores[-1] < scores[k - 1]:
                return scores[:k], rows[:k]
            asked *= 2

    def _search(self, query: NDArray[np.float32], k: int) -> Found:
        if self._pool is None:
            scores, rows = self._index.search(query, k)
        else:
            parts = list(self._pool.map(partial(self._search_part, query, k), self._ranges))
            scores, rows = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
        found = rows[0] >= 0  # where too few are found, FAISS fills up with -1
        scores, rows = scores[0][found], rows[0][found]
        order = np.lexsort((rows, -scores))[:k]
        return scores[order], rows[order]

    def _search_part(self, query: NDArray[np.float32], k: int, part: tuple[int, int]) -> Any:
        chosen: Any = faiss.SearchParameters()
        selector = faiss.IDSelectorRange(*part)  # must live as long as the search
        chosen.sel = selector
        return self._index.search(query, min(k, part[1] - part[0]), params=chosen)
