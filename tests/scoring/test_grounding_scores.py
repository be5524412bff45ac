"""Records and tables of phrase grounding: by hand, of a dead model, remade from the tables."""

import numpy as np
import pandas as pd
import pytest
from phrase_scores import FRAMES, IDENTITY, good_scores, query, scored, some_queries, value
from sklearn.metrics import average_precision_score, roc_auc_score

from hearsay.errors import HearsayError
from hearsay.metrics.bootstrap import pooled_intervals
from hearsay.metrics.psds import psds
from hearsay.scoring.grounding import (
    AS_IS,
    PHRASE_VARIANTS,
    choose_thresholds,
    score_grounding,
)
from hearsay.scoring.grounding_files import write_grounding
from hearsay.scoring.grounding_measures import detect_all, detect_whole
from hearsay.scoring.grounding_queries import SUBSETS
from hearsay.scoring.grounding_tables import frame_table
from hearsay.scoring.records import COLUMNS, check_record, read_scores

AT_HALF = {variant.suffix: 0.5 for variant in PHRASE_VARIANTS}
METRICS = {"precision", "recall", "F1", "event_F1", "AUROC", "average_precision", "PSDS"}


def score(phrases, thresholds=AT_HALF, variants=PHRASE_VARIANTS, num_resamples=50):
    return score_grounding(
        phrases, thresholds, IDENTITY, variants=variants, num_resamples=num_resamples
    )


@pytest.fixture(scope="module")
def phrases():
    return good_scores(some_queries())


@pytest.fixture(scope="module")
def result(phrases):
    return score(phrases, {"": 0.62, "_raw": 0.37, "_max": 0.5, "_max_raw": 0.5})


def test_every_subset_and_variant_has_every_metric_once(result):
    found = {(record["subset"], record["protocol"], record["metric"]) for record in result.records}
    expected = set()
    for subset in SUBSETS:
        for suffix in ("", "_raw", "_max", "_max_raw"):
            for protocol in ("threshold_val", "threshold_0.50"):
                for metric in ("precision", "recall", "F1", "event_F1"):
                    expected.add((subset, protocol + suffix, metric))
            for metric in ("AUROC", "average_precision", "PSDS"):
                expected.add((subset, f"all_thresholds{suffix}", metric))
    assert found == expected
    assert len(result.records) == len(expected)
    for record in result.records:
        check_record(record, "here")
        assert tuple(record) == COLUMNS
        assert record["task"] == "phrase_grounding" and record["direction"] == ""
        assert record["ci_low"] <= record["value"] + 0.02
        assert record["value"] <= record["ci_high"] + 0.02


def test_precision_recall_and_f1_by_hand():
    # Frames every 0.5 s, centred at 0, 0.5, 1, ...: [0.6, 1.7] s are the frames 2 and 3.
    queries = [query("a/0/0", [0.6], [1.7], clip_end_s=2.5), query("b/0/0", [], [], clip_end_s=1.5)]
    rows = [np.array([2, 4, 6, 5, 4, 2]) / 16, np.array([12, 8, 4, 4]) / 16]
    records = score(scored(queries, rows, 0.5)).records
    # Stretched: 0 .5 1 .75 .5 0 and 1 .5 0 0; at 0.50 six are active, of them two right.
    assert value(records, "precision", "threshold_0.50") == pytest.approx(2 / 6)
    assert value(records, "recall", "threshold_0.50") == 1.0
    assert value(records, "F1", "threshold_0.50") == pytest.approx(4 / 8)
    assert value(records, "F1", "threshold_0.50", field="chance") == pytest.approx(
        2 * 6 * 2 / (10 * 8)
    )
    # As they are: active are the two of the second query alone.
    assert value(records, "F1", "threshold_0.50_raw") == 0.0
    assert value(records, "precision", "threshold_0.50", "heard") == pytest.approx(2 / 4)
    assert value(records, "precision", "threshold_0.50", "heard", "num_queries") == 1
    assert value(records, "precision", "threshold_0.50", "heard", "num_candidates") == 6


