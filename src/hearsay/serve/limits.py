"""What one request may take, and how many may be under way."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a server; what is over them is refused with a status that says so."""

    query_chars: int = 500
    num_hits: int = 100
    upload_bytes: int = 25 * 2**20
    sound_s: float = 30.0  # of a longer sound the first so many are used; or a clip's length
    picture_px: int = 50_000_000  # width times height
    decode_s: float = 20.0  # processor and wall time of decoding one upload
    decode_bytes: int = 2 * 2**30  # address space of the process that decodes
    decodes_at_once: int = 2
    searches_at_once: int = 2
    num_waiting: int = 256  # for a search or a decoding; the next one gets 503
    uploads_at_once: int = 64  # received or decoded; each may fill upload_bytes of the disk
    idle_s: float = 15.0  # without a byte of a request that is not whole yet
    receive_s: float = 120.0  # for a whole upload
