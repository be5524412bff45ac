"""The papers' own numbers, as printed; they stand in tables beside ours and are never scores."""

from dataclasses import dataclass

# Nearest Match takes the nearest image from the n-th of the paper's 30 epochs on. A run of another
# length has another n for the same share, so the names say the share.
NEAREST_FROM = {
    "nearest_match_0": 0,
    "nearest_match_sixth": 5,
    "nearest_match_third": 10,
    "nearest_match_half": 15,
}
TSUBAKI = "Tsubaki et al. 2024 (arXiv 2403.10756)"


@dataclass(frozen=True)
class PublishedTable:
    """One results table of a paper.

    Attributes:
        source: paper and table.
        dataset: name of the data set as config would have it.
        data: the test data in words.
        remark: what a reader must know before comparing.
        cells: (direction, metric) of the numbers of each row, in order.
        rows: method -> percent and its printed spread, one pair a cell.
        protocols: method -> the protocols of ours that it may be compared with; `default` for the
            methods not named.
    """

    source: str
    dataset: str
    data: str
    remark: str
    cells: tuple[tuple[str, str], ...]
    rows: dict[str, tuple[tuple[float, float], ...]]
    protocols: dict[str, tuple[str, ...]]

    def value(self, method: str, direction: str, metric: str) -> tuple[float, float] | None:
        """Return percent and spread, or None where the paper prints none."""
        if method not in self.rows or (direction, metric) not in self.cells:
            return None
        return self.rows[method][self.cells.index((direction, metric))]

    def label(self, method: str) -> str:
        """Name a published row, with the paper's own n where it has one."""
        n = NEAREST_FROM.get(method)
        return method if n is None else f"{method} (n = {n} of 30)"

    def compares(self, method: str, protocol: str) -> bool:
        """Say whether the paper has a row for a method that fits a protocol of ours."""
        allowed = self.protocols.get(method, self.protocols["default"])
        return method in self.rows and protocol in allowed


AUDIO_IMAGE = PublishedTable(
    source=f"{TSUBAKI}, Table III",
    dataset="audioset",
    data="AudioSet eval, N = 16,000",
    remark=(
        "the paper does not say which image it tests with, and its multiframe_match row seems to "
        "use all four; its ± over 3 seeds fits a standard error better than a standard deviation"
    ),
    cells=(
        ("audio_to_image", "R@1"),
        ("audio_to_image", "R@5"),
        ("image_to_audio", "R@1"),
        ("image_to_audio", "R@5"),
    ),
    rows={
        "vip_ant": ((10.94, 0.06), (26.49, 0.07), (11.89, 0.15), (27.94, 0.11)),
        "nearest_match_0": ((10.83, 0.09), (26.46, 0.14), (11.74, 0.30), (27.74, 0.10)),
        "nearest_match_sixth": ((10.94, 0.29), (26.59, 0.18), (11.85, 0.22), (27.96, 0.10)),
        "nearest_match_third": ((10.88, 0.18), (26.58, 0.21), (11.95, 0.08), (28.01, 0.27)),
        "nearest_match_half": ((10.69, 0.12), (26.96, 0.21), (12.14, 0.02), (28.19, 0.30)),
        "multiframe_match": ((15.83, 0.09), (33.93, 0.13), (17.65, 0.23), (36.27, 0.19)),
    },
    protocols={
        "default": ("second_image",),
        "multiframe_match": ("second_image", "flat_images"),
    },
)

AUDIO_TEXT = PublishedTable(
    source=f"{TSUBAKI}, Table IV",
    dataset="audiocaps",
    data="AudioCaps test, 845 clips with 5 captions each",
    remark="its ± over 3 seeds fits a standard error better than a standard deviation",
    cells=(
        ("text_to_audio", "R@1"),
        ("text_to_audio", "R@10"),
        ("audio_to_text", "R@1"),
        ("audio_to_text", "R@10"),
    ),
    rows={
        "vip_ant": ((26.17, 0.10), (73.85, 0.94), (30.85, 0.78), (77.36, 1.26)),
        "nearest_match_0": ((25.84, 0.79), (73.64, 0.53), (29.63, 0.82), (77.71, 0.67)),
        "nearest_match_sixth": ((26.50, 0.25), (73.73, 0.28), (31.05, 0.70), (77.71, 0.26)),
        "nearest_match_third": ((26.50, 0.25), (73.74, 0.15), (30.69, 0.04), (77.59, 0.20)),
        "nearest_match_half": ((26.87, 0.27), (74.57, 0.34), (31.80, 0.66), (78.11, 0.52)),
        "multiframe_match": ((25.20, 0.20), (71.96, 0.09), (29.90, 0.19), (75.74, 0.17)),
    },
    protocols={"default": ("full_gallery",)},
)

PUBLISHED = {"audio_image_retrieval": AUDIO_IMAGE, "audio_text_retrieval": AUDIO_TEXT}


@dataclass(frozen=True)
class PublishedClips:
    """How many clips a data set lists, and how many of them the paper could still find."""

    dataset: str
    split: str
    name: str
    listed: int
    found: int


