"""A server that strangers send rubbish: it says what is wrong, goes on, and stops when told to."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from tests.serve.loopback import Loopback
from tests.serve.malformed import malformed_requests
from tests.serve.media import sound_file

NUMBER = 210  # of which a few break off in the middle, and get no answer
WAITED_S = 120


def start(index, *options) -> subprocess.Popen:
    command = [sys.executable, "-m", "hearsay.cli", "serve", str(index), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def port_of(process: subprocess.Popen) -> int:
    for line in process.stderr:
        if found := re.search(r"serving at http://127\.0\.0\.1:(\d+)/", line):
            return int(found.group(1))
    pytest.fail(f"the server ended with {process.wait()}")


@pytest.fixture(scope="module")
def process(index_folder) -> Iterator[subprocess.Popen]:
    started = start(index_folder, "--port", "0")
    yield started
    started.kill()
    started.wait()


@pytest.fixture(scope="module")
def served(process) -> Loopback:
    return Loopback(port_of(process))


@pytest.mark.slow
def test_malformed_requests_are_answered_by_4xx(served, tmp_path):
    sound = tmp_path / "sound.mp3"
    sound.write_bytes(sound_file("MP3"))
    requests = malformed_requests(0, NUMBER, sound)
    assert len(requests) >= NUMBER
    wrong, num_refused = [], 0
    for name, request, may_close in requests:
        answer = served.send(request)
        if not 400 <= answer.status < 500 and not (may_close and answer.status == 0):
            wrong.append((name, answer.status, answer.body[:200]))
        num_refused += answer.status >= 400
        if answer.status and answer.headers.get("content-type") == "application/json":
            assert list(answer.json()) == ["error"]
    assert wrong == []
    assert num_refused >= 200
    assert served.search("sound", 1)["hits"]


@pytest.mark.slow
def test_flipped_bits_of_media_never_end_in_an_error_of_the_server(served):
    generator = np.random.default_rng(3)
    seen = set()
    for turn in range(40):
        content = np.frombuffer(
            sound_file(("WAV", "FLAC", "OGG", "MP3")[turn % 4]), np.uint8
        ).copy()
        places = generator.integers(0, len(content), 20)
        content[places] ^= 1 << generator.integers(0, 8, 20).astype(np.uint8)
        content[generator.integers(0, 60)] ^= 0xFF  # and in the head
        answer = served.ask(
            "/api/search/sound?k=1", content.tobytes(), {"Content-Type": "audio/wav"}
        )
        seen.add(answer.status)
    assert seen <= {200, 415, 422}
    assert served.search("sound", 1)["hits"]


@pytest.mark.slow
def test_a_port_in_use_is_told_in_one_line(served, index_folder):
    second = start(index_folder, "--port", str(served.port))
    _, told = second.communicate(timeout=WAITED_S)
    assert second.returncode == 1
    assert told.count("\n") == 1
    assert f"port {served.port} is in use" in told


@pytest.mark.slow
def test_sigterm_ends_it_in_order(process, served):  # the last one of this module
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=WAITED_S)
    assert process.returncode == 0
    assert told == "hearsay: stopped\n"
