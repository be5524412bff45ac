"""The family of Zhao et al. 2022 (VIP-ANT) and Tsubaki et al. 2024: sound meets frozen CLIP.

Two stages train one audio tower: first against the images of the clips, then, with a fresh
temperature, against their captions. The image and text towers stay frozen, so their embeddings
are computed once and gathered here.

Beyond the papers, the tower's patches are embedded too, so that these methods ground phrases.
"""

from torch import Tensor, nn
from torch.nn import functional

from hearsay.device import autocast
from hearsay.encoders.frozen import FrozenEncoders
from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch, Loss, Options
from hearsay.methods.image_choice import clip_embedding, make_pairing
from hearsay.methods.info_nce import info_nce, initial_log_scale
from hearsay.methods.masks import mask_features
from hearsay.methods.patch_frames import patch_centres, spread_patches
from hearsay.models.audio_vit import AudioViT, patch_grid, resize_positions

TARGETS = {"audio_image": "image_embeddings", "audio_text": "caption_embeddings"}
POSITIONS = "tower.positional_embedding"


class FrameMatchNetwork(nn.Module):
    """The audio tower, shared by all segments of a clip, and the temperature of its loss."""

    def __init__(self, tower: AudioViT, num_segments: int) -> None:
        super().__init__()
        self.tower = tower
        self.num_segments = num_segments
        self.log_scale = initial_log_scale()

    def forward(self, features: Tensor) -> Tensor:
        """Embed the segments of features [B, T, F]: float32 [B, S, D], not normalised."""
        # Only the tower computes in bfloat16: cosines need more than its three digits.
        with autocast(features.device):
            embeddings = self.tower(self._segments(features))
        split: Tensor = embeddings.float().view(len(features), self.num_segments, -1)
        return split

    def embed_patches(self, features: Tensor) -> Tensor:
        """Embed the patches of features [B, T, F], those of all segments one after another.

        Returns:
            float32 [B, S * time patches, mel patches, D], not normalised.
        """
        with autocast(features.device):
            patches = self.tower.embed_patches(self._segments(features))  # [B * S, ...]
        return patches.float().view(len(features), -1, *patches.shape[2:])

    def _segments(self, features: Tensor) -> Tensor:
        """Cut features [B, T, F] into what the tower hears: [B * S, 1, T / S, F]."""
        num_frames, num_bins = features.shape[1:]
        return features.reshape(-1, 1, num_frames // self.num_segments, num_bins)


class FrameMatch:
    """One stage of a method of this family; see `hearsay.methods.family.Family`.

    Options read: tower {time_stride, mel_stride}, masks {max_bins, max_frames}, segments,
    caption_audio, image_choice and what that needs, fbank {num_frames, num_mel_bins}.
    """

    def __init__(self, options: Options, stage: str) -> None:
        if stage not in TARGETS:
            raise HearsayError(
                f"family frame_match has no stage {stage!r}; it has {', '.join(TARGETS)}"
            )
        self.target = TARGETS[stage]
        self.stride = (options["tower"]["time_stride"], options["tower"]["mel_stride"])
        self.mask_options = options["masks"]
        self.fbank_options = options["fbank"]
        self.pairing = make_pairing(options)
        self.keeps_norms = options["image_choice"] == "all_unnormalised"
        self.num_image_segments = options["segments"]
        whole = stage == "audio_text" and options["caption_audio"] == "whole"
        self.num_segments = 1 if whole else options["segments"]
        if self.fbank_options["num_frames"] % self.num_image_segments:
            raise HearsayError(
                f"methods: {self.fbank_options['num_frames']} frames cannot be cut into "
                f"{self.num_image_segments} equal segments; change segments or num_frames"
            )

    def requires(self) -> tuple[str, ...]:
        """Name the stores that a batch is gathered from."""
        return ("fbank", self.target)

    def build_network(self, frozen: FrozenEncoders) -> FrameMatchNetwork:
        """Build the audio tower from the image tower; nothing is random."""
        if frozen.image_tower is None:
            raise HearsayError("family frame_match builds on an image tower; none was given")
        tower = AudioViT(
            frozen.image_tower,
            num_frames=self.fbank_options["num_frames"] // self.num_segments,
            num_bins=self.fbank_options["num_mel_bins"],
            time_stride=self.stride[0],
            mel_stride=self.stride[1],
        )
        return FrameMatchNetwork(tower, self.num_segments)

    def continue_from(self, network: nn.Module, state: dict[str, Tensor]) -> None:
        """Take over the tower of the stage before; the temperature starts anew.

        Where that stage heard segments and this one hears the whole clip, the learned grid of
        positions is resized.
        """
        network = _checked(network)
        taken = {name: weight for name, weight in state.items() if name.startswith("tower.")}
        if self.num_segments != self.num_image_segments and POSITIONS in taken:
            old = patch_grid(
                self.fbank_options["num_frames"] // self.num_image_segments,
                self.fbank_options["num_mel_bins"],
                network.tower.conv1.kernel_size[0],
                self.stride,
            )
            if len(taken[POSITIONS]) == old[0] * old[1] + 1:
                taken[POSITIONS] = resize_positions(taken[POSITIONS], old, network.tower.grid_size)
        _check_shapes(taken, network)
        network.load_state_dict({**network.state_dict(), **taken})

    def loss(self, network: nn.Module, batch: Batch, epoch: int, part: BatchPart) -> Loss:
        """Return the symmetric InfoNCE of a batch, over all its clips as negatives."""
        features = batch["fbank"]  # [b, T, F]
        if network.training:
            features = mask_features(features, **self.mask_options, part=part)
        audio = network(features)  # [b, S, D]
        log_scale: Tensor = network.get_parameter("log_scale")
        if self.target == "image_embeddings":
            pairs = self.pairing(audio, batch[self.target], epoch, part)
            notes = {} if pairs.choice is None else {"image": pairs.choice}
            return Loss(info_nce(pairs.cosines, log_scale), notes)
        sounds, captions = part.gather(clip_embedding(audio)), part.gather(batch[self.target])
        return Loss(info_nce(sounds @ captions.T, log_scale))  # [B, B]

    def embed_audio(self, network: nn.Module, batch: Batch) -> Tensor:
        """Embed clips by their features: unit vectors [B, D], or segments [B, S, D].

        Segments keep their norm, by which the unnormalised pairing weighs them.
        """
        segments: Tensor = network(batch["fbank"])
        if self.num_segments == 1:
            return functional.normalize(segments.squeeze(1), dim=-1)
        return segments if self.keeps_norms else functional.normalize(segments, dim=-1)

    def embed_frames(self, network: nn.Module, batch: Batch) -> Tensor:
        """Embed every frame of the filter bank by the patches around it: unit vectors [B, T, D].

        The patches of one time are averaged over mel; between times the means are interpolated
        linearly.
        """
        network = _checked(network)
        features, tower = batch["fbank"], network.tower
        patches = network.embed_patches(features).mean(dim=2)  # [B, P, D]
        centres = patch_centres(
            network.num_segments,
            tower.input_size[0],
            tower.grid_size[0],
            tower.conv1.kernel_size[0],
            tower.stride[0],
        )
        frames = spread_patches(patches, centres, features.shape[1])  # [B, T, D]
        return functional.normalize(frames, dim=-1)

    def score_phrase(self, frames: Tensor, phrase: Tensor) -> dict[str, Tensor]:
        """Score the frames [T, D] of one clip against the vector [1, D] of a phrase: [T].

        By (1 + cosine) / 2: nothing here trained cosines to be positive, so a clamp at 0, as of
        frames and words, would make frames equal that are not.
        """
        return {"mean": ((1 + frames @ phrase[0]) / 2).clamp(0, 1)}

    def logit_scale(self, network: nn.Module) -> float:
        """Return exp(s), the factor on the cosines."""
        return float(network.get_parameter("log_scale").detach().exp())


def _checked(network: nn.Module) -> FrameMatchNetwork:
    if not isinstance(network, FrameMatchNetwork):
        raise TypeError(f"expected a FrameMatchNetwork, not {type(network).__name__}")
    return network


def _check_shapes(taken: dict[str, Tensor], network: nn.Module) -> None:
    """Refuse weights of another tower with one line that names the first that differs."""
    wanted = {n: w for n, w in network.state_dict().items() if n.startswith("tower.")}
    for name in sorted(set(wanted) | set(taken)):
        shapes = [
            tuple(weights[name].shape) if name in weights else "nothing"
            for weights in (taken, wanted)
        ]
        if shapes[0] != shapes[1]:
            raise HearsayError(
                f"the stage before left a network of another tower: {name} is {shapes[0]} there "
                f"and {shapes[1]} here; train that stage again with this config"
            )
