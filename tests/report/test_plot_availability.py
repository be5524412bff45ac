"""Every clip that is listed stands in the plot of availability, under a reason that is readable."""

import re

import pytest

from hearsay.errors import HearsayError
from hearsay.files import write_json
from hearsay.report.availability import SplitCounts
from hearsay.report.plot_availability import MOST_REASONS, group_reasons, plot_availability
from hearsay.report.style import PALETTE, text_colour


def summary(folder, dataset, **splits):
    """Write availability.json; a split is its listed clips and the reasons of the missing ones."""
    counts = {
        split: {
            "listed": listed,
            "excluded": reasons.get("excluded", 0),
            "fetched": listed - sum(reasons.values()),
            "available": listed - sum(reasons.values()),
            "fingerprint": "0" * 12,
            "reasons": reasons,
        }
        for split, (listed, reasons) in splits.items()
    }
    path = folder / f"{dataset}.json"
    write_json({"dataset": dataset, "splits": counts}, path)
    return path


def counts(reasons):
    return SplitCounts("demo", "train", 10**6, 0, 0, 0, "", reasons)


def words(svg):
    return re.findall(r"<!-- (.*?) -->", svg.read_text())


def test_the_plot_is_deterministic(check_pair, tmp_path):
    path = summary(tmp_path, "demo", train=(50, {"private": 3, "network": 1}), test=(10, {}))
    check_pair(lambda svg, png: plot_availability([path], svg, png), tmp_path)


def test_counts_are_written_on_the_bars_and_summed_in_the_legend(tmp_path):
    paths = [
        summary(tmp_path, "b", test=(100, {"private": 15, "excluded": 5})),
        summary(tmp_path, "a", train=(2000, {"private": 100, "removed": 300}), val=(9, {})),
    ]
    plot_availability(paths, tmp_path / "a.svg", tmp_path / "a.png")
    shown = words(tmp_path / "a.svg")
    bars = ["a train", "1,600 of 2,000", "a val", "9 of 9", "b test", "80 of 100"]
    assert [text for text in shown if text in bars] == bars
    assert {"300", "100", "15", "400 (20.0 %)", "15 (15.0 %)", "none missing"} <= set(shown)
    legend = ["found 1,689", "excluded 5", "missing 415, of which", "removed 300", "private 115"]
    assert [text for text in shown if text in legend] == legend


def test_rare_reasons_share_a_colour():
    reasons = {f"r{number}": 30 - number for number in range(20)}
    grouped = group_reasons([counts(reasons | {"excluded": 99})])
    assert list(grouped) == [*(f"r{number}" for number in range(MOST_REASONS)), "other"]
    assert grouped["r0"] == ["r0"]
    assert grouped["other"] == [f"r{number}" for number in range(MOST_REASONS, 20)]
    one_more = {name: reasons[name] for name in list(reasons)[: MOST_REASONS + 1]}
    assert "other" not in group_reasons([counts(one_more)])  # one that is rare has a name


def test_twenty_reasons_have_colours_and_are_counted(tmp_path):
    reasons = {f"r{number}": 30 - number for number in range(20)}
    path = summary(tmp_path, "demo", train=(1000, reasons))
    plot_availability([path], tmp_path / "a.svg", tmp_path / "a.png")
    rest = sum(30 - number for number in range(MOST_REASONS, 20))
    assert f"11 other reasons {rest}" in words(tmp_path / "a.svg")
    assert len(PALETTE) > MOST_REASONS + 1


@pytest.mark.parametrize(("colour", "ink"), [("#FFFFFF", "black"), ("#332288", "white")])
def test_words_on_a_colour_can_be_read(colour, ink):
    assert text_colour(colour) == ink


def test_no_summary_is_an_error(tmp_path):
    with pytest.raises(HearsayError, match="name at least one data set"):
        plot_availability([], tmp_path / "a.svg", tmp_path / "a.png")
