"""The outcomes a clip can have, and the schemas of the two status tables."""

import pyarrow as pa

FETCH_STATUSES = (
    "ok",
    "excluded",  # by the index: never asked for
    "private",
    "removed",  # by the uploader or the site, for no other reason named here
    "account_terminated",
    "copyright",
    "age_restricted",
    "members_only",
    "geo_blocked",
    "live",  # running or upcoming
    "bot_check",
    "rate_limited",  # HTTP 429
    "forbidden",  # HTTP 401, 403
    "not_found",  # HTTP 404, 410, or no such file
    "network",  # no connection, timeout, connection reset, HTTP 5xx
    "no_audio",
    "no_video",
    "too_short",
    "corrupt",  # fetched as the source holds it, but damaged
    "unknown",  # the whole message stands in `detail`
)

# Never tried again, neither by this start of the program nor by a later one, unless the way of
# asking has changed (`access.name_access`); the files of source `file` are looked at
# each time.
PERMANENT_FETCH_STATUSES = frozenset(
    {
        "private",
        "removed",
        "account_terminated",
        "copyright",
        "age_restricted",
        "members_only",
        "geo_blocked",
        "not_found",
        "no_audio",
        "no_video",
        "too_short",
        "corrupt",
    }
)

# Not permanent: asked for again at the next start that looks at their shard; see retry_clips.
FAILED_FETCH_STATUSES = frozenset(FETCH_STATUSES) - {"ok", "excluded"}
PASSING_FETCH_STATUSES = FAILED_FETCH_STATUSES - PERMANENT_FETCH_STATUSES

# These stop every job for a while: asking on would only make the source angrier.
BLOCKING_FETCH_STATUSES = frozenset({"bot_check", "rate_limited"})

DECODE_STATUSES = (
    "ok",
    "not_fetched",
    "no_audio",
    "no_video",
    "too_short",
    "silent",
    "corrupt",
)

FETCH_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("status", pa.string()),  # one of FETCH_STATUSES
        ("detail", pa.string()),
        ("attempts", pa.int64()),
        ("bytes", pa.int64()),  # of the media file; 0: none
        ("duration_s", pa.float64()),  # of the clip, as far as the file holds it; 0: none
        ("path", pa.string()),  # media file, relative to the working directory; "": none
        ("start_offset_s", pa.float64()),  # where in that file the clip begins
        ("tool", pa.string()),  # "yt-dlp 2026.08.19", "file", "archive"
    ]
)

DECODE_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("status", pa.string()),  # one of DECODE_STATUSES
        ("detail", pa.string()),
        ("num_images", pa.int64()),
        ("duration_s", pa.float64()),  # of the recording, before crop and pad
    ]
)
