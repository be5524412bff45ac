"""What each family of methods needs, known before any of its code is loaded.

The Snakefile and the check of the config read this; a new family is an entry here, its module in
methods/ and its options in the schema.
"""

from dataclasses import dataclass

FORMS = "forms"


@dataclass(frozen=True)
class FamilyNeeds:
    """What a family needs.

    Attributes:
        implementation: module and class, which is called with a stage's options and its name.
        stages: in the order of training, each starting from the one before.
        features: what it hears: a section of `features` in config and a folder of a data set; or
            FORMS, one vector a clip in the form that its option `form` names.
        needs_towers: whether it builds on the frozen image and text towers.
        needs_pictures: whether its first stage trains on pictures.
        needs_words: whether it builds on fixed vectors of single words.
        needs_labels: whether it knows classes of clips, by text features of their labels.
        shares_batches: whether several cards may share a batch: not where layers normalise by it,
            or where one has too little to do.
        headline: which of a training's weights are the headline, `last` or `best` on val.
    """

    implementation: str
    stages: tuple[str, ...]
    features: str
    needs_towers: bool
    needs_pictures: bool
    needs_words: bool
    needs_labels: bool
    shares_batches: bool
    headline: str


FAMILIES = {
    "frame_match": FamilyNeeds(
        implementation="hearsay.methods.frame_match:FrameMatch",
        stages=("audio_image", "audio_text"),
        features="fbank",
        needs_towers=True,
        needs_pictures=True,
        needs_words=False,
        needs_labels=False,
        shares_batches=True,
        headline="last",
    ),
    "word_align": FamilyNeeds(
        implementation="hearsay.methods.word_align:WordAlign",
        stages=("audio_text",),
        features="logmel",
        needs_towers=False,
        needs_pictures=False,
        needs_words=True,
        needs_labels=False,
        shares_batches=False,
        headline="best",
    ),
    "joint_embedding": FamilyNeeds(
        implementation="hearsay.methods.joint_embedding:JointEmbedding",
        stages=("audio_label",),
        features=FORMS,
        needs_towers=False,
        needs_pictures=False,
        needs_words=False,
        needs_labels=True,
        shares_batches=False,
        headline="last",
    ),
}
"""Family of config → what it needs."""
