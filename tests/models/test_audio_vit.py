import math
from typing import Any

import pytest
import torch
from open_clip.model import CLIP
from torch import Tensor

from hearsay.encoders.image_tower import ImageTower, make_image_tower
from hearsay.errors import HearsayError
from hearsay.models.audio_vit import AudioViT, resize_positions
from hearsay.models.transformer import Attention, Block

VISION = {"image_size": 24, "patch_size": 8, "width": 16, "layers": 2, "head_width": 8}
TEXT = {"context_length": 8, "vocab_size": 50, "width": 16, "heads": 2, "layers": 1}


def make_clip(**vision: Any) -> CLIP:
    return CLIP(12, {**VISION, **vision}, dict(TEXT), quick_gelu=True)


def tower_of(clip: CLIP, **vision: Any) -> ImageTower:
    model = {"embed_dim": 12, "vision_cfg": {**VISION, **vision}, "quick_gelu": True}
    return make_image_tower("small", model, clip.state_dict())


def random_clip() -> CLIP:
    torch.manual_seed(0)
    clip = make_clip()
    for weight in clip.parameters():  # no ones and zeros: a swapped norm or bias must show
        weight.data.add_(0.1 * torch.randn_like(weight))
    return clip


def random_tower() -> ImageTower:
    return tower_of(random_clip())


