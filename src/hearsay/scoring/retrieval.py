"""Retrieval between audio, captions and images: embeddings in, score records and ranks out.

Embeddings need not have unit norm; they are scaled here, and a zero vector stays zero and scores
0 against everything. Protocols: Tsubaki et al. 2024 (section IV) and VIP-ANT (Zhao et al. 2022);
which image the former use at test time is not stated, hence four protocols.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.ranks import BlockScores, dot_scores
from hearsay.scoring.directions import Direction, Scores, join_scores, score_direction
from hearsay.scoring.records import ScoreIdentity

IMAGE_PROTOCOLS = ("second_image", "mean_image", "max_image", "flat_images")


def unit_rows(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Scale the last axis to unit norm in float32; zero vectors stay zero."""
    vectors = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norms == 0, 1, norms), dtype=np.float32)


def clip_embedding(audio: NDArray[Any]) -> NDArray[np.float32]:
    """Return one unit vector a clip, [N, D]: of segments [N, L, D] the normalised mean."""
    if audio.ndim == 3:
        return unit_rows(unit_rows(audio).mean(axis=1))  # [N, L, D] -> [N, D]
    return unit_rows(audio)


def second_image_index(num_images: int) -> int:
    """Return ceil(n / 2) - 1, the image that VIP-ANT tests with: the second of four."""
    return (num_images + 1) // 2 - 1


def score_audio_text(
    audio: NDArray[Any],
    clip_ids: Sequence[str],
    captions: NDArray[Any],
    caption_ids: Sequence[str],
    caption_clip_ids: Sequence[str],
    identity: ScoreIdentity,
    *,
    num_resamples: int,
    bootstrap_seed: int = 0,
    chunk_size: int = 256,
) -> Scores:
    """Score audio-text retrieval in both directions, protocol `full_gallery`.

    Audio to text: every clip asks among all captions and its best caption's rank counts. Text to
    audio: every caption asks among all clips.

    Args:
        audio: [N, D], or segments [N, L, D], of which the normalised mean counts.
        clip_ids: N different ids; every clip has a caption.
        captions: [M, D].
        caption_ids: M different ids.
        caption_clip_ids: [M], each one of `clip_ids`.
        identity: merged into every record.
        num_resamples: of the clips, behind each 95 % interval.
        bootstrap_seed: of the resamples.
        chunk_size: queries per block; changes memory, not results.

    Returns:
        Ten records (two directions, five metrics) and the table of ranks, one row a query.

    Raises:
        HearsayError: lengths differ, ids repeat, a clip has no caption, a caption no clip, or an
            embedding is not finite.
    """
    _check_ids("audio", audio, clip_ids)
    _check_ids("captions", captions, caption_ids)
    _check_captions(clip_ids, caption_clip_ids, len(captions))
    sounds, texts = clip_embedding(audio), unit_rows(captions)
    return _score_text_directions(
        dot_scores(sounds, texts),
        dot_scores(texts, sounds),
        clip_ids,
        caption_ids,
        caption_clip_ids,
        identity,
        (num_resamples, bootstrap_seed, chunk_size),
    )


def score_pairs(
    scores: NDArray[Any],
    clip_ids: Sequence[str],
    caption_ids: Sequence[str],
    caption_clip_ids: Sequence[str],
    identity: ScoreIdentity,
    *,
    num_resamples: int,
    bootstrap_seed: int = 0,
    chunk_size: int = 256,
) -> Scores:
    """Score audio-text retrieval as `score_audio_text`, of a method that scores pairs.

    Args:
        scores: [N, M], of every clip with every caption; higher is better.
        clip_ids: N different ids; every clip has a caption.
        caption_ids: M different ids.
        caption_clip_ids: [M], each one of `clip_ids`.
        identity: merged into every record.
        num_resamples: of the clips, behind each 95 % interval.
        bootstrap_seed: of the resamples.
        chunk_size: queries per block; changes memory, not results.

    Returns:
        as `score_audio_text`.

    Raises:
        HearsayError: as `score_audio_text`.
    """
    _check_ids("clips", scores, clip_ids)
    _check_ids("captions", scores.T, caption_ids)
    _check_captions(clip_ids, caption_clip_ids, len(caption_ids))
    by_caption = np.ascontiguousarray(scores.T)
    return _score_text_directions(
        lambda rows: scores[rows],
        lambda rows: by_caption[rows],
        clip_ids,
        caption_ids,
        caption_clip_ids,
        identity,
        (num_resamples, bootstrap_seed, chunk_size),
    )


def _score_text_directions(
    to_text: BlockScores,
    to_audio: BlockScores,
    clip_ids: Sequence[str],
    caption_ids: Sequence[str],
    caption_clip_ids: Sequence[str],
    identity: ScoreIdentity,
    how: tuple[int, int, int],
) -> Scores:
    """Score both directions; `how` are num_resamples, bootstrap_seed and chunk_size."""
    task, protocol = "audio_text_retrieval", "full_gallery"
    ways = (
        Direction(task, protocol, "audio_to_text", clip_ids, clip_ids, caption_clip_ids),
        Direction(task, protocol, "text_to_audio", caption_ids, caption_clip_ids, clip_ids),
    )
    return join_scores(
        score_direction(scores, way, identity, *how)
        for scores, way in zip((to_text, to_audio), ways, strict=True)
    )


