"""Lists of clip ids that labs exchange, so that both score the same clips."""

import logging
from pathlib import Path

import pandas as pd
import pytest

from hearsay import cli
from hearsay.clips.availability import fingerprint
from hearsay.clips.subset_files import read_subset
from hearsay.clips.subsets import check_subset, export_subset
from hearsay.errors import HearsayError
from hearsay.files import write_json
from hearsay.layout import DatasetFiles
from hearsay.scoring.gallery import open_gallery
from hearsay.scoring.records import ScoreIdentity

CAPS = {"-a": "train", "_b-": "train", "c": "val", "d": "test", "e": "test", "f": "test"}


def write(folder: Path, splits: dict[str, str], **gone: str) -> Path:
    """Write the availability of a data set: a clip that is not named in `gone` is available."""
    folder.mkdir(parents=True)
    status = dict.fromkeys(splits, "ok") | gone
    table = pd.DataFrame({"clip_id": list(splits), "split": list(splits.values())})
    table["status"] = table["clip_id"].map(status)
    table["available"] = table["status"] == "ok"
    table.to_parquet(folder / "availability.parquet")
    write_json({"num_shards": 1}, folder / "availability.json")
    return folder


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def listed(path: Path) -> list[str]:
    """Return what stands in a file beside comments, sorted."""
    return sorted(line for line in lines(path) if not line.startswith("#"))


def test_a_subset_file_is_one_clip_a_line_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "subset.txt"
    path.write_text("# by hand\n-a\n\n  _b- \r\n#x\n")
    assert read_subset(path, "caps") == {"-a", "_b-"}
    path.write_text("# nothing\n\n")
    with pytest.raises(HearsayError, match="names no clip"):
        read_subset(path, "caps")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(HearsayError, match="is not UTF-8"):
        read_subset(path, "caps")
    with pytest.raises(HearsayError, match="does not exist"):
        read_subset(tmp_path / "none.txt", "caps")


def test_the_available_clips_are_written_sorted_and_signed(tmp_path: Path) -> None:
    caps = write(tmp_path / "caps", CAPS, e="removed", c="silent")
    export_subset([caps], None, [], tmp_path / "all.txt")
    assert lines(tmp_path / "all.txt") == [
        f"# hearsay export-subset: 4 clips, fingerprint {fingerprint(['-a', '_b-', 'd', 'f'])}; "
        f"caps test 2, fingerprint {fingerprint(['d', 'f'])}; "
        f"caps train 2, fingerprint {fingerprint(['-a', '_b-'])}",
        *("# clips: caps test 2", "d", "f"),
        *("# clips: caps train 2", "-a", "_b-"),
    ]
    assert read_subset(tmp_path / "all.txt", "caps") == {"-a", "_b-", "d", "f"}
    export_subset([caps], ["test"], [], tmp_path / "test.txt")
    assert lines(tmp_path / "test.txt")[1:] == ["# clips: caps test 2", "d", "f"]


def test_what_another_lab_has_and_this_one_lacks_is_counted_by_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caps = write(tmp_path / "caps", CAPS, e="removed", c="silent", d="removed")
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("# their list\n-a\nc\nd\ne\nf\nzz\n")
    with caplog.at_level(logging.INFO, logger="hearsay"):
        export_subset([caps], None, [theirs], tmp_path / "both.txt")
    assert listed(tmp_path / "both.txt") == ["-a", "f"]
    assert caplog.messages[0] == (
        f"{theirs}: 6 clips, 2 of them available here; missing here: 2 removed, 1 silent; not "
        "listed in caps at all: 1 (zz)"
    )


def test_clips_of_another_split_and_clips_that_are_unknown_are_told_apart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caps = write(tmp_path / "caps", CAPS)
    split = CAPS["d"]
    others = sorted(clip_id for clip_id in CAPS if CAPS[clip_id] != split)
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("\n".join(["d", "x", "y", "z", others[0]]))
    with caplog.at_level(logging.INFO, logger="hearsay"):
        export_subset([caps], [split], [theirs], tmp_path / "both.txt")
    assert caplog.messages[0] == (
        f"{theirs}: 5 clips, 1 of them available here; not of the splits asked for but of caps "
        f"{CAPS[others[0]]}: 1 ({others[0]}); not listed in caps at all: 3 (x, y, …)"
    )


def test_every_list_counts(tmp_path: Path) -> None:
    caps = write(tmp_path / "caps", CAPS)
    (tmp_path / "1.txt").write_text("-a\nc\nd\n")
    (tmp_path / "2.txt").write_text("c\nd\nf\n")
    export_subset([caps], None, [tmp_path / "1.txt", tmp_path / "2.txt"], tmp_path / "three.txt")
    assert listed(tmp_path / "three.txt") == ["c", "d"]


