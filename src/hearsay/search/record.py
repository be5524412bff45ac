"""What an index says of itself, index.json, and where its files lie."""

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json

FORMAT = 2  # raised where an older index can no longer be read
FINDS = (
    "text_to_clips",
    "sound_to_clips",
    "sound_to_captions",
    "sound_to_labels",
    "picture_to_clips",
)
RECORD = "index.json"


@dataclass(frozen=True)
class Description:
    """What an index holds and can find.

    Attributes:
        method: of the run.
        seed: of the run.
        stage: its last one.
        dataset: whose clips are found.
        weights: name of the frozen towers or word vectors.
        num_clips: that can be found; as captions and labels.
        num_captions: as num_clips.
        num_labels: as num_clips.
        kind: exact or approximate, of the clips.
        can_ground: whether the run says when in a clip a phrase is heard.
        finds: some of FINDS.
    """

    method: str
    seed: int
    stage: str
    dataset: str
    weights: str
    num_clips: int
    num_captions: int
    num_labels: int
    kind: str
    can_ground: bool
    finds: tuple[str, ...]


@dataclass(frozen=True)
class IndexRecord:
    """All that index.json holds; paths are absolute here, and relative to the index there.

    Attributes:
        description: see `Description`.
        data: folder of the data set.
        model: model.pt of the run.
        towers: clip.pt; None where the method has none.
        wal_net: wal_net.pt that clip vectors come from; None where they do not.
        sound: how the data set's clips were decoded: sample_rate_hz, clip_duration_s,
            min_peak_dbfs.
        features: of a method that hears vectors of clips, the options that these are computed by.
    """

    description: Description
    data: Path
    model: Path
    towers: Path | None
    wal_net: Path | None
    sound: dict[str, Any]
    features: dict[str, Any]


PATHS = ("data", "model", "towers", "wal_net")


def write_record(record: IndexRecord, folder: Path) -> None:
    """Write index.json, atomically: what makes an index complete."""
    paths = {name: getattr(record, name) for name in PATHS}
    value = {
        "format": FORMAT,
        **asdict(record.description),
        "paths": {
            name: os.path.relpath(path, folder.resolve()) if path is not None else None
            for name, path in paths.items()
        },
        "sound": record.sound,
        "features": record.features,
    }
    write_json(value, folder / RECORD)


def read_record(folder: Path) -> IndexRecord:
    """Read index.json of a folder.

    Raises:
        HearsayError: it is absent, damaged or of another version.
    """
    path = folder / RECORD
    if not path.is_file():
        raise HearsayError(f"{path} does not exist; {_advice(folder)}")
    value = read_json(path)
    try:
        if value["format"] != FORMAT:
            raise HearsayError(f"{path} is of another version of hearsay; build the index again")
        names = Description.__dataclass_fields__
        described = {name: value[name] for name in names}
        described["finds"] = tuple(described["finds"])
        paths = {
            name: folder.resolve() / value["paths"][name] if value["paths"][name] else None
            for name in PATHS
        }
        return IndexRecord(
            description=Description(**described),
            sound=value["sound"],
            features=value["features"],
            **{name: _normal(path) for name, path in paths.items()},
        )
    except (KeyError, TypeError) as error:
        raise HearsayError(f"{path} is damaged ({error!r}); build the index again") from error


def _advice(folder: Path) -> str:
    """Say how to come to an index, which lies in search/METHOD/seedS of a results folder."""
    advice = "an index is a folder such as results/search/METHOD/seed0"
    if folder.parent.parent.name == "search" and re.fullmatch(r"seed\d+", folder.name):
        wanted = os.path.relpath(folder / RECORD)  # as rules name their outputs
        advice = f"build it: .venv/bin/snakemake --cores all {wanted}"
    above = next((path for path in (folder, *folder.parents) if path.name == "search"), None)
    built = sorted(above.glob(f"*/seed*/{RECORD}")) if above else []
    there = f"; built are {', '.join(str(path.parent) for path in built)}" if built else ""
    return f"{advice} (README, Search){there}"


def _normal(path: Path | None) -> Any:
    return Path(os.path.normpath(path)) if path is not None else None
