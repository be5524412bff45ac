"""Where the files of one data set lie, from its folder alone (docs/design.md, section 4)."""

from dataclasses import dataclass
from pathlib import Path

from hearsay.files import read_json

STATUS_SUFFIX = ".status.parquet"
SERVED_HERE = "http://localhost/"  # of a locator: the media lie here, served while they are fetched


@dataclass(frozen=True)
class DatasetFiles:
    """The files of one data set below `root`, in shards counted from 0."""

    root: Path
    num_shards: int

    @classmethod
    def open(cls, root: Path) -> "DatasetFiles":
        """Find the files of a data set whose availability is known.

        Raises:
            HearsayError: `availability.json` is absent or broken.
        """
        return cls(root, int(read_json(root / "availability.json")["num_shards"]))

    @property
    def name(self) -> str:
        """The data set's name: that of its folder."""
        return self.root.name

    @property
    def clips(self) -> Path:
        """Index table of clips."""
        return self.root / "index" / "clips.parquet"

    @property
    def captions(self) -> Path:
        """Index table of captions."""
        return self.root / "index" / "captions.parquet"

    @property
    def phrases(self) -> Path:
        """Index table of phrases."""
        return self.root / "index" / "phrases.parquet"

    @property
    def availability(self) -> Path:
        """Summary of which clips exist, with fingerprints."""
        return self.root / "availability.json"

    @property
    def availability_table(self) -> Path:
        """One row per clip: what became of it."""
        return self.root / "availability.parquet"

    @property
    def statistics(self) -> Path:
        """Mean and std of the filter bank over the train split."""
        return self.root / "fbank" / "statistics.json"

    @property
    def caption_embeddings(self) -> Path:
        """Caption embeddings, with their index beside them."""
        return self.root / "caption_embeddings.npy"

    @property
    def phrase_embeddings(self) -> Path:
        """Phrase embeddings, with their index beside them."""
        return self.root / "phrase_embeddings.npy"

    @property
    def label_embeddings(self) -> Path:
        """Text features of the labels, with their index and summary beside them."""
        return self.root / "label_embeddings.npy"

    @property
    def label_tower_embeddings(self) -> Path:
        """Labels as the frozen text tower embeds them, with their index beside them."""
        return self.root / "label_tower_embeddings.npy"

    @property
    def caption_text_features(self) -> Path:
        """Captions as text features, made as those of labels, with their index beside them."""
        return self.root / "caption_text_features.npy"

    def form(self, name: str) -> Path:
        """Vectors of all clips in one form, with their index beside them."""
        return self.root / "forms" / f"{name}.npy"

    def shards(self, stage: str, suffix: str) -> list[Path]:
        """The files of one stage in shard order, e.g. `shards("fbank", ".npy")`."""
        return [self.root / stage / f"{shard:05d}{suffix}" for shard in range(self.num_shards)]


def dataset_of(clips: Path) -> str:
    """Return the name of the data set whose index table of clips lies there."""
    return Path(clips).absolute().parents[1].name


def mark_path(status: Path | str) -> Path:
    """Return where the mark of a shard lies, whose clips are to be looked through again."""
    status = Path(status)
    return status.with_name(status.name.removesuffix(STATUS_SUFFIX) + ".retry")


def read_mark(status: Path | str) -> str:
    """Return what tells one mark of a shard from the next; empty: it was never marked."""
    path = mark_path(status)
    return path.read_text().strip() if path.is_file() else ""
