"""The files of single clips: sound, pictures, captions and labelled phrases of a data set.

Nothing is asked for by a path: a clip id is looked up among the entries of the index, and what
is read lies in the data set's own tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.search.entries import Entries


@dataclass(frozen=True)
class Segment:
    """A phrase of a caption, and when it is heard; empty times: labelled as not heard."""

    caption_id: str
    phrase: str
    onsets_s: tuple[float, ...]
    offsets_s: tuple[float, ...]


@dataclass(frozen=True)
class ClipNotes:
    """What people said of a clip.

    Attributes:
        labels: of its sound.
        captions: its texts.
        segments: the phrases of its captions; none where the data set has none.
    """

    labels: tuple[str, ...]
    captions: tuple[str, ...]
    segments: tuple[Segment, ...]


class ClipFiles:
    """Reads what belongs to one clip; safe for several threads.

    Args:
        data: the data set.
        entries: of the clips of an index.
    """

    def __init__(self, data: DatasetFiles, entries: Entries) -> None:
        self.data = data
        self.entries = entries

    def audio(self, clip_id: str) -> bytes:
        """Return the sound of a clip: mono FLAC.

        Raises:
            HearsayError: the clip is unknown, or the table of its shard is gone or another.
        """
        entry = self.entries.find(clip_id)
        row = self._read("audio", entry, entry["place"], ["flac"])
        return bytes(row["flac"])

    def image(self, clip_id: str, number: int) -> bytes:
        """Return the picture of a clip with that number, counted from 0: a JPEG.

        Raises:
            HearsayError: as `audio`, or the clip has no such picture.
        """
        entry = self.entries.find(clip_id)
        num_images = self.num_images
        if not 0 <= number < num_images:
            raise HearsayError(
                f"clip {clip_id} has {num_images} pictures, counted from 0; {number} is none"
            )
        place = entry["place"] * num_images + number
        return bytes(self._read("images", entry, place, ["jpeg"])["jpeg"])

    @cached_property
    def num_images(self) -> int:
        """How many pictures each clip has: as many as every other; 0: the data set has none."""
        for shard in range(self.data.num_shards):
            images, audio = (self._path(folder, shard) for folder in ("images", "audio"))
            if not images.is_file():
                return 0
            num_clips = pq.read_metadata(audio).num_rows
            if num_clips:
                return int(pq.read_metadata(images).num_rows // num_clips)
        return 0

    def notes(self, clip_id: str) -> ClipNotes:
        """Return labels, captions and labelled phrases of a clip.

        Raises:
            HearsayError: the clip is unknown.
        """
        self.entries.find(clip_id)
        labels = _of_clip(self._labels, clip_id)
        captions = _of_clip(self._captions, clip_id)
        segments = tuple(
            Segment(
                row["caption_id"],
                row["phrase"],
                tuple(row["onsets_s"] or ()),
                tuple(row["offsets_s"] or ()),
            )
            for row in _of_clip(self._phrases, clip_id)
        )
        own = tuple(label for row in labels for label in row["labels"] or ())
        return ClipNotes(own, tuple(row["text"] for row in captions), segments)

    def summaries(self, clip_ids: Sequence[str]) -> dict[str, str]:
        """Say in a line what people said of some clips: the first caption, or else the labels.

        Returns:
            by clip id; clips without either are left out.
        """
        if not clip_ids:
            return {}
        chosen = [("clip_id", "in", list(clip_ids))]
        labels, captions = (
            pq.read_table(path, columns=["clip_id", column], filters=chosen).to_pylist()
            for path, column in ((self.data.clips, "labels"), (self.data.captions, "text"))
        )
        said = {row["clip_id"]: ", ".join(row["labels"]) for row in labels if row["labels"]}
        for row in reversed(captions):  # so that the first one stays
            said[row["clip_id"]] = row["text"]
        return said

    @cached_property
    def _labels(self) -> pa.Table:
        return pq.read_table(self.data.clips, columns=["clip_id", "labels"])

    @cached_property
    def _captions(self) -> pa.Table:
        return pq.read_table(self.data.captions, columns=["clip_id", "text"])

    @cached_property
    def _phrases(self) -> pa.Table:
        columns = ["clip_id", "caption_id", "phrase", "onsets_s", "offsets_s"]
        return pq.read_table(self.data.phrases, columns=columns)

    def _path(self, folder: str, shard: int) -> Path:
        return self.data.root / folder / f"{shard:05d}.parquet"

    def _read(
        self, folder: str, entry: dict[str, Any], place: int, columns: list[str]
    ) -> dict[str, Any]:
        """Read one row of a table of a shard, and no more of the table than its row group."""
        path, clip_id = self._path(folder, entry["shard"]), entry["clip_id"]
        if not path.is_file():
            raise HearsayError(f"{path} does not exist any more; decode the clips again")
        with pq.ParquetFile(path, memory_map=True) as table:
            sizes = [
                table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)
            ]
            ends = np.cumsum(sizes)
            group = int(np.searchsorted(ends, place, side="right"))
            if group < len(sizes):
                rows = table.read_row_group(group, columns=["clip_id", *columns])
                row: dict[str, Any] = rows.slice(place - int(ends[group] - sizes[group]), 1)
                found: dict[str, Any] = row.to_pylist()[0]  # type: ignore[attr-defined]
                if found["clip_id"] == clip_id:
                    return found
        raise HearsayError(
            f"clip {clip_id} no longer stands in its place in {path}; build the search index again"
        )


def _of_clip(table: pa.Table, clip_id: str) -> list[dict[str, Any]]:
    """Return the rows of a clip, in their order."""
    chosen = pc.equal(table["clip_id"], pa.scalar(clip_id, pa.string()))
    rows: list[dict[str, Any]] = table.filter(chosen).to_pylist()
    return rows
