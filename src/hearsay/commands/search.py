"""Search over trained runs: the step that builds an index, and the question asked by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from hearsay.commands.options import Options, Positional
from hearsay.errors import HearsayError


def build_search_index(
    method: str,
    seed: int,
    data: Path,
    model: Path,
    towers: Path | None,
    wal_net: Path | None,
    folder: Path,
    kind: str,
    approximate_from: int,
    cells: int,
    probed: int,
    sound: Options,
    features: Options,
    words: Options,
    training_clips: Path | None,
    training_captions: Path | None,
    subset: Path | None,
    device: str,
    threads: int,
) -> None:
    """Index a trained run, for `hearsay search`."""
    from hearsay.layout import DatasetFiles
    from hearsay.search import build
    from hearsay.search.vectors import IndexOptions

    build.build_search_index(
        method,
        seed,
        DatasetFiles.open(data),
        model,
        towers,
        wal_net,
        folder,
        IndexOptions(kind, approximate_from, cells, probed),
        sound,
        features,
        (words, training_clips, training_captions),
        subset,
        device,
        threads,
    )


def search(
    index: Annotated[Path, Positional("folder of an index, such as results/search/METHOD/seed0")],
    text: Annotated[str | None, Positional("what to search for, in words")],
    sound: Annotated[Path | None, "a file to search by its sound, in place of words"],
    picture: Annotated[Path | None, "a picture to search by, in place of words"],
    find: Annotated[str | None, "clips (default); of a sound also captions or labels"],
    number: Annotated[int | None, "hits to print (10)"],
    json: Annotated[bool | None, "print JSON, for programs"],
    device: Annotated[str | None, "auto, cpu or cuda (cpu)"],
    threads: Annotated[int | None, "of the processor (1)"],
) -> None:
    """Find clips by words, a sound or a picture, with a trained run; or captions, labels."""
    if sum(given is not None for given in (text, sound, picture)) != 1:
        raise HearsayError("give one of a text, --sound FILE and --picture FILE to search by")
    from hearsay.search.ask import ask_index

    print(
        ask_index(
            index,
            text,
            sound,
            picture,
            find or "clips",
            number if number is not None else 10,
            bool(json),
            device or "cpu",
            1 if threads is None else threads,
        ),
        end="",
    )


COMMANDS: list[Callable[..., None]] = [build_search_index, search]
BY_HAND: list[Callable[..., None]] = [search]
