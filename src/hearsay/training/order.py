"""The order in which an epoch shows the clips: random, and yet kind to the disk."""

import torch

WINDOW_CLIPS = 4096  # 1 GB of filter banks at the paper's size; read ahead while one is trained on


def window_size(block_size: int, window: int = WINDOW_CLIPS) -> int:
    """Return how many clips are shuffled together: whole blocks, at least one."""
    return max(window // block_size, 1) * block_size


def epoch_order(
    num_clips: int, block_size: int, generator: torch.Generator, window: int = WINDOW_CLIPS
) -> list[int]:
    """Return a permutation of the clips that can be read in blocks.

    Blocks of neighbouring clips are put in random order over the whole epoch; then the clips of
    each window of that order are shuffled. A window holds blocks from everywhere, and neighbours
    in the index are strangers, since the index itself was shuffled. A block of one clip is a
    plain shuffle.

    Args:
        num_clips: N.
        block_size: clips that lie together and are read together; 1: any clip follows any.
        generator: of the order.
        window: clips shuffled together; at least one block.
    """
    if block_size == 1:
        return torch.randperm(num_clips, generator=generator).tolist()
    num_blocks = -(-num_clips // block_size)
    order: list[int] = []
    for block in torch.randperm(num_blocks, generator=generator).tolist():
        order.extend(range(block * block_size, min((block + 1) * block_size, num_clips)))
    window = window_size(block_size, window)
    shuffled: list[int] = []
    for start in range(0, num_clips, window):
        part = order[start : start + window]
        shuffled.extend(part[i] for i in torch.randperm(len(part), generator=generator).tolist())
    return shuffled