def naive_forward(state: dict[str, Tensor], features: Tensor, strides: tuple[int, int]) -> Tensor:
    """Recompute the tower with loops over patches, heads and layers, from its weights alone."""
    patch, width = state["conv1.weight"].shape[-1], state["class_embedding"].shape[0]
    num_frames, num_bins = features.shape[2:]
    kernels = (state["conv1.weight"][:, 0] + state["conv1.weight"][:, 1]
               + state["conv1.weight"][:, 2]) / 3  # fmt: skip
    embedded = []
    for clip in features[:, 0]:
        tokens = [state["class_embedding"]]
        for time in range(0, num_frames - patch + 1, strides[0]):
            for mel in range(0, num_bins - patch + 1, strides[1]):
                block = clip[time : time + patch, mel : mel + patch]
                tokens.append(torch.stack([(kernel * block).sum() for kernel in kernels]))
        x = torch.stack(tokens) + state["positional_embedding"]
        x = norm(x, state, "ln_pre")
        for layer in range(2):
            name = f"blocks.{layer}."
            x = x + attend(norm(x, state, name + "ln_1"), state, name + "attn.", width // 2)
            hidden = norm(x, state, name + "ln_2") @ state[name + "mlp.c_fc.weight"].T
            hidden = hidden + state[name + "mlp.c_fc.bias"]
            hidden = hidden / (1 + torch.exp(-1.702 * hidden))  # QuickGELU
            x = x + hidden @ state[name + "mlp.c_proj.weight"].T + state[name + "mlp.c_proj.bias"]
        embedded.append(norm(x[0], state, "ln_post") @ state["proj"])
    return torch.stack(embedded)


def norm(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    deviation = torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)
    return centred / deviation * state[name + ".weight"] + state[name + ".bias"]


def attend(x: Tensor, state: dict[str, Tensor], name: str, head_width: int) -> Tensor:
    q, k, v = (x @ state[name + "in_proj.weight"].T + state[name + "in_proj.bias"]).chunk(3, -1)
    heads = []
    for start in range(0, x.shape[1], head_width):
        part = slice(start, start + head_width)
        weights = torch.softmax(q[:, part] @ k[:, part].T / math.sqrt(head_width), dim=-1)
        heads.append(weights @ v[:, part])
    joined = torch.cat(heads, dim=-1)
    return joined @ state[name + "out_proj.weight"].T + state[name + "out_proj.bias"]


def test_paper_size_has_306_tokens_and_88045824_parameters() -> None:
    with torch.device("meta"):
        sizes = {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}
        clip = CLIP(512, sizes, dict(TEXT), quick_gelu=True)
        model = {"embed_dim": 512, "vision_cfg": sizes, "quick_gelu": True}
        image_tower = make_image_tower("paper", model, clip.state_dict())
        tower = AudioViT(image_tower, num_frames=1000, num_bins=128, time_stride=16, mel_stride=24)
    assert tower.grid_size == (61, 5)
    assert tower.num_tokens == 306
    assert sum(weight.numel() for weight in tower.parameters()) == 88_045_824
    assert all(weight.requires_grad for weight in tower.parameters())


def test_output_equals_a_naive_reference() -> None:
    tower = AudioViT(random_tower(), num_frames=30, num_bins=16, time_stride=5, mel_stride=4)
    assert tower.grid_size == (5, 3)
    features = torch.randn(2, 1, 30, 16)
    expected = naive_forward(tower.state_dict(), features, (5, 4))
    assert expected.shape == (2, 12)
    torch.testing.assert_close(tower(features), expected, rtol=0, atol=1e-5)


def test_the_first_token_alone_has_the_output_and_the_gradients_of_the_whole_layer() -> None:
    torch.manual_seed(0)
    block = Block(16, 2, 64, quick_gelu=True).double()
    x = torch.randn(3, 7, 16, dtype=torch.float64, requires_grad=True)
    results = []
    for first in (block(x)[:, :1], block.first(x)):
        block.zero_grad()
        x.grad = None
        first.square().sum().backward()
        gradients = [x.grad.clone()] + [weight.grad.clone() for weight in block.parameters()]
        results.append([first.detach(), *gradients])
    for whole, alone in zip(*results, strict=True):
        torch.testing.assert_close(alone, whole)


def test_patches_are_the_values_of_the_last_layer() -> None:
    tower = AudioViT(random_tower(), num_frames=30, num_bins=16, time_stride=5, mel_stride=4)
    features, state = torch.randn(2, 1, 30, 16), tower.state_dict()
    seen: list[Tensor] = []
    tower.blocks[-2].register_forward_hook(lambda _, inputs, output: seen.append(output))
    tower(features)
    x = norm(seen[0], state, "blocks.1.ln_1")[:, 1:]
    name = "blocks.1.attn."
    value = x @ state[name + "in_proj.weight"][32:].T + state[name + "in_proj.bias"][32:]
    value = value @ state[name + "out_proj.weight"].T + state[name + "out_proj.bias"]
    expected = norm(value, state, "ln_post") @ state["proj"]  # [B, P, D], time over mel
    patches = tower.embed_patches(features)
    assert patches.shape == (2, 5, 3, 12)
    torch.testing.assert_close(patches.reshape(2, 15, 12), expected, rtol=0, atol=1e-5)


def test_attention_to_nothing_but_oneself_is_the_value() -> None:
    torch.manual_seed(0)
    attention, tokens = Attention(8, 2), torch.randn(5, 1, 8)  # each token alone in its row
    torch.testing.assert_close(attention.values(tokens), attention(tokens))


def test_in_a_tower_of_one_layer_each_patch_hears_its_own_place_alone() -> None:
    torch.manual_seed(0)
    sizes = {"layers": 1}
    tower = AudioViT(tower_of(make_clip(**sizes), **sizes), 32, 16, time_stride=8, mel_stride=8)
    before = torch.randn(1, 1, 32, 16)
    after = before.clone()
    after[:, :, 16:24, 8:] += 1
    moved = (tower.embed_patches(after) != tower.embed_patches(before)).any(dim=-1)[0]
    assert moved.tolist() == [[False, False], [False, False], [False, True], [False, False]]


def test_mean_over_channels_equals_a_third_of_the_input_in_all_three() -> None:
    clip = random_clip()
    tower = AudioViT(tower_of(clip), num_frames=24, num_bins=24, time_stride=8, mel_stride=8)
    features = torch.randn(3, 1, 24, 24)
    # The same grid as the image tower's, so open_clip's own tower is the reference.
    expected = clip.visual((features / 3).expand(-1, 3, -1, -1))
    torch.testing.assert_close(tower(features), expected, rtol=0, atol=1e-5)


def test_mean_over_channels_is_recomputed_and_trains_all_three() -> None:
    tower = AudioViT(random_tower(), num_frames=24, num_bins=24, time_stride=8, mel_stride=8)
    features = torch.randn(1, 1, 24, 24)
    before = tower(features)
    before.square().sum().backward()
    gradient = tower.conv1.weight.grad
    assert gradient is not None and (gradient.abs().sum(dim=(0, 2, 3)) > 0).all()
    with torch.no_grad():
        tower.conv1.weight[:, 2] *= 2.0
    assert not torch.allclose(tower(features), before)


def test_changing_the_audio_tower_leaves_the_image_tower_alone() -> None:
    image_tower = random_tower()
    before = {name: value.clone() for name, value in image_tower.state.items()}
    tower = AudioViT(image_tower, num_frames=24, num_bins=24, time_stride=8, mel_stride=8)
    with torch.no_grad():
        for weight in tower.parameters():
            weight.add_(1.0)
    assert all(torch.equal(value, before[n]) for n, value in image_tower.state.items())


def test_positions_are_resized_bilinearly_without_aligned_corners() -> None:
    # A 1 x 2 grid of the values 0 and 1 to 1 x 4: centres at -1/4, 1/4, 3/4, 5/4, edges held.
    positions = torch.tensor([[7.0], [0.0], [1.0]])
    resized = resize_positions(positions, (1, 2), (1, 4))
    torch.testing.assert_close(resized[:, 0], torch.tensor([7.0, 0.0, 0.25, 0.75, 1.0]))


def test_positions_run_over_time_first() -> None:
    grid = torch.tensor([[0.0, 1.0], [10.0, 11.0]])
    resized = resize_positions(torch.cat([torch.zeros(1), grid.flatten()])[:, None], (2, 2), (2, 2))
    torch.testing.assert_close(resized[1:, 0], grid.flatten())


def test_a_segment_of_250_frames_has_71_tokens_at_paper_strides() -> None:
    with torch.device("meta"):
        sizes = {"image_size": 224, "patch_size": 32}
        image_tower = tower_of(make_clip(**sizes), **sizes)
        tower = AudioViT(image_tower, num_frames=250, num_bins=128, time_stride=16, mel_stride=24)
    assert tower.grid_size == (14, 5)
    assert tower.num_tokens == 71


@pytest.mark.parametrize("shape", [(2, 1, 29, 16), (2, 3, 30, 16), (2, 30, 16)])
def test_features_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    tower = AudioViT(random_tower(), num_frames=30, num_bins=16, time_stride=5, mel_stride=4)
    with pytest.raises(HearsayError, match="30, 16"):
        tower(torch.zeros(shape))


def test_inputs_smaller_than_a_patch_and_other_towers_are_refused() -> None:
    with pytest.raises(HearsayError, match="smaller than a patch"):
        AudioViT(random_tower(), num_frames=7, num_bins=16, time_stride=5, mel_stride=4)
    sizes = {"image_size": 32, "layers": [1, 1, 1, 1]}
    with pytest.raises(HearsayError, match="class token"):
        tower_of(make_clip(**sizes), **sizes)
    with pytest.raises(HearsayError, match="class token"):
        tower_of(make_clip(), attentional_pool=True)


@pytest.mark.parametrize("quick", [True, False])
def test_activation_is_that_of_the_image_tower(quick: bool) -> None:
    torch.manual_seed(0)
    clip = CLIP(12, dict(VISION), dict(TEXT), quick_gelu=quick)
    model = {"embed_dim": 12, "vision_cfg": VISION, "quick_gelu": quick}
    image_tower = make_image_tower("small", model, clip.state_dict())
    tower = AudioViT(image_tower, num_frames=24, num_bins=24, time_stride=8, mel_stride=8)
    pictures = 5 * torch.randn(3, 1, 24, 24)
    expected = clip.visual((pictures / 3).expand(-1, 3, -1, -1))
    torch.testing.assert_close(tower(pictures), expected, rtol=0, atol=1e-5)


def test_bfloat16_stays_near_float32() -> None:
    tower = AudioViT(random_tower(), num_frames=30, num_bins=16, time_stride=5, mel_stride=4)
    features = torch.randn(4, 1, 30, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = tower(features)
    cosines = torch.nn.functional.cosine_similarity(half.float(), tower(features))
    assert half.dtype == torch.bfloat16 and cosines.min() > 0.999
