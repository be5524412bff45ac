"""The audio tower of Zhao et al. 2022 (VIP-ANT): CLIP's image ViT, reading a spectrogram."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from hearsay.encoders.image_tower import ImageTower
from hearsay.errors import HearsayError
from hearsay.models.transformer import Block, LayerNorm, from_open_clip


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
        image_tower: its weights are copied, never changed.
        num_frames: rows of the input, T.
        num_bins: columns of the input, F.
        time_stride: rows from patch to patch.
        mel_stride: columns from patch to patch.

    Raises:
        HearsayError: the input is smaller than a patch, or a stride is not positive.
    """

    def __init__(
        self,
        image_tower: ImageTower,
        num_frames: int,
        num_bins: int,
        time_stride: int,
        mel_stride: int,
    ) -> None:
        super().__init__()
        self.input_size = (num_frames, num_bins)
        self.stride = (time_stride, mel_stride)
        patch, width = image_tower.patch_size, image_tower.width
        self.grid_size = patch_grid(num_frames, num_bins, patch, self.stride)
        self.conv1 = nn.Conv2d(3, width, patch, bias=False)  # weight [W, 3, patch, patch]
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(self.num_tokens, width))
        self.ln_pre = LayerNorm(width)
        self.blocks = nn.Sequential(
            *(
                Block(width, image_tower.num_heads, image_tower.mlp_width, image_tower.quick_gelu)
                for _ in range(image_tower.layers)
            )
        )
        self.ln_post = LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, image_tower.embed_dim))  # [W, D]
        state = from_open_clip(image_tower.state)
        state["positional_embedding"] = resize_positions(
            state["positional_embedding"], image_tower.grid_size, self.grid_size
        )
        self.load_state_dict(state)

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
        x = self._embed_tokens(features)
        *blocks, last = (cast(Block, block) for block in self.blocks)
        for block in blocks:
            x = block(x)
        # Nobody reads the other tokens of the last layer.
        embedding: Tensor = self.ln_post(last.first(x)[:, 0]) @ self.proj  # [B, D]
        return embedding

    def embed_patches(self, features: Tensor) -> Tensor:
        """Embed every patch of spectrograms in the space of `forward`.

        Training asks the class token alone to live in that space. It fills itself with the values
        of the tokens that it attends to, so these, mapped as its own are, lie there too, which the
        patches' own outputs need not. Hence the last layer's values take the place of that layer,
        as in MaskCLIP (Zhou et al. 2022), without the sum with its input and without its MLP.

        Args:
            features: as of `forward`.

        Returns:
            [B, time patches, mel patches, D], not normalised.

        Raises:
            HearsayError: the features have another size.
        """
        x = self._embed_tokens(features)
        *blocks, last = (cast(Block, block) for block in self.blocks)
        for block in blocks:
            x = block(x)
        values = last.attn.values(last.ln_1(x[:, 1:]))  # [B, P, W]
        embeddings: Tensor = self.ln_post(values) @ self.proj  # [B, P, D]
        return embeddings.reshape(len(x), *self.grid_size, -1)

    def _embed_tokens(self, features: Tensor) -> Tensor:
        """Turn features [B, 1, T, F] into the tokens that the first layer meets: [B, 1 + P, W]."""
        if features.shape[1:] != (1, *self.input_size):
            raise HearsayError(
                f"features of shape {tuple(features.shape)} reached a tower built for "
                f"[B, 1, {self.input_size[0]}, {self.input_size[1]}]; extract them again"
            )
        # The convolution as one matrix product over the patches, which is faster.
        kernel = self.conv1.weight.mean(dim=1)  # [W, patch, patch]
        patch = kernel.shape[-1]
        patches = features[:, 0].unfold(1, patch, self.stride[0]).unfold(2, patch, self.stride[1])
        x = patches.flatten(3).flatten(1, 2) @ kernel.flatten(1).T  # [B, P, W]
        token = self.class_embedding.to(x.dtype).expand(len(x), 1, -1)
        x = torch.cat([token, x], dim=1) + self.positional_embedding.to(x.dtype)  # [B, 1 + P, W]
        normalised: Tensor = self.ln_pre(x)
        return normalised


def patch_grid(
    num_frames: int, num_bins: int, patch: int, stride: tuple[int, int]
) -> tuple[int, int]:
    """Count the patches along time and mel.

    Raises:
        HearsayError: the input is smaller than a patch, or a stride is not positive.
    """
    if min(stride) < 1:
        raise HearsayError(
            f"tower: time_stride {stride[0]} and mel_stride {stride[1]} must be positive"
        )
    if num_frames < patch or num_bins < patch:
        raise HearsayError(
            f"features of {num_frames} x {num_bins} are smaller than a patch of "
            f"{patch} x {patch}; raise num_frames or num_mel_bins, or cut into fewer segments"
        )
    return (num_frames - patch) // stride[0] + 1, (num_bins - patch) // stride[1] + 1


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
