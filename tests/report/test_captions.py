"""The captions of the Snakemake report are valid templates and valid reStructuredText."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

FOLDER = Path(__file__).resolve().parents[2] / "workflow" / "report"
CONFIG = {
    "benchmark": {
        "methods": ["vip_ant", "nearest_match_0"],
        "reference": "vip_ant",
        "seeds": [0, 1],
        "stages": {"audio_image": "demo", "audio_text": "demo"},
        "bootstrap_resamples": 1000,
        "comparison_resamples": 20000,
    },
    "clip": {"weights": "demo-clip"},
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.rst")), ids=lambda path: path.stem)
def test_a_caption_renders_without_warnings(path):
    template = Environment(undefined=StrictUndefined).from_string(path.read_text())
    text = template.render(snakemake=SimpleNamespace(config=CONFIG))
    body = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert "system-message" not in body


def test_every_table_and_plot_has_a_caption():
    names = {path.stem for path in FOLDER.glob("*.rst")}
    assert {
        "workflow", "table_2", "table_3", "table_4", "comparisons",
        "recall", "training", "choices", "clips", "availability",
    } <= names  # fmt: skip
