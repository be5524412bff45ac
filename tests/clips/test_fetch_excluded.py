"""An excluded clip is a row of the status table, and nobody is asked for it."""

from pathlib import Path

import pandas as pd
import pytest
from fetch_media import MP4, OPTIONS, make_media, write_clips

from hearsay.clips.decode import decode_clips
from hearsay.clips.fetch import fetch_clips
from hearsay.errors import HearsayError

DECODE = {
    **{"clip_duration_s": 1.0, "sample_rate_hz": 16000, "num_images": 0, "image_size_px": 32},
    **{"min_duration_s": 0.5, "min_peak_dbfs": None},
}


def fetch(folder: Path, rows: list[dict[str, object]], **options: object) -> pd.DataFrame:
    write_clips(folder / "clips.parquet", rows)
    fetch_clips(
        folder / "clips.parquet",
        *(0, 99),
        folder / "media",
        folder / "status.parquet",
        {**OPTIONS, **options},
        folder / "run",
        folder / "source",
        1,
    )
    return pd.read_parquet(folder / "status.parquet").set_index("clip_id")


def test_it_is_neither_asked_for_nor_decoded(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    make_media(tmp_path / "source" / "a.mp4", 1.0, MP4)
    url = "http://localhost/media/a.mp4"
    rows = [{"clip_id": name, "locator": url} for name in ("used", "left")]
    rows[1]["excluded"] = "audiocaps test"
    status = fetch(tmp_path, rows)
    assert status["status"].to_dict() == {"used": "ok", "left": "excluded"}
    assert [path.name for path in (tmp_path / "media").glob("*.mp4")] == ["used.mp4"]
    left = status.loc["left"]
    assert left[["detail", "attempts", "bytes", "path", "tool"]].tolist() == [
        *("audiocaps test", 0, 0, "", "")
    ]
    decode_clips(
        tmp_path / "clips.parquet",
        *(0, 99),
        tmp_path / "status.parquet",
        tmp_path / "audio.parquet",
        None,
        tmp_path / "decode.parquet",
        DECODE,
        1,
    )
    decoded = pd.read_parquet(tmp_path / "decode.parquet").set_index("clip_id")
    assert decoded.loc["left", ["status", "detail"]].tolist() == [
        *("not_fetched", "excluded: audiocaps test")
    ]
    assert pd.read_parquet(tmp_path / "audio.parquet")["clip_id"].tolist() == ["used"]


def test_a_clip_fetched_before_it_was_excluded_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    make_media(tmp_path / "source" / "a.mp4", 1.0, MP4)
    rows = [{"clip_id": n, "locator": "http://localhost/media/a.mp4"} for n in ("used", "left")]
    assert fetch(tmp_path, rows)["status"].to_dict() == {"used": "ok", "left": "ok"}
    rows[1]["excluded"] = "audiocaps val"
    assert fetch(tmp_path, rows)["status"].to_dict() == {"used": "ok", "left": "excluded"}
    del rows[1]["excluded"]
    assert fetch(tmp_path, rows)["status"].to_dict() == {"used": "ok", "left": "ok"}


def test_excluded_clips_do_not_count_as_reached(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    rows = [{"clip_id": n, "locator": "http://127.0.0.1:9/a.mp4"} for n in "abc"]
    for row in rows[1:]:
        row["excluded"] = "audiocaps val"
    with pytest.raises(HearsayError, match="1 of the 1 clips of shard 0 could not be reached"):
        fetch(tmp_path, rows, max_attempts=1)
