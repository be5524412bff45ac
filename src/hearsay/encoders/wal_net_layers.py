"""WAL-Net: a convolutional network for weak labels of sound (Shah et al., arXiv 1804.09288)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from hearsay.errors import HearsayError
from hearsay.models.crnn import frame_mask

NUM_BINS = 128  # mel bands; the pools and the last convolution bring them down to 1
GROUPS = ((16, 16), (32, 32), (64, 64), (128, 128), (256, 256), (512,))  # a pool behind each
TIME_REDUCTION = 2 ** len(GROUPS)
MIN_FRAMES = 2 * TIME_REDUCTION  # one segment
WIDTH = 1024  # of a segment's feature


class WalNet(nn.Module):
    """Eleven 3 x 3 convolutions and six poolings, a 2 x 2 convolution, a classifier by segment.

    A segment covers 128 frames and begins 64 behind the one before it: a clip of T frames has
    K = T // 64 - 1 of them. A class's probability is the mean over the segments.

    In evaluation mode clips of different length may share a batch: what lies behind a clip's
    last frame is kept at zero, as the padding of a clip alone is, so a clip's output does not
    depend on its neighbours. In training mode BatchNorm would count that padding, so there the
    clips of a batch have to be equally long.

    At 527 classes 5,002,047 parameters, 4,461,872 of them before the classifier.

    Args:
        num_classes: C.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        channels = [1, *(width for group in GROUPS for width in group)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(channels)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in channels[1:])
        self.segments = nn.Conv2d(channels[-1], WIDTH, 2)
        self.segment_norm = nn.BatchNorm2d(WIDTH)
        self.classifier = nn.Linear(WIDTH, num_classes)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Classify clips, and describe their segments.

        Args:
            features: [B, T, 128] log-mel in dB, not normalised.
            num_frames: int64 [B], valid frames of each clip, 128 ... T.

        Returns:
            Probabilities [B, C] and segments' features [B, K, 1024], with zeros behind a clip's
            last segment.

        Raises:
            HearsayError: other bands, a clip that is too short, or one that is shorter than
                another in training mode.
        """
        self._check(features, num_frames)
        x = features[:, None]  # [B, 1, T, F]
        if int(num_frames.min()) == features.shape[1]:
            num_segments = None
        else:
            num_segments = count_segments(num_frames)
            x = _silence(x, num_frames)
        layers = iter(zip(self.convolutions, self.norms, strict=True))
        valid = num_frames
        for group in GROUPS:
            for _ in group:
                convolution, norm = next(layers)
                x = functional.relu(norm(convolution(x)))
                if num_segments is not None:
                    x = _silence(x, valid)
            x = functional.max_pool2d(x, 2)  # [B, C, T / 2, F / 2]
            valid = valid // 2
            if num_segments is not None:
                x = _silence(x, valid)
        x = functional.relu(self.segment_norm(self.segments(x)))  # [B, 1024, K, 1]
        embedded = x.squeeze(3).transpose(1, 2)  # [B, K, 1024]
        probabilities = self.classifier(embedded).sigmoid()  # [B, K, C]
        if num_segments is None:
            return probabilities.mean(dim=1), embedded
        embedded = embedded * frame_mask(num_segments, embedded.shape[1])[..., None]
        return mean_segments(probabilities, num_segments), embedded

    def _check(self, features: Tensor, num_frames: Tensor) -> None:
        shortest, longest = int(num_frames.min()), int(num_frames.max())
        if features.shape[2] != NUM_BINS:
            raise HearsayError(
                f"WAL-Net hears {NUM_BINS} mel bands, not {features.shape[2]}; set "
                f"features.wal_logmel.num_mel_bins {NUM_BINS}"
            )
        if shortest < MIN_FRAMES:
            raise HearsayError(
                f"a clip of {shortest} frames is too short for WAL-Net, which needs {MIN_FRAMES}; "
                "raise features.wal_logmel.min_frames"
            )
        if self.training and (shortest, longest) != (features.shape[1],) * 2:
            raise HearsayError(
                f"WAL-Net is trained on clips of one length, not {shortest} to {longest} of "
                f"{features.shape[1]} frames; crop them alike"
            )


def count_segments(num_frames: Tensor) -> Tensor:
    """Count the segments of clips of so many frames: int64 [B]."""
    return num_frames // TIME_REDUCTION - 1


def mean_segments(values: Tensor, num_segments: Tensor) -> Tensor:
    """Average [B, K, D] over the first `num_segments[b]` segments of each clip: [B, D]."""
    valid = frame_mask(num_segments, values.shape[1])[..., None]  # [B, K, 1]
    return (values * valid).sum(dim=1) / num_segments[:, None]


def _silence(x: Tensor, num_frames: Tensor) -> Tensor:
    """Set [B, C, T, F] to zero behind each clip's last frame, whatever stands there."""
    mask = frame_mask(num_frames, x.shape[2])[:, None, :, None]
    return torch.where(mask, x, 0.0)
