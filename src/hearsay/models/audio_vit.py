"""The audio tower of Zhao et al. 2022 (VIP-ANT): CLIP's image ViT, reading a spectrogram."""

from copy import deepcopy

import torch
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from hearsay.errors import HearsayError


class AudioViT(nn.Module):
    """A vision transformer that starts from an image tower and reads [time, mel] as its rows.

    The patch is the image tower's, the strides are smaller, so patches overlap; no padding. The
    convolution keeps its three input channels and meets the one of a spectrogram by their mean,
    recomputed at each forward pass, so that all three go on being trained. The grid of positions
    is resized once, here, to the grid of `num_frames` x `num_bins`, and is learned from then on;
    shorter inputs, such as the 250-frame segments of multiframe_match, are a tower built with
    that `num_frames`.

    At ViT-B/32 with 1000 x 128 inputs and strides 16 x 24: 61 x 5 patches and CLS = 306 tokens,
    88,045,824 parameters.

    Args:
        image_tower: its modules are copied, never changed.
        num_frames: rows of the input, T.
        num_bins: columns of the input, F.
        time_stride: rows from patch to patch.
        mel_stride: columns from patch to patch.

    Raises:
        HearsayError: the tower is no plain ViT with a class token, or the input is smaller than
            a patch.
    """

    def __init__(
        self,
        image_tower: nn.Module,
        num_frames: int,
        num_bins: int,
        time_stride: int,
        mel_stride: int,
    ) -> None:
        super().__init__()
        if (
            not isinstance(image_tower, VisionTransformer)
            or image_tower.attn_pool is not None
            or image_tower.pool_type != "tok"
        ):
            raise HearsayError(
                "clip.model: the image tower is not a ViT that pools by its class token; "
                "use a model such as ViT-B-32-quickgelu"
            )
        if time_stride < 1 or mel_stride < 1:
            raise HearsayError(
                f"tower: time_stride {time_stride} and mel_stride {mel_stride} must be positive"
            )
        rows, columns = image_tower.patch_size
        if num_frames < rows or num_bins < columns:
            raise HearsayError(
                f"features of {num_frames} x {num_bins} are smaller than a patch of "
                f"{rows} x {columns}; raise num_frames or num_mel_bins"
            )
        self.input_size = (num_frames, num_bins)
        self.stride = (time_stride, mel_stride)
        self.grid_size = (
            (num_frames - rows) // time_stride + 1,
            (num_bins - columns) // mel_stride + 1,
        )
        self.conv1 = deepcopy(image_tower.conv1)  # weight [W, 3, rows, columns]
        self.class_embedding = nn.Parameter(image_tower.class_embedding.detach().clone())
        self.positional_embedding = nn.Parameter(
            resize_positions(
                image_tower.positional_embedding.detach(), image_tower.grid_size, self.grid_size
            )
        )
        self.ln_pre = deepcopy(image_tower.ln_pre)
        self.transformer = deepcopy(image_tower.transformer)
        self.ln_post = deepcopy(image_tower.ln_post)
        self.proj = nn.Parameter(image_tower.proj.detach().clone())  # [W, D]
        self.requires_grad_(True)  # the tower it comes from may be frozen

    @property
    def num_tokens(self) -> int:
        """Patches and the class token."""
        return self.grid_size[0] * self.grid_size[1] + 1

    def forward(self, features: Tensor) -> Tensor:
        """Embed spectrograms.

        Args:
            features: [B, 1, T, F], normalised, of the size given at construction.

        Returns:
            [B, D], not normalised.

        Raises:
            HearsayError: the features have another size.
        """
        if features.shape[1:] != (1, *self.input_size):
            raise HearsayError(
                f"features of shape {tuple(features.shape)} reached a tower built for "
                f"[B, 1, {self.input_size[0]}, {self.input_size[1]}]; extract them again"
            )
        kernel = self.conv1.weight.mean(dim=1, keepdim=True)  # [W, 1, rows, columns]
        x = functional.conv2d(features, kernel, stride=self.stride)  # [B, W, gridT, gridF]
        x = x.flatten(2).transpose(1, 2)  # [B, P, W]
        token = self.class_embedding.to(x.dtype).expand(len(x), 1, -1)
        x = torch.cat([token, x], dim=1) + self.positional_embedding.to(x.dtype)  # [B, 1 + P, W]
        x = self.transformer(self.ln_pre(x))
        embedding: Tensor = self.ln_post(x[:, 0]) @ self.proj  # [B, D]
        return embedding


def resize_positions(positions: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Resize a grid of positions bilinearly, corners not aligned; the class token's is kept.

    Args:
        positions: [1 + old rows * old columns, W], class token first.
        old: the grid's rows and columns.
        new: those wanted.

    Returns:
        [1 + new rows * new columns, W].
    """
    grid = positions[1:].reshape(1, *old, -1).permute(0, 3, 1, 2)  # [1, W, rows, columns]
    grid = functional.interpolate(grid, size=new, mode="bilinear", align_corners=False)
    return torch.cat([positions[:1], grid.flatten(2).squeeze(0).T])
