"""The layers of a pre-norm vision transformer, as CLIP has them."""

from torch import Tensor, nn
from torch.nn import functional

QUICK_GELU_SCALE = 1.702


class LayerNorm(nn.LayerNorm):
    """Layer norm that returns the type that it was given.

    Autocast would otherwise leave the residual stream in float32, twice the traffic.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of x."""
        return super().forward(x).to(x.dtype)


class Attention(nn.Module):
    """Self-attention of every token to every token.

    Args:
        width: W, of a token.
        num_heads: divides W.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens [B, P, W] to tokens [B, P, W]."""
        q, k, v = self.in_proj(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        joined = functional.scaled_dot_product_attention(q, k, v)  # [B, heads, P, W / heads]
        attended: Tensor = self.out_proj(joined.transpose(1, 2).flatten(2))
        return attended

    def first(self, x: Tensor) -> Tensor:
        """Return what `forward` makes of the first token: [B, 1, W]."""
        width = x.shape[-1]
        weight, bias = self.in_proj.weight, self.in_proj.bias
        q = functional.linear(x[:, :1], weight[:width], bias[:width])  # [B, 1, W]
        k, v = functional.linear(x, weight[width:], bias[width:]).chunk(2, dim=-1)  # [B, P, W]
        q, k, v = (self._part(y) for y in (q, k, v))
        joined = functional.scaled_dot_product_attention(q, k, v)  # [B, heads, 1, W / heads]
        attended: Tensor = self.out_proj(joined.transpose(1, 2).flatten(2))
        return attended

    def _part(self, x: Tensor) -> Tensor:
        """Part tokens [B, P, W] into heads [B, heads, P, W / heads]."""
        return x.view(*x.shape[:2], self.num_heads, -1).transpose(1, 2)

    def values(self, x: Tensor) -> Tensor:
        """Map tokens [B, P, W] as if each attended to itself alone: [B, P, W]."""
        weight, bias = (wanted.chunk(3)[2] for wanted in (self.in_proj.weight, self.in_proj.bias))
        offered: Tensor = self.out_proj(functional.linear(x, weight, bias))
        return offered


class Mlp(nn.Module):
    """Two linear layers with a GELU, or CLIP's approximation of it, between them."""

    def __init__(self, width: int, hidden: int, quick_gelu: bool) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, hidden)
        self.c_proj = nn.Linear(hidden, width)
        self.quick_gelu = quick_gelu

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens [B, P, W] to tokens [B, P, W]."""
        if not self.quick_gelu:
            projected: Tensor = self.c_proj(functional.gelu(self.c_fc(x)))
            return projected
        # x · sigmoid(1.702 x) is silu(1.702 x) / 1.702, a kernel that keeps one tensor instead of
        # three; both factors go into the weights, which are smaller than the tokens.
        scale = QUICK_GELU_SCALE
        hidden = functional.linear(x, scale * self.c_fc.weight, scale * self.c_fc.bias)
        return functional.linear(
            functional.silu(hidden), self.c_proj.weight / scale, self.c_proj.bias
        )


class Block(nn.Module):
    """One layer: attention, then an MLP, each added to its normalised input."""

    def __init__(self, width: int, num_heads: int, mlp_width: int, quick_gelu: bool) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(width)
        self.attn = Attention(width, num_heads)
        self.ln_2 = LayerNorm(width)
        self.mlp = Mlp(width, mlp_width, quick_gelu)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens [B, P, W] to tokens [B, P, W]."""
        x = x + self.attn(self.ln_1(x))
        x = x + self.mlp(self.ln_2(x))
        return x

    def first(self, x: Tensor) -> Tensor:
        """Return the first token of `forward`, [B, 1, W], for a sixth of its products."""
        x = x[:, :1] + self.attn.first(self.ln_1(x))
        x = x + self.mlp(self.ln_2(x))
        return x


def from_open_clip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of open_clip's VisionTransformer to those of this module's layers."""
    renamed = {}
    for name, weight in state.items():
        own = name.replace("transformer.resblocks.", "blocks.")
        own = own.replace("attn.in_proj_", "attn.in_proj.")
        renamed[own] = weight
    return renamed
