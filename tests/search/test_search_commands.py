"""`hearsay search` as a user meets it: tables, JSON, errors of one line, exit codes."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from tests.search.searched_runs import (
    KINDS,
    RATE_HZ,
    SAYINGS,
    Searched,
    clip_id,
    picture,
    waveform,
)

from hearsay.cli import main
from hearsay.search.engine import Hit
from hearsay.search.links import link_at
from hearsay.search.show import WIDTH, format_hits


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Take back what a command has done to the log of this process."""
    yield
    logging.getLogger("hearsay").handlers.clear()


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    logging.getLogger("hearsay").handlers.clear()
    code = main(["search", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_words_sounds_and_pictures_find_clips(
    searched: Searched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = searched.index("pictures")
    code, table, _ = run(capsys, index, "a dog barks", "--number", 3)
    assert code == 0 and table.count("clip") >= 3 and "youtube.com/watch?v=" in table
    found, said = (table.splitlines()[place].split() for place in (1, 2))
    assert " ".join(said).startswith(SAYINGS[KINDS[int(found[3][-2:]) % len(KINDS)]])
    soundfile.write(tmp_path / "own.wav", waveform(5), RATE_HZ)
    code, table, _ = run(capsys, index / "index.json", "--sound", tmp_path / "own.wav")
    assert code == 0 and clip_id(5) in table.splitlines()[1]
    (tmp_path / "own.jpg").write_bytes(picture(5, 0))
    code, table, _ = run(capsys, index, "--picture", tmp_path / "own.jpg", "--number", 2)
    assert code == 0 and "   2 " in table


def test_json_says_what_was_asked_and_found(
    searched: Searched, capsys: pytest.CaptureFixture[str]
) -> None:
    index = searched.index("labels")
    code, text, complaint = run(capsys, index, "a dog barks xyzzy", "--json", "--number", 2)
    answer = json.loads(text)
    assert code == 0 and "the run does not know xyzzy: left out" in complaint
    assert answer["unknown_words"] == ["xyzzy"] or answer["unknown_words"] == ["a", "xyzzy"]
    assert answer["index"]["method"] == "labels" and len(answer["hits"]) == 2
    assert set(answer["hits"][0]) == set(Hit.__dataclass_fields__)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere", "dog"], "nowhere/index.json does not exist; an index is a folder such as"),
        (["INDEX"], "give one of a text, --sound FILE and --picture FILE"),
        (["INDEX", "dog", "--picture", "FILE"], "give one of a text, --sound FILE"),
        (["INDEX", "--sound", "FILE"], "text.txt is no sound that can be read"),
        (["INDEX", "--sound", "none.wav"], "none.wav does not exist"),
        (["INDEX", "--sound", "FOLDER"], "folder is no file"),
        (["INDEX", "--picture", "FOLDER"], "folder is no file"),
        (["INDEX", "--picture", "none.jpg"], "none.jpg does not exist"),
        (["INDEX", "--sound", 300 * "x"], "cannot be read (File name too long)"),
        (["INDEX", "--picture", "FILE"], "text.txt is no picture that can be read"),
        (["INDEX", "dog", "--find", "labels"], "--find labels is for a sound"),
        (["INDEX", "dog", "--find", "foo"], "--find 'foo' must be one of clips, captions, labels"),
        (["INDEX", "xyzzy"], "none of the words of 'xyzzy'"),
        (["INDEX", "dog", "--number", "0"], "must be from 1 to 1000"),
        (["INDEX", "dog", "--threads", "0"], "--threads 0: give a number from 1 to"),
        (["INDEX", "dog", "--threads=-1"], "--threads -1: give a number from 1 to"),
        (["INDEX", "dog", "--threads", "9999999999"], "give a number from 1 to"),
        (["INDEX", "dog", "--device", "foo"], "error: the device 'foo' must be auto, cpu or cuda"),
    ],
)
def test_what_goes_wrong_is_one_line(
    searched: Searched,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    (tmp_path / "text.txt").write_text("no sound, no picture")
    (tmp_path / "folder").mkdir()
    places = {"FILE": str(tmp_path / "text.txt"), "FOLDER": str(tmp_path / "folder")}
    places["INDEX"] = str(searched.index("words"))
    code, printed, complaint = run(capsys, *(places.get(word, word) for word in arguments))
    assert code == 1 and printed == ""
    lines = [line for line in complaint.splitlines() if "error" in line]
    assert len(lines) == 1 and says in lines[0], complaint


def test_an_index_that_is_not_built_is_named_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    search = tmp_path / "search"
    for method, seed in (("vip_ant", 1), ("word_align", 0)):
        (search / method / f"seed{seed}").mkdir(parents=True)
        (search / method / f"seed{seed}" / "index.json").touch()
    built = f"built are {search}/vip_ant/seed1, {search}/word_align/seed0"
    monkeypatch.chdir(tmp_path)
    code, _, complaint = run(capsys, search / "vip_ant" / "seed0", "dog")
    assert code == 1 and built in complaint
    assert "build it: .venv/bin/snakemake --cores all search/vip_ant/seed0/index.json" in complaint
    for without_seed in (search, search / "vip_ant"):
        code, _, complaint = run(capsys, without_seed, "dog")
        assert code == 1 and built in complaint and "an index is a folder such as" in complaint


def test_a_command_without_an_index_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["search"])
    assert stopped.value.code == 2


def test_tables_keep_to_80_columns_but_for_links() -> None:
    link = "https://www.youtube.com/watch?v=" + 80 * "x"
    text = "a caption of many words " * 9
    hit = Hit(1, 0.5, "caption", "Y" + "a" * 30, "train", 61.0, 71.25, text, link)
    lines = format_hits([hit]).splitlines()
    assert [line.strip() for line in lines if len(line) > WIDTH] == [link]
    assert "1:01 – 1:11.2" in lines[1]
    assert format_hits([]) == "nothing found\n"


@pytest.mark.parametrize(
    ("source", "locator", "times", "link"),
    [
        ("youtube", "dQw4w9WgXcQ", (30.9, 40.9), "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=30s"),
        ("youtube", "dQw4w9WgXcQ", (0.0, 10.0), "https://www.youtube.com/watch?v=dQw4w9WgXcQ"),
        ("http", "http://a.b/c.mp4?d=1#x", (2.0, 12.5), "http://a.b/c.mp4?d=1#t=2,12.5"),
        ("http", "http://a.b/c.mp4", (2.0, None), "http://a.b/c.mp4#t=2"),
        ("http", "http://a.b/c.mp4", (0.0, None), "http://a.b/c.mp4"),
        ("http", "http://localhost/media/c.mp4", (0.0, 10.0), None),
        ("http", "javascript:alert(1)", (0.0, None), None),
        ("youtube", "x&y=<b>", (0.0, None), None),
        ("file", "/home/me/dog.wav", (0.0, None), None),
        ("archive", "audio/dog.wav", (0.0, 5.0), None),
    ],
)  # fmt: skip
def test_links_lead_to_the_second_of_a_source(
    source: str, locator: str, times: tuple[float, float | None], link: str | None
) -> None:
    assert link_at(source, locator, *times) == link


def test_help_names_the_places_of_index_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["search", "--help"])
    shown = capsys.readouterr().out
    assert "INDEX [TEXT]" in " ".join(shown.split()) and "--picture" in shown
