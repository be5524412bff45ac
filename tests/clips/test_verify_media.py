import random
import subprocess
from pathlib import Path

import pytest
from fetch_media import AAC, H264, MP4, make_media

from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.outcomes import FetchError
from hearsay.clips.verify import verify_media

DURATION_S = 6.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_media(path, DURATION_S, MP4)
    return path


def test_both_tracks_end_where_they_were_made_to_end(film: Path) -> None:
    content = verify_media(film)
    assert content.has_video and content.has_audio
    assert content.video_end_s == pytest.approx(DURATION_S, abs=1e-3)
    assert content.audio_end_s == pytest.approx(DURATION_S, abs=1024 / 44100)
    assert content.start_s == 0.0


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_hole_in_any_packet_of_pictures_is_corrupt(codec: str, tmp_path: Path) -> None:
    """Also in packets that are not decoded: the lengths of their units no longer add up."""
    path = tmp_path / "film.mp4"
    coding = ["-c:v", codec, "-g", "60", *AAC]
    if codec == "libx265":
        coding += ["-x265-params", "log-level=error"]
    make_media(path, DURATION_S, coding)
    assert verify_media(path).has_video
    whole = path.read_bytes()
    hole = random.Random(1).randbytes(3000)
    first = whole.index(b"mdat") + 4
    for share in (0.1, 0.35, 0.6, 0.85):
        place = first + int(share * (len(whole) - first))
        path.write_bytes(whole[:place] + hole + whole[place + len(hole) :])
        with pytest.raises(FetchError) as error:
            verify_media(path)
        assert error.value.status == "corrupt"


def test_pictures_that_refresh_without_key_frames_are_decoded_all(tmp_path: Path) -> None:
    """A copy out of the middle of such a stream holds no key frame at all."""
    source, middle = tmp_path / "source.mkv", tmp_path / "middle.mkv"
    make_media(source, DURATION_S, [*H264, *AAC, "-intra-refresh", "1", "-bf", "0", "-g", "30"])
    copy = ["-i", str(source), "-c", "copy", "-ss", "2", "-copyinkf", str(middle)]
    subprocess.run([find_ffmpeg(), "-v", "error", *copy], check=True)
    content = verify_media(middle)
    assert content.has_video
    assert content.video_end_s == pytest.approx(DURATION_S - 2, abs=0.2)


def test_an_empty_file_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(FetchError) as error:
        verify_media(path)
    assert error.value.status == "corrupt"