def test_auroc_and_average_precision_are_of_all_frames_pooled(phrases, result):
    labels = np.concatenate(phrases.labels)
    raw = np.concatenate(phrases.scores["mean"])
    auroc = value(result.records, "AUROC", "all_thresholds_raw")
    assert auroc == pytest.approx(roc_auc_score(labels, raw))
    precision = value(result.records, "average_precision", "all_thresholds_raw")
    assert precision == pytest.approx(average_precision_score(labels, raw))
    heard = phrases.subsets["heard"]
    some = np.repeat(heard, FRAMES)
    assert value(result.records, "AUROC", "all_thresholds_raw", "heard") == pytest.approx(
        roc_auc_score(labels[some], raw[some])
    )


def test_each_variant_reads_its_own_scores(phrases, result):
    labels = np.concatenate(phrases.labels)
    stretched = np.concatenate(
        [(row - row.min()) / (row.max() - row.min()) for row in phrases.scores["max"]]
    )
    f1 = {suffix: value(result.records, "F1", f"threshold_0.50{suffix}") for suffix in AT_HALF}
    assert len(set(f1.values())) == 4
    active = stretched >= 0.5
    expected = 2 * (active & labels).sum() / (active.sum() + labels.sum())
    assert f1["_max"] == pytest.approx(expected)
    assert value(result.records, "AUROC", "all_thresholds_max") == pytest.approx(
        roc_auc_score(labels, stretched)
    )


def test_psds_is_of_the_scores_as_they_are_read(phrases, result):
    found = {}
    for suffix, words in (("", "mean"), ("_raw", "mean"), ("_max", "max"), ("_max_raw", "max")):
        rows = phrases.scores[words]
        if not suffix.endswith("_raw"):
            rows = [(row - row.min()) / (row.max() - row.min()) for row in rows]
        found[suffix] = value(result.records, "PSDS", f"all_thresholds{suffix}")
        assert found[suffix] == pytest.approx(psds(detect_all(phrases, rows)))
    assert len(set(found.values())) == 4


def test_the_threshold_comes_from_the_val_split(phrases):
    val = good_scores(some_queries(6, seed=9), seed=9)
    thresholds = choose_thresholds(val, PHRASE_VARIANTS)
    assert set(thresholds) == {"", "_raw", "_max", "_max_raw"}
    raw = np.concatenate(val.scores["mean"])
    labels = np.concatenate(val.labels)

    def f1_at(threshold):
        active = raw >= threshold
        return 2 * (active & labels).sum() / (active.sum() + labels.sum())

    best = max(f1_at(hundredths / 100) for hundredths in range(1, 100))
    assert f1_at(thresholds["_raw"]) == pytest.approx(best)
    got = score(phrases, thresholds)
    active = np.concatenate(phrases.scores["mean"]) >= thresholds["_raw"]
    precision = (active & np.concatenate(phrases.labels)).sum() / active.sum()
    assert value(got.records, "precision", "threshold_val_raw") == pytest.approx(precision)


def test_good_scores_are_above_chance_and_perfect_ones_are_1(phrases, result):
    for metric in ("F1", "precision", "AUROC", "average_precision", "PSDS"):
        protocol = (
            "all_thresholds"
            if metric in {"AUROC", "PSDS", "average_precision"}
            else ("threshold_val")
        )
        got = value(result.records, metric, protocol)
        assert got > value(result.records, metric, protocol, field="chance")
    perfect = scored(phrases.queries, [label.astype(float) for label in phrases.labels])
    for record in score(perfect, variants=PHRASE_VARIANTS[1:2]).records:
        assert record["value"] == pytest.approx(1.0), record


@pytest.mark.parametrize("constant", [0.0, 0.5, 0.7, 1.0])
def test_a_dead_model_is_at_or_below_chance_everywhere(phrases, constant):
    dead = scored(phrases.queries, [np.full(FRAMES, constant, np.float32)] * len(phrases.queries))
    thresholds = choose_thresholds(dead, PHRASE_VARIANTS)
    result = score(dead, thresholds)
    assert {record["metric"] for record in result.records} == METRICS
    assert {record["subset"] for record in result.records} == set(SUBSETS)
    for record in result.records:
        assert record["value"] <= record["chance"] + 1e-12, record
    assert result.queries["is_constant"].all()
    for metric in ("precision", "recall", "F1", "event_F1"):
        assert value(result.records, metric, "threshold_val") == 0.0


