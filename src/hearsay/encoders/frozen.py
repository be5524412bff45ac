"""The frozen encoders that a trained network builds on: a tower, vectors of words, labels."""

from dataclasses import dataclass
from pathlib import Path

from hearsay.encoders.image_tower import ImageTower, read_image_tower
from hearsay.encoders.label_store import LabelFiles, LabelStore, read_label_store
from hearsay.encoders.word_store import WordFiles, WordStore, read_word_store
from hearsay.errors import HearsayError
from hearsay.families import FamilyNeeds
from hearsay.layout import DatasetFiles


@dataclass(frozen=True)
class FrozenEncoders:
    """What a family asked for; None what it did not."""

    image_tower: ImageTower | None = None
    words: WordStore | None = None
    labels: LabelStore | None = None

    @property
    def name(self) -> str:
        """Name the weights, as every score does."""
        if self.image_tower is not None:
            return self.image_tower.name
        texts = self.words or self.labels
        return texts.name if texts is not None else "none"

    @property
    def digest(self) -> str:
        """Tell encoders of one space from those of another."""
        parts = [self.image_tower.digest] if self.image_tower is not None else []
        parts += [texts.space for texts in (self.words, self.labels) if texts is not None]
        return "+".join(parts)


def read_frozen(needs: FamilyNeeds, data: DatasetFiles, towers: Path | None) -> FrozenEncoders:
    """Read the frozen encoders of a family.

    Args:
        needs: of the family.
        data: the data set whose words or labels are asked for.
        towers: clip.pt of `prepare_clip`; None where the family needs none.

    Raises:
        HearsayError: a file is absent or damaged, or the towers are needed and not given.
    """
    if needs.needs_towers and towers is None:
        raise HearsayError("this method builds on the frozen towers; give --weights")
    return FrozenEncoders(
        read_image_tower(towers) if needs.needs_towers and towers is not None else None,
        read_word_store(WordFiles.of(data)) if needs.needs_words else None,
        read_label_store(LabelFiles.of(data)) if needs.needs_labels else None,
    )