def test_a_clip_that_one_of_two_data_sets_misses_is_left_out(tmp_path: Path) -> None:
    caps = write(tmp_path / "caps", CAPS)
    audioset = write(
        tmp_path / "audioset",
        dict.fromkeys((*CAPS, "g", "h"), "train"),
        **{"d": "excluded", "e": "excluded", "f": "excluded", "_b-": "private", "h": "private"},
    )
    export_subset([caps, audioset], None, [], tmp_path / "list.txt")
    assert lines(tmp_path / "list.txt")[1:] == [
        *("# clips: audioset train 3", "-a", "c", "g", "# clips: caps test 3", "d", "e", "f"),
        *("# clips: caps train 1", "-a", "# clips: caps val 1", "c"),
    ]
    check_subset(tmp_path / "list.txt", [caps, audioset], tmp_path / "used.txt")
    assert read_subset(tmp_path / "used.txt", "caps") == {"-a", "c", "d", "e", "f"}
    assert read_subset(tmp_path / "used.txt", "audioset") == {"-a", "c", "g"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"splits": ["dev"]}, "--splits dev is none of train, val, test"),
        ({"data": ["nowhere"]}, "nowhere/availability.parquet does not exist; name the folder"),
        ({"among": ["zz"]}, r"no clip of caps test, .* is available and in .*zz.txt; nothing was"),
        ({"among": ["none"]}, r"none.txt does not exist"),
    ],
)
def test_what_cannot_be_exported_gets_one_line(
    tmp_path: Path, arguments: dict[str, list[str]], message: str
) -> None:
    write(tmp_path / "caps", CAPS)
    (tmp_path / "zz.txt").write_text("zz\n")
    data = [tmp_path / name for name in arguments.get("data", ["caps"])]
    among = [tmp_path / f"{name}.txt" for name in arguments.get("among", [])]
    with pytest.raises(HearsayError, match=message):
        export_subset(data, arguments.get("splits"), among, tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()


def test_a_split_that_a_list_does_not_mention_is_not_restricted(tmp_path: Path) -> None:
    caps = write(tmp_path / "caps", CAPS, e="removed")
    (tmp_path / "mine.txt").write_text("d\nf\n")
    check_subset(tmp_path / "mine.txt", [caps], tmp_path / "used.txt")
    assert lines(tmp_path / "used.txt") == [
        *("# hearsay check_subset: mine.txt", "# clips: caps test 2", "d", "f"),
        *("# clips: caps train 2", "-a", "_b-", "# clips: caps val 1", "c"),
    ]


def test_a_section_restricts_its_data_set_and_split_alone(tmp_path: Path) -> None:
    """Ids are alike where data sets hold the same videos: here all of caps are in audioset too."""
    caps = write(tmp_path / "caps", CAPS)
    audioset = write(tmp_path / "audioset", dict.fromkeys((*CAPS, "g", "h"), "train"))
    data, used = [caps, audioset], tmp_path / "used.txt"

    def chosen(text: str) -> tuple[set[str], set[str]]:
        (tmp_path / "mine.txt").write_text(text)
        check_subset(tmp_path / "mine.txt", data, used)
        return read_subset(used, "caps"), read_subset(used, "audioset")

    everything = {*CAPS, "g", "h"}
    assert chosen("# clips: caps test 1\nd\n") == ({"-a", "_b-", "c", "d"}, everything)
    assert chosen("# clips: caps train\n-a\n#clips:caps test\nf\n") == (
        {"-a", "c", "f"},
        everything,
    )
    assert chosen("# clips: caps\n-a\nf\n") == ({"-a", "c", "f"}, everything)
    assert chosen("# clips: audioset train 2\nc\ng\n") == (set(CAPS), {"c", "g"})
    assert chosen("g\nh\n") == (set(CAPS), {"g", "h"}), "of one data set alone, so it is plain"
    with pytest.raises(HearsayError) as error:
        chosen("d\nf\ng\n")
    assert str(error.value) == (
        f"benchmark.subset {tmp_path}/mine.txt: 2 of its 3 clips stand in audioset and in caps, "
        "and would restrict all of them; say whose clips are meant by a line above them, such as "
        "'# clips: audioset' or '# clips: audioset test'"
    )
    with pytest.raises(HearsayError, match=r"'# clips: cups test' is of no data set of this run"):
        chosen("# clips: cups test\nd\n")
    with pytest.raises(HearsayError, match=r"1 of its 1 clips of caps test are not listed in caps"):
        chosen("# clips: caps test\nc\n")


def test_a_list_of_a_lab_is_met_data_set_by_data_set(tmp_path: Path) -> None:
    caps = write(tmp_path / "caps", CAPS)
    audioset = write(tmp_path / "audioset", dict.fromkeys((*CAPS, "g"), "train"))
    theirs, both = tmp_path / "theirs.txt", tmp_path / "both.txt"
    theirs.write_text("# clips: caps test\nd\ne\n# clips: audioset train\ng\n")
    export_subset([caps, audioset], None, [theirs], both)
    sections = ["# clips: audioset train 1", "g", "# clips: caps test 2", "d", "e"]
    assert lines(both)[1:] == sections
    theirs.write_text("# clips: cups test\nd\n")
    with pytest.raises(HearsayError, match="no clip of audioset train, caps test, .* is available"):
        export_subset([caps, audioset], None, [theirs], both)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d\n# clips: caps test\ne\n", "list.txt: d and others stand above the first line"),
        ("# clips: caps test 3\nd\ne\n", "2 clips of caps test stand there, its header says 3"),
        ("# a list\n# clips: caps tset\nd\n", "list.txt, line 2: '# clips: caps tset' is not of"),
        ("# clips:\nd\n", "list.txt, line 1: '# clips:' is not of the form"),
        ("# clips: other test\nd\n", "has no line '# clips: caps'; it names no clip of it"),
        ("# clips: caps test\n", "names no clip"),
    ],
)
def test_a_section_that_is_not_right_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(HearsayError, match=message):
        read_subset(tmp_path / "list.txt", "caps")


