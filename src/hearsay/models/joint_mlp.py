"""The base network of Elizalde et al. 2019: one MLP with shared weights for sound and text."""

import torch
from torch import Tensor, nn

from hearsay.errors import HearsayError

INPUT_WIDTH = 300
WIDTHS = (1024, 512, 512, 1024)
OUTPUTS = ("relu", "linear")


class JointMLP(nn.Module):
    """Dense layers 300 → 1024 → 512 → 512 → 1024, the same weights for both modalities.

    ReLU and dropout behind each hidden layer: 1,620,992 parameters. The embeddings are not
    normalised; that comes after the training.

    Args:
        output: activation of the last layer: `relu`, which gives the sparse embeddings that the
            paper saw, or `linear`.
        dropout: share of a hidden layer's outputs that is dropped in training; the paper has 0.5.

    Raises:
        HearsayError: another activation.
    """

    def __init__(self, output: str, dropout: float) -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise HearsayError(
                f"output activation {output!r} of the joint network must be one of "
                f"{', '.join(OUTPUTS)}"
            )
        self.output = output
        inputs = [INPUT_WIDTH, *WIDTHS[:-1]]
        self.layers = nn.ModuleList(
            nn.Linear(before, after) for before, after in zip(inputs, WIDTHS, strict=True)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Embed features [B, 300] of either modality: [B, 1024].

        Raises:
            HearsayError: features of another width.
        """
        if features.shape[-1] != INPUT_WIDTH:
            raise HearsayError(
                f"the joint network takes features of {INPUT_WIDTH} dimensions, not "
                f"{features.shape[-1]}; bring them to that width first"
            )
        *hidden, last = self.layers
        x = features
        for layer in hidden:
            x = self.dropout(torch.relu(layer(x)))
        embeddings: Tensor = last(x)  # [B, 1024]
        return torch.relu(embeddings) if self.output == "relu" else embeddings
