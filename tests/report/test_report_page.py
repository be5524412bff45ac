import json
import re

import numpy as np
import pandas as pd
import pytest
from tests.reported import HOSTILE, TABLE, make_page_files

from hearsay.errors import HearsayError
from hearsay.report import page as page_module
from hearsay.report.markup import write_layouts
from hearsay.report.markup_reader import read_markdown
from hearsay.report.page import make_report_page, plain_paragraphs
from hearsay.report.page_activity import few_points, read_activity
from hearsay.report.page_clips import read_media
from hearsay.report.page_examples import choose_examples

SOUNDS = ("audio/00000.parquet", "audio/00001.parquet")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_page_files(tmp_path_factory.mktemp("reported"))


@pytest.fixture(scope="module")
def text(files):
    make_report_page(**files)
    return files["page"].read_text()


def _stored(text, name):
    found = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', text)
    assert len(found) == 1, "embedded once"
    return json.loads(found[0])


def test_tables_come_back_from_markdown_as_they_were_written(tmp_path):
    write_layouts([TABLE, TABLE], tmp_path / "t.md", tmp_path / "t.tex")
    for read in read_markdown(tmp_path / "t.md"):
        assert read.title == "Table 9: numbers to sort"
        assert [column.name for column in read.columns] == ["method", "T→A R@1", "note"]
        assert [column.is_number for column in read.columns] == [False, True, False]
        assert read.blocks == TABLE.blocks
        assert (read.above, read.below) == (TABLE.above, TABLE.below)


def test_a_file_that_is_no_table_of_ours_is_refused(tmp_path):
    (tmp_path / "t.md").write_text("| a |\n")
    with pytest.raises(HearsayError, match="is no table of this project"):
        read_markdown(tmp_path / "t.md")
    (tmp_path / "t.md").write_text("### title\n\nwords\n")
    with pytest.raises(HearsayError, match="'title' has no rows"):
        read_markdown(tmp_path / "t.md")
    with pytest.raises(HearsayError, match="absent.md does not exist"):
        read_markdown(tmp_path / "absent.md")


def test_examples_are_of_every_kind_in_turn_and_of_different_clips(files):
    chosen = choose_examples(files["hits"], files["ranks"], files["methods"])
    assert chosen.systems == ["word_align", "word_align_paper", "vip_ant"]
    assert chosen.counts == {"most": 16, "few": 16, "none": 32}
    assert (chosen.num_clips, chosen.seed) == (32, 0)
    assert [example.kind for example in chosen.shown] == ["most", "few", "none"] * 2
    assert len({example.clip_id for example in chosen.shown}) == 6
    for example in chosen.shown:
        for found in example.found:
            assert [is_right for clip_id, _, is_right in found.hits] == [
                clip_id == example.clip_id for clip_id, _, _ in found.hits
            ]
            assert (found.rank <= 5) == any(is_right for *_, is_right in found.hits)
            scores = [score for _, score, _ in found.hits]
            assert scores == sorted(scores, reverse=True) and len(scores) == 5
    again = choose_examples(files["hits"][::-1], files["ranks"][::-1], files["methods"])
    assert again == chosen


def test_fewer_captions_of_a_kind_are_all_shown_and_a_kind_may_have_none(files, tmp_path):
    hits, ranks = tmp_path / "hits.parquet", tmp_path / "ranks.parquet"
    some = [f"clip{number:02d}-0" for number in (0, 1, 2)]  # of m % 4 == 0, 2, 0
    table = pd.read_parquet(files["hits"][0])
    table[table["query_id"].isin(some)].to_parquet(hits)
    table = pd.read_parquet(files["ranks"][0])
    table[table["query_id"].isin(some)].to_parquet(ranks)
    chosen = choose_examples([hits], [ranks], [])
    assert chosen.counts == {"most": 2, "few": 0, "none": 1}
    assert sorted(example.kind for example in chosen.shown) == ["most", "most", "none"]


