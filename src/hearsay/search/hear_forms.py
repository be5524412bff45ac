"""What a method that hears one vector a clip hears of a sound."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hearsay.encoders.wal_net import encode_sounds, load_wal_net
from hearsay.errors import HearsayError
from hearsay.features.decibels import DecibelMel
from hearsay.features.forms import fit_map, scale_to_unit
from hearsay.features.mfcc import Mfcc, MfccOptions
from hearsay.features.wal_logmel import WalLogmel, WalLogmelOptions
from hearsay.files import atomic_path
from hearsay.layout import DatasetFiles
from hearsay.methods.family import Batch
from hearsay.options import take_options
from hearsay.search.hear import Spectrogram, store_rows

FORM_MAP = "form_map.npz"  # mean [V], matrix [V, D]: a vector less the mean, times the matrix


class FormListener:
    """Computes the vector of a sound, in the form that a run hears.

    Args:
        sample_rate_hz: of the sound.
        features: of the form: `vectors` (mfcc or wal_net), and options of what these come from.
        wal_net: wal_net.pt; None where the vectors do not come from it.
        folder: of the index, with FORM_MAP.
        device: to compute on.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        features: dict[str, Any],
        wal_net: Path | None,
        folder: Path,
        device: torch.device,
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.mfcc: Mfcc | None = None
        self.levels: DecibelMel
        if features["vectors"] == "mfcc":
            rated = {**features["mfcc"], "sample_rate_hz": sample_rate_hz}
            self.mfcc = Mfcc(take_options(MfccOptions, rated, "search"))
            self.levels = self.mfcc.levels
        else:
            if wal_net is None:
                raise HearsayError("this index names no WAL-Net; build it again")
            rated = {**features["wal_logmel"], "sample_rate_hz": sample_rate_hz}
            self.options = take_options(WalLogmelOptions, rated, "search")
            self.logmel = WalLogmel(self.options)
            self.network = load_wal_net(wal_net, device)
            self.levels = self.logmel.levels
        try:
            with np.load(folder / FORM_MAP) as saved:
                self.mean, self.matrix = saved["mean"], saved["matrix"]
        except (OSError, ValueError, KeyError) as error:
            raise HearsayError(
                f"{folder / FORM_MAP} is absent or damaged ({error}); build the index again"
            ) from error

    def batch(self, waveform: Tensor) -> Batch:
        """Return clip_vectors [1, D]."""
        vector = self._vector(waveform).astype(np.float64)  # [1, V]
        formed = scale_to_unit((vector - self.mean) @ self.matrix)
        return {"clip_vectors": torch.from_numpy(formed.astype(np.float32))}

    def _vector(self, waveform: Tensor) -> NDArray[np.float32]:
        if self.mfcc is not None:
            return self.mfcc(waveform)[None].numpy()
        stored, num_frames = store_rows(self.logmel(waveform), self.options.num_frames)
        # What lies behind the sound is no part of it: the network takes the valid frames alone.
        features = torch.from_numpy(stored[:, : int(num_frames[0])])
        return encode_sounds(self.network, features, torch.from_numpy(num_frames))

    def spectrogram(self, waveform: Tensor) -> Spectrogram:
        """Return mel bands in dB."""
        shift_s = self.levels.frame_shift / self.sample_rate_hz
        return Spectrogram(self.levels(waveform).numpy(), shift_s, 0.0)


def write_form_map(
    data: DatasetFiles, features: dict[str, Any], subset: Path | None, folder: Path
) -> None:
    """Keep the form that was fitted on a data set, for sounds that are not in it."""
    arrays = data.shards(features["vectors"], ".npy")
    mean, matrix = fit_map(data.clips, arrays, features, subset)
    with atomic_path(folder / FORM_MAP) as temporary, temporary.open("wb") as file:
        np.savez(file, mean=mean, matrix=matrix)
