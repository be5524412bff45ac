"""Score a run that was trained on labels on captions: each is the mean of its words' vectors."""

from dataclasses import replace
from pathlib import Path

from hearsay.encoders.label_store import LabelFiles, read_caption_features
from hearsay.features.store import ShardedArrays
from hearsay.layout import DatasetFiles
from hearsay.metrics.ranks import dot_scores
from hearsay.scoring.candidates import score_draws
from hearsay.scoring.gallery import SPLIT, available_clips, open_gallery
from hearsay.scoring.hits import find_hits
from hearsay.scoring.label_space import Embedder
from hearsay.scoring.other_tasks import AUDIO_TEXT, OtherScores, Reason
from hearsay.scoring.records import ScoreIdentity
from hearsay.scoring.retrieval import clip_embedding, score_audio_text, unit_rows


def score_text_tasks(
    data: DatasetFiles,
    store: ShardedArrays,
    embedder: Embedder,
    subset: Path | None,
    identity: ScoreIdentity,
    num_resamples: int,
) -> OtherScores:
    """Score audio-text retrieval among all test clips with captions, and among 30 candidates.

    Args:
        data: the data set whose captions are retrieved.
        store: the vectors that the run hears, in a form fitted to the data set's train split.
        embedder: of the run; texts without noise.
        subset: a text file of clip ids; None: all available clips.
        identity: what the scores say of themselves; the fingerprint is filled in.
        num_resamples: of the clips, behind each 95 % interval.

    Raises:
        HearsayError: an input is absent, or no test clip is available.
    """
    captions = read_caption_features(LabelFiles.of(data))
    available = available_clips(data, SPLIT, subset)
    asked = {clip_id for clip_id in available if clip_id in store}
    asked &= set(captions.table["clip_id"])
    if not asked:
        why = "no available test clip has a caption with a word that has a vector"
        return OtherScores(reasons=[Reason(AUDIO_TEXT, "", why)])
    gallery = open_gallery(data, subset, replace(identity, dataset=data.name, split=SPLIT), asked)
    table = captions.table[captions.table["clip_id"].isin(gallery.clip_ids)]
    sounds = embedder.audio(store.gather(gallery.clip_ids))  # [N, E]
    texts = embedder.text(captions.vectors[table["row"].to_numpy()])  # [M, E]
    owners = table["clip_id"].tolist()
    full, ranks = score_audio_text(
        sounds,
        gallery.clip_ids,
        texts,
        table["caption_id"].tolist(),
        owners,
        gallery.identity,
        num_resamples=num_resamples,
    )
    drawn = score_draws(
        dot_scores(sounds, texts), gallery.clip_ids, owners, gallery.identity, num_resamples
    )
    hits = find_hits(
        dot_scores(clip_embedding(sounds), unit_rows(texts)),
        gallery.clip_ids,
        table["caption_id"].tolist(),
        owners,
        gallery.identity,
    )
    records = full + (drawn[0] if drawn else [])
    return OtherScores(records, [ranks, drawn[1]] if drawn else [ranks], [hits])
