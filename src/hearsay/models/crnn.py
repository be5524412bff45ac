"""The audio encoder of Xie et al. 2022: convolutions, a recurrent layer, one vector a frame."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hearsay.errors import HearsayError

POOLS = {0: (2, 4), 2: (2, 4), 4: (1, 4)}  # after which block, window of (time, mel)
TIME_REDUCTION = 4  # by all pools together
SMALLEST = 1e-30  # below this, the fourth root of a window has no usable gradient


class Crnn(nn.Module):
    """Five blocks of convolution, a bidirectional GRU, and up-sampling to the input's frames.

    Clips of different length may share a batch: what lies behind a clip's last frame is never
    seen by its statistics, convolutions, recurrence or interpolation, so a clip's embeddings do
    not depend on its neighbours. (The authors' code pads with 0.0 and does not mask.)

    At 64 mel bands, channels 32, 128, 128, 128, 128 and 150 recurrent units a direction: 732,354
    parameters; 501 frames become 125 and 501 again.

    Args:
        num_bins: F, mel bands; the pools divide them by 64.
        channels: of the five blocks.
        width: W, of a frame's embedding; half of it a direction.
        dropout: share of the convolutions' outputs that is dropped in training.

    Raises:
        HearsayError: other sizes.
    """

    def __init__(self, num_bins: int, channels: Sequence[int], width: int, dropout: float) -> None:
        super().__init__()
        if num_bins != 64 or len(channels) != 5 or width % 2:
            raise HearsayError(
                f"crnn: {num_bins} mel bands, {len(channels)} channels and width {width}; it needs "
                "64 bands, five channels and an even width"
            )
        inputs = [1, *channels[:-1]]
        self.norms = nn.ModuleList(MaskedBatchNorm(number) for number in inputs)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1, bias=False)
            for before, after in zip(inputs, channels, strict=True)
        )
        for convolution in self.convolutions:
            nn.init.kaiming_normal_(convolution.weight)  # type: ignore[arg-type]
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(channels[-1], width // 2, batch_first=True, bidirectional=True)

    def forward(self, features: Tensor, num_frames: Tensor) -> Tensor:
        """Embed every frame.

        Args:
            features: [B, T, F] log-mel energies, not normalised.
            num_frames: int64 [B], valid frames of each clip, 4 ... T.

        Returns:
            [B, T, W]: unit vectors, and zeros behind a clip's last frame.

        Raises:
            HearsayError: a clip is shorter than four frames.
        """
        shortest = int(num_frames.min())
        if shortest < TIME_REDUCTION:
            raise HearsayError(
                f"a clip of {shortest} frames is too short for the crnn, which needs "
                f"{TIME_REDUCTION}; raise min_duration_s"
            )
        is_padded = shortest < features.shape[1]
        # Channels last in memory: the CPU's convolutions are a third faster so.
        x = features[:, None].contiguous(memory_format=torch.channels_last)  # [B, 1, T, F]
        valid = num_frames
        for block, (norm, convolution) in enumerate(
            zip(self.norms, self.convolutions, strict=True)
        ):
            normalised = norm(x, valid if is_padded else None)
            convolved = convolve(normalised, convolution.get_parameter("weight"))
            x = functional.leaky_relu(convolved, 0.1)  # [B, C, T', F']
            if block in POOLS:
                x = lp_pool(x, POOLS[block])
                valid = valid // POOLS[block][0]
        x = self.dropout(x).flatten(2).transpose(1, 2)  # [B, T / 4, C]
        if is_padded:
            packed = pack_padded_sequence(x, valid.cpu(), batch_first=True, enforce_sorted=False)
            recurrent, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        else:  # the same, in less time
            recurrent, _ = self.gru(x)  # [B, T / 4, W]
        stretched = stretch(recurrent, valid, num_frames, features.shape[1])  # [B, T, W]
        return functional.normalize(stretched, dim=-1)


class MaskedBatchNorm(nn.Module):
    """Batch norm of [B, C, T, F] over valid frames alone; frames behind them become zero."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_channels)

    def forward(self, x: Tensor, num_frames: Tensor | None) -> Tensor:
        """Normalise the first `num_frames[b]` frames of clip b; None: all frames of all clips."""
        if num_frames is None:
            normalised: Tensor = self.norm(x)
            return normalised
        mask = frame_mask(num_frames, x.shape[2])  # [B, T]
        by_frame = x.transpose(1, 2)  # [B, T, C, F]
        out = torch.zeros_like(by_frame)
        out[mask] = self.norm(by_frame[mask][..., None])[..., 0]  # [valid frames, C, F]
        return out.transpose(1, 2)


def frame_mask(num_frames: Tensor, length: int) -> Tensor:
    """Tell valid frames from padding: bool [B, length]."""
    return torch.arange(length, device=num_frames.device) < num_frames[:, None]


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve [B, C, T, F] by weight [C', C, 3, 3], padded by 1 to every side: [B, C', T, F].

    A single channel gets a second one of zeros: without it a CPU's gradient by the input takes
    several times as long.
    """
    if x.shape[1] == 1:
        x, weight = (
            functional.pad(one, (0, 0, 0, 0, 0, 1)).contiguous(memory_format=torch.channels_last)
            for one in (x, weight)
        )
    return functional.conv2d(x, weight, padding=1)


def lp_pool(x: Tensor, window: tuple[int, int]) -> Tensor:
    """Pool by the L4 norm in its sum form, (Σ x⁴)^¼ over each window of (time, mel)."""
    powers = functional.avg_pool2d(x.square().square(), window) * (window[0] * window[1])
    return powers.clamp_min(SMALLEST).sqrt().sqrt()


def stretch(x: Tensor, old: Tensor, new: Tensor, length: int) -> Tensor:
    """Interpolate each clip linearly from `old` to `new` frames, corners not aligned.

    Args:
        x: [B, T', W], of which `old[b]` frames are valid.
        old: int64 [B].
        new: int64 [B].
        length: T of the result.

    Returns:
        [B, T, W], zero behind `new[b]` frames; for each clip what torch's interpolate gives.
    """
    frame = torch.arange(length, device=x.device)
    scale = old / new  # [B]
    place = ((frame + 0.5) * scale[:, None] - 0.5).clamp_min(0)  # [B, T]
    last = (old - 1)[:, None]
    below = torch.minimum(place.floor().long(), last)
    above = torch.minimum(below + 1, last)
    share = (place - below).clamp(0, 1)[..., None].to(x.dtype)

    def take(rows: Tensor) -> Tensor:
        return x.gather(1, rows[..., None].expand(-1, -1, x.shape[2]))

    mixed = take(below) * (1 - share) + take(above) * share
    return mixed * frame_mask(new, length)[..., None]
