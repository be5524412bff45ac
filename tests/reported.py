"""What a report page is made of, small: runs that ground phrases, with sound, pictures and hits."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from matplotlib import pyplot as plt
from PIL import Image

from hearsay.files import write_json, write_parquet
from hearsay.report.markup import Block, Column, TextTable, write_layouts
from hearsay.scoring.hits import find_hits
from hearsay.scoring.records import ScoreIdentity
from tests.report.grounded_runs import END_S, FRAMES, METHODS, write_data

HOSTILE = "<script>console.error('markup')</script> & \"quotes\""
RATE_HZ = 8000
SPLIT = {"listed": 33, "excluded": 0, "fetched": 32, "available": 32, "fingerprint": "abcdefabcdef"}
TABLE = TextTable(
    "Table 9",
    "numbers to sort",
    "numbers",
    [Column("method", is_number=False), Column("R@1", "T→A"), Column("note", is_number=False)],
    [
        Block([["b|ar", "9.5 ± 1.0", HOSTILE], ["alpha", "10.2 ± 0.3", ""], ["c", "–", "empty"]]),
        Block([["d", "−3", "x"], ["e", "1,155", "y"]], heading="after another stage"),
    ],
    above=["Above <it>; ± standard deviation over seeds."],
    below=["* below it"],
)


def make_page_files(folder: Path) -> dict[str, Any]:
    """Write a results folder; return what make_report_page takes, with the page at its place."""
    data = folder / "data" / "demo"
    captions, phrases = write_data(data)
    _write_clips(data)
    captions.loc[0, "text"] = HOSTILE
    write_parquet(captions, data / "index" / "captions.parquet")
    runs = [
        _write_training(folder / "runs" / method / f"seed{seed}" / "audio_text", method, seed)
        for method in METHODS
        for seed in (0, 1)
    ]
    heard = [folder / "runs" / method / "seed0" / "audio_text" for method in METHODS]
    for place, run in enumerate(heard):
        _write_run(captions, run, place)
        _write_grounding(phrases, run / "grounding", place)
    write_layouts([TABLE], folder / "tables" / "table_9.md", folder / "tables" / "table_9.tex")
    (folder / "tables" / "table_9.csv").write_text("method,value\nb,9.5\n")
    scores = pd.DataFrame({"method": ["a"] * 300, "value": np.arange(300) / 100})
    scores.to_csv(folder / "tables" / "scores.csv", index=False)
    (folder / "table_9.rst").write_text("**Nothing**.\n")
    (folder / "recall.rst").write_text("**Recall** by *method*,\nin lines.\n\nSecond.\n")
    _write_plot(folder / "plots" / "recall_audio_text.svg")
    return {
        "availability": [data / "availability.json"],
        "tables": [folder / "tables" / name for name in ("table_9.csv", "scores.csv")],
        "plots": [folder / "plots" / "recall_audio_text.svg"],
        "captions": sorted(folder.glob("*.rst")),
        "runs": runs,
        "hits": [run / "hits.parquet" for run in heard],
        "ranks": [run / "found.parquet" for run in heard],
        "frames": [run / "grounding" / "frames.parquet" for run in heard],
        "queries": [run / "grounding" / "queries.parquet" for run in heard],
        "data": data,
        "title": "demo",
        "methods": ["word_align", "word_align_paper", "vip_ant"],
        "grounding_page": folder / "report" / "grounding.html",
        "page": folder / "report" / "index.html",
    }


def _write_clips(data: Path) -> None:
    """Write two shards of sound, a tone of its own pitch a clip, and of two pictures a clip."""
    clip_ids = pd.read_parquet(data / "index" / "clips.parquet")["clip_id"].tolist()
    times_s = np.arange(int(END_S * RATE_HZ)) / RATE_HZ
    for shard, names in enumerate((clip_ids[:20], clip_ids[20:])):
        sounds, pictures = [], []
        for name in names:
            number = int(name[4:])
            file = io.BytesIO()
            tone = 0.1 * np.sin(2 * np.pi * (200 + 50 * number) * times_s) * (times_s > 1)
            soundfile.write(file, tone, RATE_HZ, format="FLAC")
            sounds.append(
                {"clip_id": name, "flac": file.getvalue()}
                | {"sample_rate_hz": RATE_HZ, "num_samples": len(times_s)}
            )
            for place in range(2):
                jpeg = io.BytesIO()
                Image.new("RGB", (64, 48), (8 * number, 100 * place, 90)).save(jpeg, "JPEG")
                pictures.append(
                    {"clip_id": name, "image_index": place}
                    | {"timestamp_s": 2.5 + 5 * place, "jpeg": jpeg.getvalue()}
                )
        write_parquet(pd.DataFrame(sounds), data / "audio" / f"{shard:05d}.parquet")
        write_parquet(pd.DataFrame(pictures), data / "images" / f"{shard:05d}.parquet")
    record = {"dataset": "demo", "num_shards": 2}
    splits = {"test": {**SPLIT, "reasons": {"not_found": 1}}}
    write_json({**record, "splits": splits}, data / "availability.json")


def _write_run(captions: pd.DataFrame, run: Path, place: int) -> None:
    """Write hits of made-up scores, and the ranks that go with them.

    The right clip of caption m stands at rank 1 in all systems where m % 4 == 0, in the first
    system alone where it is 1, and behind six wrong ones everywhere else.
    """
    clip_ids = captions["clip_id"].unique().tolist()
    owners = captions["clip_id"].tolist()
    scores = 0.5 * np.random.default_rng(place).random((len(clip_ids), len(owners)))
    ranks = []
    for caption, owner in enumerate(owners):
        row = clip_ids.index(owner)
        found = caption % 4 == 0 or (caption % 4 == 1 and place == 0)
        scores[row, caption] = 0.9 if found else np.sort(scores[:, caption])[-7]
        wrong = np.delete(scores[:, caption], row)
        ranks.append(1 + int((wrong >= scores[row, caption] - 1e-6).sum()))
    identity = ScoreIdentity("demo", "test", "all", run.parents[1].name, "audio_text", "w", 0, "a")
    arguments = (clip_ids, captions["caption_id"].tolist(), owners, identity)
    write_parquet(find_hits(lambda rows: scores[rows], *arguments), run / "hits.parquet")
    table = captions[["caption_id", "clip_id"]].rename(columns={"caption_id": "query_id"})
    table = table.assign(protocol="full_gallery", direction="text_to_audio", rank=ranks)
    write_parquet(table, run / "found.parquet")


def _write_grounding(phrases: pd.DataFrame, folder: Path, place: int) -> None:
    """Write scores over time, which a system follows less the later its place, and their counts."""
    names = phrases[["clip_id", "caption_id", "phrase"]]
    generator = np.random.default_rng(place)
    rows = []
    for onsets_s, offsets_s in zip(phrases["onsets_s"], phrases["offsets_s"], strict=True):
        row = 0.3 * place * generator.random(FRAMES)
        for onset, offset in zip(onsets_s, offsets_s, strict=True):
            row[int(10 * onset) : int(10 * offset)] += 0.5
        rows.append(row.astype(np.float32))
    frames = names.assign(clip_end_s=END_S, frame_shift_s=0.1, scores_mean=rows)
    write_parquet(frames, folder / "frames.parquet")
    counts = names.assign(method=folder.parents[2].name, protocol="all_thresholds")
    counts = counts.assign(num_labelled=40, threshold_val=0.25)
    counts["num_right"] = [[40 - 10 * place] * 99] * len(counts)
    counts["num_active"] = [[50] * 99] * len(counts)
    write_parquet(counts, folder / "queries.parquet")


def _write_training(folder: Path, method: str, seed: int) -> Path:
    """Write run.json and history.parquet; return the former."""
    epochs = np.arange(4)
    table = pd.DataFrame({"epoch": epochs, "loss": 4.0 - epochs - 0.1 * seed})
    table = table.assign(val_loss=table["loss"] + 0.5, learning_rate=1e-3, logit_scale=np.nan)
    write_parquet(table, folder / "history.parquet")
    record = {"method": method, "stage": "audio_text", "seed": seed, "weights": "toy"}
    record |= {"options": METHODS[method][1], "versions": {"torch": "2"}, "best_epoch": seed}
    write_json({**record, "device": "cpu", "hardware": {"gpu": None}}, folder / "run.json")
    return folder / "run.json"


def _write_plot(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    figure.savefig(path)
    plt.close(figure)