@pytest.mark.parametrize(("num_right", "kind"), [(3, "most"), (2, "most"), (1, "few"), (0, "none")])
def test_a_system_at_chance_leaves_captions_that_most_answer(files, tmp_path, num_right, kind):
    hits, ranks = [], []
    for place, (of_hits, of_ranks) in enumerate(zip(files["hits"], files["ranks"], strict=True)):
        caption = "clip00-0"
        hits.append(tmp_path / f"hits{place}.parquet")
        ranks.append(tmp_path / f"ranks{place}.parquet")
        table = pd.read_parquet(of_hits)
        table[table["query_id"] == caption].to_parquet(hits[-1])
        table = pd.read_parquet(of_ranks)
        rank = 1 if place < num_right else 6
        table[table["query_id"] == caption].assign(rank=rank).to_parquet(ranks[-1])
    assert [example.kind for example in choose_examples(hits, ranks, []).shown] == [kind]


def test_a_run_that_could_not_be_asked_for_captions_is_left_out(files, tmp_path):
    for path in (files["hits"][0], files["ranks"][0]):
        pd.read_parquet(path).iloc[:0].to_parquet(tmp_path / path.name)
    none = (tmp_path / "hits.parquet", tmp_path / files["ranks"][0].name)
    chosen = choose_examples([*files["hits"][1:], none[0]], [*files["ranks"][1:], none[1]], [])
    assert chosen.systems == ["vip_ant", "word_align_paper"]
    assert choose_examples([none[0]], [none[1]], []) is None


def test_hits_and_ranks_of_different_runs_are_refused(files, tmp_path):
    table = pd.read_parquet(files["ranks"][0])
    table.iloc[1:].to_parquet(tmp_path / "ranks.parquet")
    with pytest.raises(HearsayError, match="are not of one run; score the run again"):
        choose_examples(files["hits"][:1], [tmp_path / "ranks.parquet"], [])
    with pytest.raises(HearsayError, match="one that no other file has"):
        choose_examples(files["hits"][:1] * 2, files["ranks"][:1] * 2, [])
    with pytest.raises(HearsayError, match="absent.parquet does not exist; score its run first"):
        choose_examples([tmp_path / "absent.parquet"], files["ranks"][:1], [])


def test_scores_over_time_are_stretched_and_few(grounded):
    run = grounded / "runs" / "word_align" / "seed0" / "audio_text" / "grounding"
    names = {"clip01", "clip04"}
    heard = read_activity(run / "frames.parquet", run / "queries.parquet", names)
    assert heard.method == "word_align" and 0 < heard.threshold < 1
    assert {clip for clip, _, _ in heard.scores} == names
    frames = pd.read_parquet(run / "frames.parquet")
    row = frames[frames["clip_id"] == "clip04"].iloc[0]
    end_s, scores = heard.scores["clip04", row["caption_id"], row["phrase"]]
    assert end_s == 10.0 and len(scores) == 80
    own = np.asarray(row["scores_mean"], dtype=float)
    own = (own - own.min()) / np.ptp(own)
    assert scores[0] == pytest.approx(own[:2].mean(), abs=0.006)  # 101 frames: 21 blocks of two
    assert scores[-1] == pytest.approx(own[-1], abs=0.006)
    assert few_points(np.array([0.25]), 5) == [0.25]
    table = pd.read_csv(grounded / "tables" / "scores.csv")
    own = table[(table["method"] == "word_align") & (table["seed"] == 0)]
    own = own[(own["protocol"] == "threshold_val") & (own["subset"] == "all")]
    assert heard.f1 == pytest.approx(own.loc[own["metric"] == "F1", "value"].item())


def test_a_page_holds_what_was_given_and_every_clip_once(files, text):
    examples = _stored(text, "examples")
    assert [example["number"] for example in examples["shown"]] == list(range(6))
    assert examples["best"] == "word_align" and set(examples["thresholds"]) == set(files["methods"])
    shown = {
        clip for one in examples["shown"] for found in one["found"] for clip, *_ in found["hits"]
    }
    embedded = re.findall(r'id="clip-([^"]+)"', text)
    assert sorted(embedded) == sorted(shown | {one["clip_id"] for one in examples["shown"]})
    assert text.count('"data:audio/mpeg') == len(embedded)
    right = _stored(text, f"clip-{examples['shown'][0]['clip_id']}")
    asked = [segment for segment in right["segments"] if segment["asked"]]
    assert {segment["caption_id"] for segment in asked} == {examples["shown"][0]["caption_id"]}
    assert set(asked[0]["scores"]) == set(files["methods"])
    assert right["duration_s"] == right["whole_s"] == 10.0
    assert [picture["time_s"] for picture in right["pictures"]] == [2.5]
    curves = _stored(text, "curves")
    assert len(curves["runs"]) == 6 and "logit_scale" not in curves["names"]
    assert curves["runs"][1] | {"val_loss": 0, "learning_rate": 0} == {
        "method": "word_align", "stage": "audio_text", "seed": 1, "epoch": [0, 1, 2, 3],
        "loss": [3.9, 2.9, 1.9, 0.9], "val_loss": 0, "learning_rate": 0,
    }  # fmt: skip
    assert len(_stored(text, "rows-scores")["rows"]) == len(pd.read_csv(files["tables"][1]))
    for words in ("not_found 1", "abcdefabcdef", "Recall by method, in lines.", "Second."):
        assert words in text
    assert 'href="../tables/table_9.csv"' in text and 'href="grounding.html"' in text


