"""Two hundred requests that no well-behaved client sends, drawn from a seed.

Each is (what it is, bytes to send, whether the server may close the connection without a word): it
may where the client itself breaks off in the middle of a request.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.serve.loopback import multipart
from tests.serve.media import (
    bomb_picture,
    picture_file,
    sound_file,
    video_file,
    wav_header,
)

Malformed = tuple[str, bytes, bool]

BAD_QUERIES = (
    *(f"q=a&k={k}" for k in ("-1", "0", "1000000000", "NaN", "1e3", "", "1;2", "0x10", "9" * 500)),
    *(
        "q=",
        "",
        "k=5",
        "q=%00",
        "q=a%00b",
        "q=%0d%0aSet-Cookie:x",
        "q=%ff",
        "q=%c3%28",
        "q=%ed%a0%80",
    ),
    *("q=" + "a" * size for size in (501, 5_000, 50_000)),
    *("q=%20%20", "q=%e2%80%83", "%71%3dx", "Q=dog", "q[]=dog"),
)
BAD_PATHS = (
    *("/api/clips/" + way for way in ("../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e")),
    *("/api/clips/" + way for way in ("%252e%252e", "..\\..\\x", "%5c%5cserver%5cx", "a%00.flac")),
    *("/static/" + name for name in ("../app.py", "%2e%2e%2fapp.py", "..%2fapp.py", "/etc/passwd")),
    *("/static/" + name for name in ("search.py", "search.js%00", "", "SEARCH.JS")),
    *("//etc/passwd", "/etc/passwd", "/.", "/..", "/%2e%2e/%2e%2e/", "/api", "/api/", "/docs"),
    *("/api/clips/", "/api/clips/" + "a" * 201, "/api/clips/" + "a" * 20_000, "/api/clips/ä"),
    *("/api/clips/%f0%28%8c%28", "/api/clips/*", "/api/clips/$(id)", "/api/clips/a'--"),
    *(f"/api/clips/x/images/{n}" for n in ("-1", "1e3", "99999999999999999999", "0x0", "..", "")),
    *("/api/clips/x/activity", "/api/clips/x/activity?phrase=", "/api/clips/x/activity?phrase=%00"),
    *("/api/clips/x/audio/..", "http://evil.example/api/about", "*", "api/about"),
)
BAD_METHODS = ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO", "get", "POST")
HEAD = b"POST /api/search/sound HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
BAD_WIRE: tuple[tuple[str, bytes, bool], ...] = (
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", False),
    ("two Hosts", b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", False),
    ("a foreign Host", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", False),
    ("no version", b"GET /\r\nHost: localhost\r\n\r\n", False),
    ("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", False),
    ("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n", False),
    ("TLS", bytes.fromhex("16030100a5010000a10303") + bytes(120) + b"\r\n\r\n", False),
    ("noise", np.random.default_rng(1).bytes(500) + b"\r\n\r\n", False),
    ("a long line", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", False),
    ("a long header", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000, False),
    ("many headers", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 30_000, False),
    ("no colon", b"GET / HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n", False),
    ("a NUL", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", False),
    ("a blank before the colon", b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", False),
    ("half a head", b"GET / HTTP/1.1\r\nHost: loc", True),
    ("nothing", b"", True),
    ("a negative length", HEAD + b"Content-Length: -5\r\n\r\n", False),
    ("a length in words", HEAD + b"Content-Length: ten\r\n\r\n", False),
    ("two lengths", HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", False),
    ("a length beyond all", HEAD + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n", True),
    ("a length too long", HEAD + b"Content-Length: 500\r\n\r\nRIFF", True),
    ("a chunk without size", HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", False),
    ("chunks that end early", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", True),
    ("an unknown coding", HEAD + b"Transfer-Encoding: gzip\r\n\r\n", False),
    ("a foreign Origin", HEAD + b"Origin: http://evil.example\r\nContent-Length: 0\r\n\r\n", False),
)  # fmt: skip


def malformed_requests(seed: int, number: int, sound: Path) -> list[Malformed]:
    """Return so many requests, the same for the same seed; `sound`: a file that lists name."""
    generator = np.random.default_rng(seed)
    fixed = [*_by_address(), *BAD_WIRE, *_by_media(generator, sound)]
    rest = (_cut(generator) for _ in range(number))
    return [*fixed, *rest][:number] if len(fixed) < number else fixed


def _by_address() -> Iterator[Malformed]:
    for query in BAD_QUERIES:
        yield f"query {query[:30]}", _get("/api/search?" + query), False
    for path in BAD_PATHS:
        yield f"path {path[:30]}", _get(path), False
    for method in BAD_METHODS:
        yield f"method {method}", _get("/api/search?q=a", method), False
    yield "GET of an upload", _get("/api/search/sound"), False
    yield "an unknown kind", _post("sound?find=everything", sound_file(), "audio/wav"), False


def lists_of(sound: Path) -> dict[str, bytes]:
    """Return uploads that name a sound of the server, which FFmpeg would open by itself."""
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n"
    lists = {
        "a playlist": hls.format(sound.as_uri()),
        "a playlist of a path": hls.format(sound),
        "a concat list": f"ffconcat version 1.0\nfile '{sound}'\n",
        "a concat list of an address": f"ffconcat version 1.0\nfile '{sound.as_uri()}'\n",
    }
    return {name: text.encode() for name, text in lists.items()}


def _by_media(generator: np.random.Generator, sound: Path) -> Iterator[Malformed]:
    pcm = bytes(8000)
    sounds = {
        "empty": b"",
        "one byte": b"R",
        "a picture": picture_file(),
        "a text": b"a dog barks " * 100,
        "noise": generator.bytes(20_000),
        **lists_of(sound),
        "a zip": b"PK\x03\x04" + generator.bytes(500),
        "WAV: data beyond the end": wav_header(pcm, stated=2_000_000_000),
        "WAV: no channel": wav_header(pcm, channels=0),
        "WAV: rate 0": wav_header(pcm, rate_hz=0),
        "WAV: rate 4 GHz": wav_header(pcm, rate_hz=4_000_000_000),
        "WAV: 0 bits": wav_header(pcm, bits=0),
        "WAV: unknown coding": wav_header(pcm, form=0x7777),
        "WAV: no data": wav_header(b""),
        "WAV: not a number": wav_header(struct.pack("<f", np.nan) * 4000, form=3, bits=32),
        "WAV: infinite": wav_header(struct.pack("<f", np.inf) * 4000, form=3, bits=32),
        "head of MP3": sound_file("MP3")[:30],
        "head of OGG": sound_file("OGG")[:40],
    }
    for name, content in sounds.items():
        yield f"sound: {name}", _post("sound", content, "audio/wav"), False
    pictures = {
        "a sound": sound_file(),
        "empty": b"",
        "noise": generator.bytes(5_000),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        "a bomb": bomb_picture(),
        "JPEG of 65500 x 65500": picture_file().replace(
            struct.pack(">HH", 90, 120), struct.pack(">HH", 65_500, 65_500), 1
        ),
        "PNG without an end": picture_file("PNG")[:-20_000],
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) (r) file\n",
    }
    for name, content in pictures.items():
        yield f"picture: {name}", _post("picture", content, "image/jpeg"), False
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", "x" * 9999):
        yield f"type {kind[:20]}", _post("sound", sound_file(), kind), False
    body, headers = multipart(sound_file(), field="other")
    yield "a form with another field", _post("sound", body, headers["Content-Type"]), False
    body = multipart(sound_file())[0]
    for boundary in ("", "; boundary=", "; boundary=Z", "; boundary=" + "B" * 5_000):
        kind = "multipart/form-data" + boundary
        yield f"form {boundary[:14]}", _post("sound", body, kind), False
    twice = body.replace(b"--B--", b"") + body
    yield "a form with two files", _post("sound", twice, "multipart/form-data; boundary=B"), False


def _cut(generator: np.random.Generator) -> Malformed:
    """Cut media whose form states its length, somewhere in the middle."""
    kinds = {
        "WAV": ("sound", sound_file),
        "FLAC": ("sound", sound_file),
        ".mp4": ("sound", lambda kind: video_file(kind, "aac")),
        ".webm": ("sound", lambda kind: video_file(kind, "libopus")),
        "JPEG": ("picture", picture_file),
        "PNG": ("picture", picture_file),
        "WEBP": ("picture", picture_file),
    }
    kind = sorted(kinds)[generator.integers(len(kinds))]
    what, make = kinds[kind]
    content = make(kind)
    size = int(len(content) * generator.uniform(0.01, 0.2))  # inside the 0.8 s that are used
    if generator.random() < 0.3:  # as a form that is itself cut
        body = multipart(content)[0][: size + 100]
        request = _post(what, body, "multipart/form-data; boundary=B")
        return f"form cut in {kind} at {size}", request, False
    return f"{kind} cut at {size}", _post(what, content[:size], "audio/wav"), False


def _get(path: str, method: str = "GET") -> bytes:
    return method.encode() + b" " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _post(what: str, body: bytes, kind: str) -> bytes:
    head = f"POST /api/search/{what} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