def test_clips_of_a_list_that_are_missing_or_unknown_get_one_line(tmp_path: Path) -> None:
    caps = write(tmp_path / "caps", CAPS, d="removed", e="private", c="private")
    (tmp_path / "mine.txt").write_text("c\nd\ne\nf\nzz\nzy\n")
    with pytest.raises(HearsayError) as error:
        check_subset(tmp_path / "mine.txt", [caps], tmp_path / "used.txt")
    assert str(error.value) == (
        f"benchmark.subset {tmp_path}/mine.txt: 3 of its 6 clips are not available here "
        "(2 private, 1 removed), the first c of caps; 2 of its 6 clips are not listed in any "
        "of caps, the first zy; so scores would be of other clips than its lab's: make a list of "
        f"what both have with hearsay export-subset --data {caps} --among {tmp_path}/mine.txt "
        "--file both.txt"
    )
    assert not (tmp_path / "used.txt").exists()


def test_a_clip_that_is_excluded_everywhere_is_unknown(tmp_path: Path) -> None:
    audioset = write(tmp_path / "audioset", {"a": "train", "b": "train"}, a="excluded")
    (tmp_path / "mine.txt").write_text("a\n")
    with pytest.raises(HearsayError, match="1 of its 1 clips are not listed in any of audioset"):
        check_subset(tmp_path / "mine.txt", [audioset], tmp_path / "used.txt")


def scored(data: Path, subset: Path | None) -> tuple[list[str], str]:
    """Return the clips that are scored, and the fingerprint that every score carries."""
    identity = ScoreIdentity("caps", "test", "all", "vip_ant", "audio_text", "towers", 0, "")
    gallery = open_gallery(DatasetFiles.open(data), subset, identity)
    return list(gallery.clip_ids), gallery.identity.availability


def test_two_labs_with_different_dead_links_score_the_same_clips(tmp_path: Path) -> None:
    """One lab sends its list, the other answers with what both have, and both use the answer."""
    clips = {f"-c{number}_": "test" if number % 3 else "train" for number in range(60)}
    dead = {
        "here": {f"-c{number}_": "removed" for number in range(0, 60, 7)},
        "there": {f"-c{number}_": "private" for number in range(0, 60, 5)},
    }
    labs = {name: write(tmp_path / name / "caps", clips, **gone) for name, gone in dead.items()}
    assert scored(labs["here"], None)[1] != scored(labs["there"], None)[1]
    first, both = tmp_path / "here.txt", tmp_path / "both.txt"
    export = ["--log", str(tmp_path / "log"), "export-subset", "--splits", "test", "--data"]
    assert cli.main([*export, str(labs["here"]), "--file", str(first)]) == 0
    answer = [str(labs["there"]), "--among", str(first), "--file", str(both)]
    assert cli.main([*export, *answer]) == 0
    results = []
    for name, lab in labs.items():
        check_subset(both, [lab], tmp_path / name / "both.txt")
        results.append(scored(lab, tmp_path / name / "both.txt"))
    expected = [
        clip for n, clip in enumerate(clips) if n % 3 and n % 7 and n % 5
    ]  # of split test, dead in neither
    assert results[0] == results[1] == (sorted(expected), fingerprint(expected))
    assert f"caps test {len(expected)}, fingerprint {fingerprint(expected)}" in both.read_text()
    # The list of the first lab alone names clips that the second lacks.
    with pytest.raises(HearsayError, match="are not available here"):
        check_subset(first, [labs["there"]], tmp_path / "used.txt")
