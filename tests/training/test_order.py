import torch

from hearsay.training.order import epoch_order


def make_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_an_order_shows_every_clip_once() -> None:
    for num_clips, block, window in ((1, 1, 8), (103, 1, 8), (103, 8, 16), (103, 8, 4), (5, 8, 2)):
        order = epoch_order(num_clips, block, make_generator(), window)
        assert sorted(order) == list(range(num_clips))


def test_blocks_come_from_everywhere_and_stay_within_one_window() -> None:
    order = epoch_order(1000, 10, make_generator(), window=100)
    windows = [order[start : start + 100] for start in range(0, 1000, 100)]
    for window in windows:
        blocks = {clip // 10 for clip in window}
        assert len(blocks) == 10, "each block is read whole, in one window"
        assert max(blocks) - min(blocks) > 30
        assert window != sorted(window)


def test_positions_are_uniform_over_the_epoch() -> None:
    # Where clip 0 stands, over many orders: each tenth of the epoch as often.
    places = [epoch_order(200, 8, make_generator(s), window=32).index(0) for s in range(2000)]
    shares = torch.bincount(torch.tensor(places) // 20, minlength=10) / 2000
    assert shares.min() > 0.07 and shares.max() < 0.13


def test_another_seed_gives_another_order() -> None:
    assert epoch_order(50, 4, make_generator(0)) == epoch_order(50, 4, make_generator(0))
    assert epoch_order(50, 4, make_generator(0)) != epoch_order(50, 4, make_generator(1))
