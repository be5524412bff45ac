"""Which methods differ in some options alone, and what tables that makes."""

import pytest
from labelled_runs import OPTIONS

from hearsay.errors import HearsayError
from hearsay.files import write_json
from hearsay.report.joint_runs import (
    LOSS_OPTIONS,
    find_variants,
    label_reports,
    read_joint_runs,
)


def options(**changes):
    return {name: {**OPTIONS, **change} for name, change in changes.items()}


def test_methods_that_differ_in_the_option_alone_make_a_group():
    given = options(
        a={}, b={"text_noise": 1.0}, c={"text_noise": 1.0, "form": "mfcc"}, d={"form": "mfcc"}
    )
    assert find_variants(given, ["text_noise"]) == [["a", "b"], ["c", "d"]]


def test_methods_that_differ_in_something_else_too_make_none():
    given = options(a={}, b={"text_noise": 1.0, "num_pairs": 100})
    assert find_variants(given, ["text_noise"]) == find_variants(given, ["num_pairs"]) == []


def test_a_margin_that_the_loss_does_not_read_makes_no_variant():
    assert find_variants(options(a={}, b={"margin": 0.2}), LOSS_OPTIONS) == []
    contrastive = {"loss": "contrastive"}
    given = options(a=contrastive, b={**contrastive, "margin": 0.2})
    assert find_variants(given, LOSS_OPTIONS) == [["a", "b"]]


def test_a_method_without_the_option_is_passed_over():
    given = {**options(a={}, b={"num_pairs": 100}), "other": {"family": "x"}, "more": {"family": 1}}
    assert find_variants(given, ["num_pairs"]) == [["a", "b"]]


@pytest.mark.parametrize(
    ("change", "table", "plot"),
    [
        ({"measure": "l1"}, "table_pair_losses", None),
        ({"text_noise": 1.0}, "sweep_text_noise", "sweep_text_noise"),
        ({"num_pairs": 100}, "sweep_num_pairs", "sweep_num_pairs"),
        ({"pairs": "redrawn"}, None, None),
    ],
)
def test_a_set_of_methods_makes_the_tables_that_it_fills(change, table, plot):
    tables, plots = label_reports(options(a={}, b=change))
    assert tables == ["table_labels", "table_nearest", *([table] if table else [])]
    assert plots == ["label_map", *([plot] if plot else [])]
    assert label_reports({}) == ([], [])


def test_two_seeds_of_a_method_must_be_trained_alike(tmp_path):
    for seed, noise in enumerate((0.0, 1.0)):
        record = {"method": "a", "seed": seed, "options": {**OPTIONS, "text_noise": noise}}
        write_json(record, tmp_path / f"{seed}.json")
    with pytest.raises(HearsayError, match=r"1\.json: a was trained with other options"):
        read_joint_runs([tmp_path / "0.json", tmp_path / "1.json"])


def test_a_run_of_another_family_names_what_it_lacks(tmp_path):
    write_json({"method": "a", "options": {"family": "word_align"}}, tmp_path / "run.json")
    with pytest.raises(HearsayError, match=r"run\.json lacks the options form, num_pairs"):
        read_joint_runs([tmp_path / "run.json"])