def test_unheard_phrases_count_among_all_and_not_among_the_heard(phrases, result):
    unheard = sum(not query.onsets_s for query in phrases.queries)
    assert unheard == 8
    everything = value(result.records, "F1", "threshold_0.50", "all", "num_queries")
    assert value(result.records, "F1", "threshold_0.50", "heard", "num_queries") == (
        everything - unheard
    )
    recall = value(result.records, "recall", "threshold_0.50", "heard")
    assert value(result.records, "recall", "threshold_0.50") == recall
    assert value(result.records, "precision", "threshold_0.50") < value(
        result.records, "precision", "threshold_0.50", "heard"
    )


def test_a_subset_of_clips_names_the_parts_below_it(phrases):
    named = IDENTITY.__class__(**{**IDENTITY.__dict__, "subset": "paper_clips"})
    records = score_grounding(phrases, {"": 0.5}, named, variants=AS_IS, num_resamples=5).records
    assert {record["subset"] for record in records} == {
        "paper_clips",
        *(f"paper_clips.{part}" for part in SUBSETS[1:]),
    }


def test_a_part_without_labels_has_no_scores_but_the_others_have():
    queries = [query("a/0/0", [0.0], [5.0]), query("b/0/0", [], [])]
    rows = [np.linspace(0, 1, FRAMES)] * 2
    records = score(scored(queries, rows)).records
    assert {record["subset"] for record in records} == {"all", "heard"}
    # all frames of the heard phrase are labelled: no pair to order
    heard = {record["metric"] for record in records if record["subset"] == "heard"}
    assert heard == METRICS - {"AUROC"}


def test_intervals_are_of_whole_clips(phrases, result):
    active = [row >= 0.37 for row in phrases.scores["mean"]]
    sums = np.array(
        [
            [(row & label).sum(), row.sum(), label.sum()]
            for row, label in zip(active, phrases.labels, strict=True)
        ]
    )
    clips = [query.clip_id for query in phrases.queries]
    generator = np.random.default_rng(0)
    names = np.unique(clips)
    drawn = []
    for _ in range(50):
        some = generator.integers(0, len(names), size=len(names))
        rows = np.concatenate([sums[np.array(clips) == names[place]] for place in some])
        right, on, labelled = rows.sum(axis=0)
        drawn.append(2 * right / (on + labelled))
    interval = [
        value(result.records, "F1", "threshold_val_raw", field=field)
        for field in ("ci_low", "ci_high")
    ]
    assert interval == pytest.approx(list(np.percentile(drawn, [2.5, 97.5])))


def test_intervals_of_auroc_equal_a_naive_loop(phrases, result):
    labels, rows = phrases.labels, phrases.scores["mean"]
    clips = np.array([query.clip_id for query in phrases.queries])
    generator = np.random.default_rng(0)
    names, drawn = np.unique(clips), []
    for _ in range(50):
        some = generator.integers(0, len(names), size=len(names))
        places = np.concatenate([np.flatnonzero(clips == names[place]) for place in some])
        drawn.append(
            roc_auc_score(
                np.concatenate([labels[place] for place in places]),
                np.concatenate([rows[place] for place in places]),
            )
        )
    for field, percent in (("ci_low", 2.5), ("ci_high", 97.5)):
        got = value(result.records, "AUROC", "all_thresholds_raw", field=field)
        assert got == pytest.approx(np.percentile(drawn, percent), abs=2e-3)


def test_one_event_from_end_to_end_is_what_equal_scores_detect(phrases):
    counts, detections = detect_whole(phrases)
    equal = detect_all(phrases, [np.ones(frames) for frames in phrases.num_frames])
    assert counts.detected.tolist() == [1] * len(phrases.queries)
    for whole, ones in zip(detections, equal, strict=True):
        assert whole.found.tolist() == ones.found.tolist()
        assert whole.false_positives.tolist() == ones.false_positives.tolist()
    assert {0.0, 1.0} <= {float(query.false_positives[0]) for query in detections}


def test_intervals_of_psds_equal_a_naive_loop(phrases, result):
    detections = detect_all(phrases, phrases.scores["mean"])
    clips = np.array([query.clip_id for query in phrases.queries])
    generator = np.random.default_rng(0)
    names, drawn = np.unique(clips), []
    for _ in range(50):
        some = generator.integers(0, len(names), size=len(names))
        places = np.concatenate([np.flatnonzero(clips == names[place]) for place in some])
        drawn.append(psds([detections[place] for place in places]))
    for field, percent in (("ci_low", 2.5), ("ci_high", 97.5)):
        got = value(result.records, "PSDS", "all_thresholds_raw", field=field)
        assert got == pytest.approx(np.percentile(drawn, percent), abs=5e-3)
    assert np.ptp(drawn) > 0.05