CLIPS = (
    PublishedClips("audioset", "train", "AudioSet unbalanced", 2_041_789, 1_673_501),
    PublishedClips("audioset", "val", "AudioSet balanced", 22_160, 16_273),
    PublishedClips("audioset", "test", "AudioSet eval", 20_371, 16_000),
    PublishedClips("audiocaps", "train", "AudioCaps train", 49_838, 43_045),
    PublishedClips("audiocaps", "val", "AudioCaps val", 495, 429),
    PublishedClips("audiocaps", "test", "AudioCaps test", 975, 845),
)
CLIPS_SOURCE = (
    "found: Tsubaki et al. 2024 (arXiv 2403.10756); listed: the lists of AudioSet "
    "(unbalanced: about) and AudioCaps v1 themselves"
)

XIE = "Xie et al. 2022 (arXiv 2110.02939)"
AUDIOGROUNDING = "audiogrounding"  # name of the data set as config would have it
XIE_CLIPS = (
    PublishedClips(AUDIOGROUNDING, "train", "AudioGrounding v1 train", 4_489, 4_253),
    PublishedClips(AUDIOGROUNDING, "val", "AudioGrounding v1 val", 31, 30),
    PublishedClips(AUDIOGROUNDING, "test", "AudioGrounding v1 test", 70, 67),
)
XIE_CLIPS_SOURCE = (
    f"found: what the paper's copy has, {XIE}, Table 1; listed: the label files of AudioGrounding "
    "v1 themselves"
)
XIE_DATA = "AudioGrounding v1 test, 67 clips"
XIE_CANDIDATES = {
    ("audio_to_text", "R@1"): (0.21, 0.04),
    ("audio_to_text", "R@5"): (0.65, 0.05),
    ("text_to_audio", "R@1"): (0.23, 0.04),
    ("text_to_audio", "R@5"): (0.71, 0.04),
}
"""Table 2 of Xie et al. 2022: recall among 30 candidates, and its spread over 20 draws of them."""


@dataclass(frozen=True)
class PublishedPhrases:
    """How many clips, captions and phrases a paper's copy of a data set has, in one split."""

    split: str
    clips: int
    captions: int
    phrases: int


PHRASES = (
    PublishedPhrases("train", 4_253, 4_253, 11_732),
    PublishedPhrases("val", 30, 150, 439),
    PublishedPhrases("test", 67, 335, 1_118),
)
"""Table 1 of Xie et al. 2022: what AudioGrounding v1 had when it was published."""


ELIZALDE = "Elizalde et al. 2019 (ICASSP)"
FSDKAGGLE = "fsdkaggle2018"  # name of the data set as config would have it
ELIZALDE_DATA = "FSDKaggle2018, 41 classes, MAP@3 in percent, k = 25, one training"
ELIZALDE_CELLS = {
    "MFCC, features alone": ((56.0, 2.4), (2.4, 100.0)),
    "WAL-Net, features alone": ((72.0, 2.4), (2.4, 100.0)),
    "MFCC, joint": ((61.2, 54.7), (100.0, 100.0)),
    "WAL-Net, joint": ((74.9, 71.3), (100.0, 100.0)),
}
"""Table 2: queries of sound, then of text; each in a database of sound, then of text."""

ELIZALDE_LOSSES = {
    ("contrastive", "l1"): 32.0,
    ("contrastive", "l2"): 15.4,
    ("contrastive", "exp_l1"): 12.9,
    ("contrastive", "exp_l2"): 14.6,
    ("bce", "l1"): 40.3,
    ("bce", "l2"): 44.7,
    ("bce", "exp_l1"): 34.0,
    ("bce", "exp_l2"): 61.2,
}
"""Table 1, of MFCC. The last is that of Table 2 from sound to sound, so all are taken as such."""

ELIZALDE_NOISE = {
    0.0: {"audio_to_audio": 74.9, "audio_to_text": 71.3, "text_to_audio": 100.0}
    | {"text_to_text": 100.0},
    1.0: {"audio_to_audio": 71.3, "audio_to_text": 70.7, "text_to_audio": 76.5}
    | {"text_to_text": 77.9},
    2.0: {"audio_to_audio": 64.0, "audio_to_text": 64.3, "text_to_audio": 63.3}
    | {"text_to_text": 44.7},
}
"""Fig. 4, of WAL-Net: standard deviations of the noise on texts → MAP@3."""


@dataclass(frozen=True)
class PublishedList:
    """What a paper finds nearest to a query.

    Attributes:
        kind: of the query, in words.
        query: text, or what the sound is of.
        base: labels found by features alone.
        joint: labels found in the joint space.
    """

    kind: str
    query: str
    base: str
    joint: str


ELIZALDE_LISTS = (
    PublishedList(
        "label",
        "gunshot",
        "gunshot, tearing, applause, cough",
        "fireworks, gunshot, microwave oven, knock",
    ),
    PublishedList("label", "meow", "meow, fart, cough", "meow, bark, trumpet"),
    PublishedList(
        "other text",
        "house",
        "drawer, telephone, writing, gunshot, double bass",
        "meow, cough, finger snapping, laughter, computer keyboard",
    ),
    PublishedList(
        "other sound",
        "thunderstorm",
        "fireworks, applause, tearing, fart",
        "fireworks, cough, drawer, gunshot",
    ),
    PublishedList(
        "other sound",
        "orchestra",
        "applause, cello, acoustic guitar, flute, fireworks, violin, clarinet",
        "violin, trumpet, saxophone, flute, double bass, clarinet, cello",
    ),
)


def is_dataset(dataset: str, published: str) -> bool:
    """Say whether a data set of config is the published one, e.g. audioset_2026 is audioset."""
    return dataset.lower().replace("-", "_").split("_")[0] == published
