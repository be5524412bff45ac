import torch

from hearsay.methods.batch_part import BatchPart
from hearsay.methods.masks import draw_spans, mask_features


def make_part(seed: int = 0, rank: int = 0, size: int = 1) -> BatchPart:
    return BatchPart(torch.Generator().manual_seed(seed), rank, size)


def test_each_clip_has_one_span_shorter_than_the_limit() -> None:
    spans = draw_spans(5000, 40, 8, make_part())
    widths = spans.sum(dim=1)
    assert widths.min() == 0 and widths.max() == 7
    # One stretch: at most one place where a row goes from unmasked to masked.
    padded = torch.cat([torch.zeros(5000, 1, dtype=torch.bool), spans], dim=1)
    assert (padded[:, 1:] & ~padded[:, :-1]).sum(dim=1).max() == 1


def test_widths_and_starts_are_uniform() -> None:
    spans = draw_spans(40000, 10, 4, make_part())
    widths = spans.sum(dim=1)
    counts = torch.bincount(widths, minlength=4) / 40000
    torch.testing.assert_close(counts, torch.full((4,), 0.25), atol=0.01, rtol=0)
    starts = spans[widths == 3].float().argmax(dim=1)
    shares = torch.bincount(starts, minlength=8) / len(starts)
    torch.testing.assert_close(shares, torch.full((8,), 1 / 8), atol=0.015, rtol=0)


def test_masks_fill_with_zero_and_leave_the_rest() -> None:
    features = torch.randn(6, 50, 20) + 10
    before = features.clone()
    masked = mask_features(features, max_bins=8, max_frames=20, part=make_part(1))
    assert torch.equal(features, before)
    hidden = masked != features
    assert (masked[hidden] == 0).all()
    # A band hides a bin in every frame, a stretch a frame in every bin.
    for clip in hidden:
        bands, stretches = clip.all(dim=0), clip.all(dim=1)
        assert torch.equal(clip, bands[None, :] | stretches[:, None])
    assert len({tuple(clip.flatten().tolist()) for clip in hidden}) > 1


def test_the_same_seed_gives_the_same_masks() -> None:
    features = torch.ones(4, 30, 12)
    first, second, other = (mask_features(features, 6, 10, make_part(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_limits_of_one_mask_nothing_and_limits_beyond_the_size_hold() -> None:
    features = torch.ones(200, 5, 4)
    assert torch.equal(mask_features(features, 1, 0, make_part()), features)
    assert draw_spans(2000, 5, 200, make_part()).sum(dim=1).max() == 5


def test_processes_together_mask_as_one_alone() -> None:
    features = torch.ones(6, 30, 12)
    whole = mask_features(features, 6, 10, make_part())
    halves = [mask_features(features[:3], 6, 10, make_part(rank=rank, size=2)) for rank in (0, 1)]
    assert torch.equal(whole, torch.cat(halves))