def test_the_table_of_queries_remakes_scores_and_intervals(result):
    table = result.queries[result.queries["protocol"] == "all_thresholds"]
    assert not table["query_id"].duplicated().any()
    place = 61  # 0.62, chosen on val
    assert set(table["threshold_val"]) == {0.62}
    for subset in SUBSETS:
        rows = table if subset == "all" else table[table[subset]]
        right = np.stack(rows["num_right"].to_list())[:, place]
        active = np.stack(rows["num_active"].to_list())[:, place]
        labelled = rows["num_labelled"].to_numpy()
        f1 = 2 * right.sum() / (active.sum() + labelled.sum())
        assert value(result.records, "F1", "threshold_val", subset) == pytest.approx(f1)
        interval = pooled_intervals(
            np.stack([right, active, labelled], axis=1),
            rows["clip_id"].to_numpy(dtype=str),
            lambda sums: (2 * sums[:, 0] / (sums[:, 1] + sums[:, 2]))[:, None],
            50,
            seed=0,
        )[0]
        assert value(result.records, "F1", "threshold_val", subset, "ci_low") == pytest.approx(
            interval[0]
        )
        events = 2 * rows["num_matched_val"].sum()
        events /= rows["num_detected_val"].sum() + rows["num_events"].sum()
        assert value(result.records, "event_F1", "threshold_val", subset) == pytest.approx(events)


def test_the_curve_goes_through_the_scores(result):
    curve = result.curves
    assert len(curve) == 4 * 4 * 99
    chosen = curve[curve["is_val_threshold"]].set_index(["protocol", "part"])
    for subset in SUBSETS:
        for metric in ("precision", "recall", "F1"):
            got = chosen.loc[("all_thresholds_raw", subset), metric]
            assert got == pytest.approx(value(result.records, metric, "threshold_val_raw", subset))
    assert chosen.loc[("all_thresholds_raw", "all"), "threshold"] == 0.37
    one = curve[(curve["protocol"] == "all_thresholds") & (curve["part"] == "all")]
    assert (np.diff(one["recall"]) <= 0).all()
    assert (one["active_rate"] * one["precision"]).to_numpy() == pytest.approx(
        (one["recall"] * one["positive_rate"]).to_numpy()
    )


def test_the_tables_are_written_and_read_back(phrases, result, tmp_path):
    write_grounding([result], frame_table(phrases), tmp_path)
    assert read_scores(tmp_path / "scores.json") == result.records
    frames = pd.read_parquet(tmp_path / "frames.parquet")
    again = scored(phrases.queries, [np.asarray(row) for row in frames["scores_mean"]])
    assert value(score(again).records, "PSDS", "all_thresholds") == pytest.approx(
        value(result.records, "PSDS", "all_thresholds"), abs=1e-6
    )
    queries = pd.read_parquet(tmp_path / "queries.parquet")
    assert np.stack(queries["num_right"].to_list()).shape == (4 * len(phrases.queries), 99)
    assert len(pd.read_parquet(tmp_path / "curves.parquet")) == len(result.curves)


def test_constant_rows_are_counted(caplog):
    queries = some_queries(6)
    rows = [np.linspace(0, 1, FRAMES) for _ in queries]
    rows[2] = np.full(FRAMES, 0.8)
    result = score(scored(queries, rows), variants=PHRASE_VARIANTS[:2])
    assert result.queries.groupby("protocol")["is_constant"].sum().to_dict() == {
        "all_thresholds": 1,
        "all_thresholds_raw": 1,
    }
    assert f"1 of {len(queries)} phrases have one score in all frames (mean)" in caplog.text


def test_a_variant_without_scores_or_threshold_is_refused(phrases):
    with pytest.raises(HearsayError, match="variant '_max' needs scores 'max' and a threshold"):
        score(phrases, {"": 0.5, "_raw": 0.5})
    with pytest.raises(HearsayError, match="threshold 0.505 is none of"):
        score(phrases, {"": 0.505}, AS_IS)
