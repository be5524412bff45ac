"""The numbers of Tables III and IV: one row each, the paper's beside it."""

import math

import pandas as pd

from hearsay.report.published import PUBLISHED
from hearsay.report.tasks import BEST_SUFFIX, DATA_COLUMNS, TASKS


def tidy_numbers(summary: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return one row a number, in percent or ranks, the paper's beside it.

    Args:
        summary: of `summarise_seeds`.
        task: audio_image_retrieval or audio_text_retrieval.
    """
    layout, paper = TASKS[task], PUBLISHED[task]
    lines = []
    for row in summary.to_dict("records"):
        scale = 1 if row["metric"] == "median_rank" else 100
        published = None
        protocol = str(row["protocol"]).removesuffix(BEST_SUFFIX)
        if row["stage"] == layout.stage and paper.compares(row["method"], protocol):
            published = paper.value(row["method"], row["direction"], row["metric"])
        line = {name: row[name] for name in (*DATA_COLUMNS, "protocol", "method", "stage")}
        line |= {name: row[name] for name in ("weights", "direction", "metric")}
        line |= {"unit": "rank" if scale == 1 else "percent", "num_seeds": row["num_seeds"]}
        for name in ("mean", "std", "standard_error", "ci_low", "ci_high", "chance"):
            line[name] = _number(scale * row[name])
        line |= {
            "above_chance": row["above_chance"],
            "seeds": row["seeds"],
            "per_seed": " ".join(_number(scale * value) for value in row["per_seed"]),
            "num_queries": row["num_queries"],
            "num_candidates": row["num_candidates"],
            "published": f"{published[0]:.2f}" if published else "",
            "published_spread": f"{published[1]:.2f}" if published else "",
            "published_on": paper.data if published else "",
        }
        lines.append(line)
    return pd.DataFrame(lines)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"
