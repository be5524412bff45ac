import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

from hearsay.clips import ffmpeg
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.errors import HearsayError

ABLE = "#!/bin/sh\necho ' V....D libx264  H.264'\necho ' A....D aac  AAC'\n"
UNABLE = "#!/bin/sh\necho ' A....D aac  AAC'\n"


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARSAY_FFMPEG", raising=False)


def test_it_encodes_what_is_needed() -> None:
    done = subprocess.run([find_ffmpeg(), "-version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ffmpeg version")


def test_the_system_s_is_preferred_if_it_encodes_h264_and_aac(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "able").mkdir()
    (tmp_path / "unable").mkdir()
    able = program(tmp_path / "able" / "ffmpeg", ABLE)
    program(tmp_path / "unable" / "ffmpeg", UNABLE)
    monkeypatch.setenv("PATH", f"{tmp_path / 'able'}:/bin:/usr/bin")
    assert find_ffmpeg() == able
    monkeypatch.setenv("PATH", f"{tmp_path / 'unable'}:/bin:/usr/bin")
    assert find_ffmpeg() == imageio_ffmpeg.get_ffmpeg_exe()


def test_the_one_named_by_the_environment_is_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = program(tmp_path / "mine", ABLE)
    monkeypatch.setenv("HEARSAY_FFMPEG", able)
    assert find_ffmpeg() == able
    for name in (program(tmp_path / "poor", UNABLE), str(tmp_path / "none"), sys.executable):
        monkeypatch.setenv("HEARSAY_FFMPEG", name)
        with pytest.raises(HearsayError, match="ffmpeg not found: HEARSAY_FFMPEG="):
            find_ffmpeg()


def test_no_ffmpeg_at_all_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    # imageio-ffmpeg raises for a path that is no program, as it does without a binary of its own.
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    ffmpeg._find_ffmpeg.cache_clear()
    with pytest.raises(HearsayError, match="ffmpeg not found: neither on PATH"):
        find_ffmpeg()
    ffmpeg._find_ffmpeg.cache_clear()
