"""Every ± and every bar says what it is: over seeds, over clips or over draws."""

import re
from pathlib import Path

import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.report import markup
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.scores import describe_spread

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "src" / "hearsay" / "report"
CAPTIONS = ROOT / "workflow" / "report"
BUILDERS = sorted(
    path for path in REPORT.glob("*.py") if re.search(r"\bTextTable\(", path.read_text())
)
DRAWS_BARS = re.compile(r"\.(errorbar|fill_between|vlines|bar|barh)\(")
PLOTS = sorted(path for path in REPORT.glob("plot_*.py") if DRAWS_BARS.search(path.read_text()))
NAMES = re.compile(
    r"(sample|population)\s+standard\s+deviation\s+over|95 % interval|from the lowest to the "
    r"highest|in percent of those listed"
)
SPREAD = "mean ± sample standard deviation over 3 training seeds"


def make(cell="1.0 ± 0.2", name="R@1", **lines):
    columns = [Column("method", is_number=False), Column(name)]
    return TextTable("1", "recalls", "tab:a", columns, [Block([["one", cell]])], **lines)


def test_a_table_with_a_spread_must_say_which():
    with pytest.raises(HearsayError, match="recalls: the table has a ± and does not say which"):
        make()
    with pytest.raises(HearsayError, match="does not say which"):
        make(cell="0.2", name="± seeds")
    with pytest.raises(HearsayError, match="does not say which"):
        make(above=["Mean ± spread."])
    assert make(above=[SPREAD]).columns and make(below=[SPREAD]).columns
    assert make(cell="1.0").columns


def test_every_builder_of_tables_goes_through_that_check():
    """A table that is no TextTable would escape it: all writers of layouts take these alone."""
    writers = [
        path.name
        for path in REPORT.glob("*.py")
        if re.search(r"\\\\toprule|\| ---", path.read_text()) and path.name != "markup.py"
    ]
    assert not writers
    assert {path.name for path in BUILDERS} >= {
        "choices.py", "tables.py", "table_captions.py", "table_comparisons.py",
        "table_disagreement.py", "table_grounding.py", "table_label_retrieval.py",
        "table_label_sweep.py", "table_labels.py", "table_losses.py", "table_pair_losses.py",
    }  # fmt: skip


@pytest.mark.parametrize("path", BUILDERS, ids=lambda path: path.stem)
def test_a_builder_that_names_a_standard_deviation_says_over_what(path):
    """Sentences are joined of several strings, so quotes and line ends are taken out first."""
    text = re.sub(r'"\s*\n\s*f?"', "", path.read_text())
    for found in re.finditer(r"± (sample|population) standard deviation over ([^.;,]{0,60})", text):
        assert re.match(r"(\{|training|the training|draws|the)", found[2]), found[0]


@pytest.mark.parametrize("path", PLOTS, ids=lambda path: path.stem)
def test_a_plot_with_bars_or_bands_says_what_they_are(path):
    caption = CAPTIONS / f"{path.stem.removeprefix('plot_')}.rst"
    text = caption.read_text()
    assert re.search(r"\b(bars?|band)\b|Left: found", text)
    assert NAMES.search(text), f"{caption.name} does not say what its bars are"


@pytest.mark.parametrize("path", sorted(CAPTIONS.glob("*.rst")), ids=lambda path: path.stem)
def test_a_caption_with_a_standard_deviation_says_over_what(path):
    text = path.read_text()
    deviations = re.findall(r"standard deviation over (the )?(\w+)", text)
    assert {name for _, name in deviations} <= {"training", "trainings", "20"}
    assert text.count("standard deviation") == len(deviations)
    assert "±" not in text or deviations


def test_the_files_of_numbers_name_what_a_deviation_is_over(tmp_path):
    numbers = pd.DataFrame({"mean": [1.0], "std": [0.2], "standard_error": [0.1]})
    files = [tmp_path / f"a.{suffix}" for suffix in ("csv", "md", "tex")]
    write_tables(numbers, [make(above=[SPREAD])], *files)
    assert list(pd.read_csv(files[0])) == [
        "mean", "std_over_seeds", "standard_error_over_seeds",
    ]  # fmt: skip
    assert set(markup.OVER_SEEDS) == {"std", "standard_error"}


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([3, 3, 1], "over 3 training seeds"), ([2, 3], "over 2 or 3 training"), ([1], "here one")],
)
def test_the_number_of_seeds_is_named(numbers, words):
    assert words in describe_spread(numbers)