def score_audio_image(
    audio: NDArray[Any],
    images: NDArray[Any],
    clip_ids: Sequence[str],
    identity: ScoreIdentity,
    *,
    num_resamples: int,
    protocols: Sequence[str] = IMAGE_PROTOCOLS,
    bootstrap_seed: int = 0,
    chunk_size: int = 256,
) -> Scores:
    """Score audio-image retrieval in both directions, N clips against N clips.

    Protocols, with a the clip's embedding, a_l its segments and i_l its images, all of unit norm:
    `second_image` a·i_s with s = ceil(L/2) - 1; `mean_image` a·m, m the normalised mean of the
    images; `max_image` the largest a·i_l; `flat_images` the cosine of the two flattened [L·D]
    vectors (Tsubaki et al., eq. 4), which is the mean of a_l·i_l where all a_l have one norm; one
    vector a stands for all a_l.

    Args:
        audio: [N, D], or segments [N, L, D]; outside `flat_images` their normalised mean counts.
        images: [N, L, D]; zero vectors score 0.
        clip_ids: N different ids.
        identity: merged into every record.
        num_resamples: of the clips, behind each 95 % interval.
        protocols: some of IMAGE_PROTOCOLS.
        bootstrap_seed: of the resamples.
        chunk_size: queries per block; changes memory, not results.

    Returns:
        Ten records a protocol, and the table of ranks, one row a query, direction and protocol.

    Raises:
        HearsayError: shapes or lengths differ, ids repeat, a protocol is unknown, or an embedding
            is not finite.
    """
    _check_ids("audio", audio, clip_ids)
    _check_ids("images", images, clip_ids)
    segments_differ = audio.ndim == 3 and audio.shape[1] != images.shape[1]
    if images.ndim != 3 or images.shape[1] == 0 or segments_differ:
        raise HearsayError(
            f"audio {audio.shape} and images {images.shape} do not match; expected [N, D] or "
            "[N, L, D] and [N, L, D]"
        )
    task = "audio_image_retrieval"
    parts = []
    for protocol in protocols:
        to_image, to_audio = image_scores(audio, images, protocol)
        for scores, name in (
            (to_image, "audio_to_image"),
            (to_audio, "image_to_audio"),
        ):
            way = Direction(task, protocol, name, clip_ids, clip_ids, clip_ids)
            parts.append(
                score_direction(scores, way, identity, num_resamples, bootstrap_seed, chunk_size)
            )
    return join_scores(parts)


def image_scores(
    audio: NDArray[Any], images: NDArray[Any], protocol: str
) -> tuple[BlockScores, BlockScores]:
    """Return the block scores audio to image and image to audio of one protocol.

    Args:
        audio: [N, D] or [N, L, D].
        images: [N, L, D].
        protocol: one of IMAGE_PROTOCOLS.

    Raises:
        HearsayError: the protocol is unknown.
    """
    sounds = clip_embedding(audio)
    num_clips, num_images, width = images.shape
    if protocol == "second_image":
        second = unit_rows(images[:, second_image_index(num_images)])  # [N, D]
        return dot_scores(sounds, second), dot_scores(second, sounds)
    pictures = unit_rows(images)
    if protocol == "mean_image":
        mean = unit_rows(pictures.mean(axis=1))  # [N, D]
        return dot_scores(sounds, mean), dot_scores(mean, sounds)
    if protocol == "flat_images":
        segments = audio if audio.ndim == 3 else sounds[:, None]  # [N, L or 1, D]
        flat_audio = np.broadcast_to(segments, pictures.shape).reshape(num_clips, -1)  # [N, L * D]
        flat_audio = unit_rows(flat_audio)
        flat_images = pictures.reshape(num_clips, -1) / np.float32(num_images**0.5)
        return dot_scores(flat_audio, flat_images), dot_scores(flat_images, flat_audio)
    if protocol == "max_image":

        def to_image(rows: slice) -> NDArray[np.float32]:
            best = sounds[rows] @ pictures[:, 0].T  # [q, N]
            for image in range(1, num_images):
                np.maximum(best, sounds[rows] @ pictures[:, image].T, out=best)
            return np.asarray(best)

        def to_audio(rows: slice) -> NDArray[np.float32]:
            every = pictures[rows].reshape(-1, width) @ sounds.T  # [q * L, N]
            return np.asarray(every.reshape(-1, num_images, num_clips).max(axis=1))  # [q, N]

        return to_image, to_audio
    raise HearsayError(f"protocol {protocol!r} is unknown; known are {', '.join(IMAGE_PROTOCOLS)}")


def _check_ids(name: str, array: NDArray[Any], ids: Sequence[str]) -> None:
    if len(array) == 0 or len(array) != len(ids) or len(set(ids)) != len(ids):
        raise HearsayError(
            f"{name}: {len(array)} embeddings for {len(ids)} ids, {len(set(ids))} of them "
            "different; there must be one embedding for each of at least one id"
        )
    finite = np.isfinite(np.asarray(array)).all(axis=tuple(range(1, array.ndim)))
    if not finite.all():
        raise HearsayError(
            f"{name}: the embedding of {ids[int(np.argmin(finite))]} is not finite; the run "
            "diverged or its features are damaged"
        )


def _check_captions(
    clip_ids: Sequence[str], caption_clip_ids: Sequence[str], num_captions: int
) -> None:
    if len(caption_clip_ids) != num_captions:
        raise HearsayError(
            f"{num_captions} caption embeddings, but {len(caption_clip_ids)} clip ids of captions"
        )
    silent = sorted(set(clip_ids) - set(caption_clip_ids))
    strangers = sorted(set(caption_clip_ids) - set(clip_ids))
    if silent or strangers:
        raise HearsayError(
            f"clip {silent[0]} has no caption; leave it out before scoring"
            if silent
            else f"a caption belongs to clip {strangers[0]}, which is not scored; leave it out"
        )
