"""The family of Zhao et al. 2022 (VIP-ANT) and Tsubaki et al. 2024: sound meets frozen CLIP.

Two stages train one audio tower: first against the images of the clips, then, with a fresh
temperature, against their captions. The image and text towers stay frozen, so their embeddings
are computed once and gathered here.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hearsay.device import autocast
from hearsay.encoders.clip import ClipTowers
from hearsay.errors import HearsayError
from hearsay.methods.family import Batch, Options
from hearsay.methods.image_choice import make_pairing
from hearsay.methods.info_nce import info_nce, initial_log_scale
from hearsay.methods.masks import mask_features
from hearsay.models.audio_vit import AudioViT

TARGETS = {"audio_image": "image_embeddings", "audio_text": "caption_embeddings"}


class FrameMatchNetwork(nn.Module):
    """The audio tower and the learned temperature of its loss."""

    def __init__(self, tower: AudioViT) -> None:
        super().__init__()
        self.tower = tower
        self.log_scale = initial_log_scale()

    def forward(self, features: Tensor) -> Tensor:
        """Embed features [B, T, F] as unit vectors [B, D], float32."""
        # Only the tower computes in bfloat16: cosines need more than its three digits.
        with autocast(features.device):
            embeddings = self.tower(features.unsqueeze(1))
        return functional.normalize(embeddings.float(), dim=-1)


class FrameMatch:
    """One stage of a method of this family; see `hearsay.methods.family.Family`.

    Options read: tower {time_stride, mel_stride}, masks {max_bins, max_frames}, image_choice,
    fbank {num_frames, num_mel_bins}.
    """

    def __init__(self, options: Options, stage: str) -> None:
        if stage not in TARGETS:
            raise HearsayError(
                f"family frame_match has no stage {stage!r}; it has {', '.join(TARGETS)}"
            )
        self.target = TARGETS[stage]
        self.tower_options = options["tower"]
        self.mask_options = options["masks"]
        self.fbank_options = options["fbank"]
        self.pairing = make_pairing(options)

    def requires(self) -> tuple[str, ...]:
        """Name the stores that a batch is gathered from."""
        return ("fbank", self.target)

    def build_network(self, towers: ClipTowers) -> FrameMatchNetwork:
        """Build the audio tower from the image tower; nothing is random."""
        tower = AudioViT(
            towers.model.visual,
            num_frames=self.fbank_options["num_frames"],
            num_bins=self.fbank_options["num_mel_bins"],
            time_stride=self.tower_options["time_stride"],
            mel_stride=self.tower_options["mel_stride"],
        )
        return FrameMatchNetwork(tower)

    def continue_from(self, network: nn.Module, state: dict[str, Tensor]) -> None:
        """Take over the tower of the stage before; the temperature starts anew."""
        tower = {name: value for name, value in state.items() if name.startswith("tower.")}
        network.load_state_dict({**network.state_dict(), **tower})

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, generator: torch.Generator
    ) -> Tensor:
        """Return the symmetric InfoNCE of a batch, over all its clips as negatives."""
        features = batch["fbank"]  # [B, T, F]
        if network.training:
            features = mask_features(features, **self.mask_options, generator=generator)
        audio = network(features)  # [B, D]
        targets = batch[self.target]
        if self.target == "image_embeddings":
            cosines = self.pairing(audio, targets, epoch, generator)  # [B, B]
        else:
            cosines = audio @ targets.T  # [B, B]
        log_scale: Tensor = network.get_parameter("log_scale")
        return info_nce(cosines, log_scale)

    def embed_audio(self, network: nn.Module, features: Tensor) -> Tensor:
        """Embed normalised features [B, T, F] as unit vectors [B, D]."""
        embeddings: Tensor = network(features)
        return embeddings

    def logit_scale(self, network: nn.Module) -> float:
        """Return exp(s), the factor on the cosines."""
        return float(network.get_parameter("log_scale").detach().exp())