def test_hostile_captions_become_no_markup(text):
    assert HOSTILE not in text
    assert "&lt;script&gt;console.error" in text
    starts, ends = len(re.findall(r"<script[ >]", text)), text.count("</script>")
    plotly = re.search(r'<script type="text/plain" id="plotly">(.*?)</script>', text, re.S)
    assert plotly and len(plotly[1]) > 3e6
    assert starts - len(re.findall(r"<script[ >]", plotly[1])) == ends


def test_a_page_asks_no_network_and_is_the_same_again(files, text, tmp_path):
    own = re.sub(r'id="plotly">.*?</script>', "", text, flags=re.S)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', own)
    assert "default-src 'none'" in own
    again = {**files, "page": files["page"].with_name("again.html")}
    make_report_page(**again)
    assert again["page"].read_bytes() == files["page"].read_bytes()


def test_a_page_too_large_for_its_media_shows_fewer_examples(files, monkeypatch, tmp_path):
    monkeypatch.setattr(page_module, "MOST_MEDIA_BYTES", 1)
    page = tmp_path / "index.html"
    make_report_page(**{**files, "page": page})
    assert len(_stored(page.read_text(), "examples")["shown"]) == 1
    assert "5 further examples would have made the page too large" in page.read_text()


def test_a_large_page_is_written_with_a_warning(files, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(page_module, "LARGE_PAGE_BYTES", 1_000_000)
    page = tmp_path / "index.html"
    make_report_page(**{**files, "page": page})
    assert page.exists()
    assert "may open slowly; compare fewer methods" in caplog.text


def test_a_data_set_without_pictures_phrases_or_examples_has_a_page(files, tmp_path):
    data = tmp_path / "mine"
    for name in ("availability.json", "index/captions.parquet", *SOUNDS):
        target = data / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((files["data"] / name).read_bytes())
    bare = {"frames": [], "queries": [], "grounding_page": None, "plots": [], "captions": []}
    page = tmp_path / "index.html"
    make_report_page(**{**files, **bare, "data": data, "page": page})
    examples = _stored(page.read_text(), "examples")
    assert examples["best"] is None and examples["thresholds"] == {}
    clip = _stored(page.read_text(), f"clip-{examples['shown'][0]['clip_id']}")
    assert clip["pictures"] == clip["segments"] == []
    with pytest.raises(HearsayError, match="name its folder by --data"):
        make_report_page(**{**files, "data": None, "page": page})
    make_report_page(**{**files, **bare, "hits": [], "ranks": [], "data": None, "page": page})
    assert "There are none: no run of these was scored" in page.read_text()


@pytest.mark.parametrize("name", ["tables", "plots", "runs", "frames", "queries", "availability"])
def test_an_absent_file_is_named_in_one_line(files, tmp_path, name):
    absent = {name: [tmp_path / f"absent{path.suffix}" for path in files[name]]}
    with pytest.raises(HearsayError, match="absent") as error:
        make_report_page(**{**files, **absent, "page": tmp_path / "index.html"})
    assert "\n" not in str(error.value)


def test_a_clip_without_stored_sound_is_named(files):
    from hearsay.layout import DatasetFiles

    with pytest.raises(HearsayError, match="clip stranger has no sound in"):
        read_media(DatasetFiles.open(files["data"]), ["clip01", "stranger"])


def test_captions_of_plots_lose_their_marks():
    assert plain_paragraphs("**a** b ``c``\nd *e*\n\nf") == ["a b c d e", "f"]
