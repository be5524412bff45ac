"""A sound heard as WAL-Net hears the clips of a data set, in the form that was fitted on them."""

from pathlib import Path

import pytest
import torch
from tests.search.searched_runs import RATE_HZ, Searched, clip_id

from hearsay.clips.audio import decode_flac
from hearsay.encoders.wal_net import embed_wal_net
from hearsay.encoders.wal_net_layers import WalNet
from hearsay.features.forms import form_vectors
from hearsay.features.store import ShardedArrays
from hearsay.features.wal_logmel import extract_wal_logmel
from hearsay.files import write_torch
from hearsay.search.clip_files import ClipFiles
from hearsay.search.entries import CLIPS_SCHEMA, Entries
from hearsay.search.hear_forms import FormListener, write_form_map

WAL_LOGMEL = {
    "num_mel_bins": 128,
    "frame_length_ms": 46.44,
    "frame_shift_ms": 23.22,
    "range_db": 80.0,
    "min_frames": 130,
    "num_frames": 140,
}
FORM = {"vectors": "wal_net", "transform": "pca", "dimensions": 4, "weights": "small-wal-net"}


def test_a_clips_own_sound_has_the_vector_of_its_form(searched: Searched, tmp_path: Path) -> None:
    data, weights = searched.data, tmp_path / "wal_net.pt"
    torch.manual_seed(1)
    network = WalNet(3)
    saved = {"name": "small-wal-net", "classes": ["a", "b", "c"]}
    write_torch({**saved, "state_dict": network.state_dict()}, weights)
    for folder in ("wal_logmel", "wal_net"):
        (data.root / folder).mkdir()
    for shard in range(data.num_shards):
        heard, made = (data.shards(name, ".npy")[shard] for name in ("wal_logmel", "wal_net"))
        audio = data.shards("audio", ".parquet")[shard]
        rated = {**WAL_LOGMEL, "sample_rate_hz": RATE_HZ}
        extract_wal_logmel(audio, heard, heard.with_suffix(".parquet"), rated)
        embed_wal_net(weights, heard, made, made.with_suffix(".parquet"), "cpu")
    array = data.form("walnet")
    arrays = data.shards("wal_net", ".npy")
    form_vectors(data.clips, arrays, FORM, array, array.with_suffix(".parquet"), None)
    features = {**FORM, "wal_logmel": WAL_LOGMEL}
    write_form_map(data, features, None, tmp_path)
    listener = FormListener(RATE_HZ, features, weights, tmp_path, torch.device("cpu"))
    stored = ShardedArrays([array])
    files = ClipFiles(data, Entries(searched.index("labels") / "clips.parquet", CLIPS_SCHEMA))
    for number in (2, 12):
        waveform = torch.from_numpy(decode_flac(files.audio(clip_id(number))))
        own = listener.batch(waveform)["clip_vectors"][0].numpy()
        assert own == pytest.approx(stored.gather([clip_id(number)])[0], abs=2e-3)
        assert listener.spectrogram(waveform).levels.shape[1] == 128
