"""A data stage that one user made and others use."""

from pathlib import Path

import pytest

from tests.workflow.conftest import TINY, Workflow

pytestmark = pytest.mark.slow

IN_DATA = {
    *("make_demo", "build_index", "fetch_clips", "decode_clips", "collect_availability"),
    *("check_missing", "extract_fbank", "extract_logmel", "measure_fbank", "check_shards"),
    *("embed_images", "embed_captions", "embed_words"),
}
IN_ENCODERS = {"draw_corpus", "prepare_clip"}


def test_a_second_user_finds_data_and_towers_finished(finished: Workflow, tmp_path: Path) -> None:
    others = finished.folder / "results"
    second = Workflow(tmp_path)
    second.configure(TINY)
    own = second.planned()
    assert own.keys() >= IN_DATA | IN_ENCODERS
    second.configure(
        TINY, {"pathvars": {"data": str(others / "data"), "encoders": str(others / "encoders")}}
    )
    shared = second.planned()
    assert shared == {rule: own[rule] for rule in own if rule not in IN_DATA | IN_ENCODERS}


def test_media_may_go_once_they_are_decoded(finished: Workflow, tmp_path: Path) -> None:
    kept = tmp_path / "media"
    kept.mkdir()
    clips = finished.folder / "results/data/demo/clips"
    media = [path for path in sorted(clips.glob("*/*")) if path.name != "journal.jsonl"]
    assert media
    for path in media:
        path.rename(kept / path.name)
    try:
        assert not finished.planned()
    finally:
        for path in media:
            (kept / path.name).rename(path)
