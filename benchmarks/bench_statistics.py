"""How often intervals hold the truth and tests are wrong, on simulated ranks of known truth.

    python benchmarks/bench_statistics.py                    # 4,000 replications, two minutes
    python benchmarks/bench_statistics.py --replications 200

A clip is hard or easy and its five captions share half of that, so that captions are no
independent queries; a rank is drawn so that every recall and the median of the population are
known exactly. Each replication is a test set of its own and goes through the functions that the
scores and comparisons.csv come from. Writes results/benchmarks/bench_statistics.json.
tests/metrics/test_simulations.py holds the same rates to the bounds of a binomial.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hearsay.metrics.bootstrap import bootstrap_interval, paired_differences, pooled_intervals
from hearsay.metrics.holm import holm
from hearsay.metrics.student import paired_t_test

NUM_CLIPS, CAPTIONS_A_CLIP = 150, 5
CLIPS = np.repeat(np.arange(NUM_CLIPS), CAPTIONS_A_CLIP)  # [Q], the clip of each query
CENTRE, WIDTH = math.log(18.5), 1.6  # of the logarithm of a rank
SHARED = 0.5  # of a rank's variance: what the captions of a clip have in common
MEDIAN = 19.0  # of the population: P(rank <= 18) < 1/2 < P(rank <= 19)
NUM_RESAMPLES = 500  # behind an interval or one test
LEVEL = 0.05
LUCK = 0.05  # of a training: 1.9 points of R@10; with its own misses, seeds then spread by 2.8

NUM_METHODS, RECALLS = 5, (1, 5, 10)  # against one reference; two galleries, as the two directions
FAMILY_RESAMPLES = 2000  # 30 comparisons: 1,200 at least


def share_within(k: int, centre: float = CENTRE) -> float:
    """Return the population's recall: P(rank <= k)."""
    return 0.5 * (1 + math.erf((math.log(k) - centre) / WIDTH / math.sqrt(2)))


def ranks_of(latent: NDArray[np.float64], centre: float = CENTRE) -> NDArray[np.float64]:
    """Turn standard normal difficulties into ranks."""
    return np.ceil(np.exp(centre + WIDTH * latent))


def difficulties(
    generator: np.random.Generator, shape: tuple[int, ...], of_clips: float
) -> NDArray[np.float64]:
    """Draw standard normal difficulties [*shape, Q], a share `of_clips` of the variance by clip."""
    clips = generator.normal(size=(*shape, NUM_CLIPS))
    own = generator.normal(size=(*shape, len(CLIPS)))
    return math.sqrt(of_clips) * clips[..., CLIPS] + math.sqrt(1 - of_clips) * own


def recall_covered(generator: np.random.Generator, clusters: NDArray[np.int64]) -> bool:
    """Say whether the interval of R@5 holds the population's."""
    hits = ranks_of(difficulties(generator, (), SHARED)) <= 5
    low, high = bootstrap_interval(hits, clusters, "mean", NUM_RESAMPLES, seed=0)
    return low <= share_within(5) <= high


def median_covered(generator: np.random.Generator, clusters: NDArray[np.int64]) -> bool:
    """Say whether the interval of the median rank holds the population's."""
    ranks = ranks_of(difficulties(generator, (), SHARED))
    low, high = bootstrap_interval(ranks, clusters, "median", NUM_RESAMPLES, seed=0)
    return low <= MEDIAN <= high


def f1_covered(generator: np.random.Generator, clusters: NDArray[np.int64]) -> bool:
    """Say whether the interval of F1 of frames, pooled over all phrases, holds the population's.

    A phrase has 5 to 60 labelled frames; a clip has one probability that they are found, Beta(3,
    2), and one rate of false frames, an exponential of mean 12.
    """
    found = generator.beta(3, 2, size=NUM_CLIPS)[CLIPS]
    labelled = generator.integers(5, 60, size=len(CLIPS), endpoint=True)
    right = generator.binomial(labelled, found)
    active = right + generator.poisson(generator.exponential(12, size=NUM_CLIPS)[CLIPS])
    sums = np.stack([right, active, labelled], axis=1)
    [(low, high)] = pooled_intervals(
        sums, clusters, lambda s: 2 * s[:, :1] / (s[:, 1:2] + s[:, 2:]), NUM_RESAMPLES, seed=0
    )
    mean_labelled = (5 + 60) / 2
    truth = 2 * 0.6 * mean_labelled / (0.6 * mean_labelled + 12 + mean_labelled)
    return low <= truth <= high


def falsely_marked(
    generator: np.random.Generator, clusters: NDArray[np.int64], statistic: str = "mean"
) -> bool:
    """Say whether the paired bootstrap tells two methods apart that are equally good.

    Both are three networks; all six find the same clips hard, and each has luck of its own.
    """
    shared = difficulties(generator, (), SHARED)
    own = difficulties(generator, (2, 3), SHARED)
    ranks = ranks_of(math.sqrt(0.4) * shared + math.sqrt(0.6) * own)  # [2, 3, Q]
    values = ranks if statistic == "median" else ranks <= 10
    name = "median" if statistic == "median" else "mean"
    [found] = paired_differences(values, [(0, 1)], clusters, name, NUM_RESAMPLES, seed=0)
    return found.p_value < LEVEL


def trained_values(
    generator: np.random.Generator, num_methods: int, num_seeds: int, luck: float
) -> NDArray[np.float64]:
    """Draw hits at 10 of methods that are equally good but for the luck of each training.

    Args:
        generator: of the draws.
        num_methods: K.
        num_seeds: S.
        luck: standard deviation of a training, in those of a rank's logarithm.

    Returns:
        [K, S, Q].
    """
    shared = difficulties(generator, (), SHARED)
    own = difficulties(generator, (num_methods, num_seeds), SHARED)
    trained = luck * generator.normal(size=(num_methods, num_seeds, 1))
    ranks = ranks_of(math.sqrt(0.4) * shared + math.sqrt(0.6) * own + trained)
    return (ranks <= 10).astype(np.float64)


def t_falsely_marked(generator: np.random.Generator, num_seeds: int, luck: float = LUCK) -> bool:
    """Say whether the t-test over seeds tells two methods apart that are equally good."""
    recalls = trained_values(generator, 2, num_seeds, luck).mean(axis=2)  # [2, S]
    return paired_t_test(recalls[1] - recalls[0]).p_value < LEVEL


def q_marks_luck(generator: np.random.Generator, luck: float = LUCK) -> bool:
    """Say whether the bootstrap over clips marks what is the luck of three trainings."""
    values = trained_values(generator, 2, 3, luck)
    [found] = paired_differences(values, [(1, 0)], CLIPS, "mean", NUM_RESAMPLES, seed=0)
    return found.p_value < LEVEL


def family_marks(generator: np.random.Generator, gain: float = 0.0) -> NDArray[np.bool_]:
    """Compare five methods with a reference in 30 recalls, as a table does.

    All answer the same queries, and R@1, R@5 and R@10 are of the same ranks, so that comparisons
    depend on each other in both ways.

    Args:
        generator: of the draws.
        gain: by which the first method is better than all others, in standard deviations of the
            logarithm of a rank; 0.3 are 12 points of R@10; 0: nothing differs.

    Returns:
        [2, 5, 6]: before and after Holm's correction, method by method.
    """
    p_values = np.empty((NUM_METHODS, 2, len(RECALLS)))
    for direction in range(2):
        shared = difficulties(generator, (), SHARED)
        own = difficulties(generator, (NUM_METHODS + 1, 1), SHARED)
        latent = math.sqrt(0.4) * shared + math.sqrt(0.6) * own  # [6, 1, Q]
        latent[1] -= gain
        ranks = ranks_of(latent)
        for column, k in enumerate(RECALLS):
            pairs = [(method, 0) for method in range(1, NUM_METHODS + 1)]
            found = paired_differences(ranks <= k, pairs, CLIPS, "mean", FAMILY_RESAMPLES, seed=0)
            p_values[:, direction, column] = [difference.p_value for difference in found]
    flat = p_values.reshape(NUM_METHODS, -1)
    return np.stack([flat, holm(flat.ravel()).reshape(flat.shape)]) < LEVEL


def rate(simulate: Callable[[np.random.Generator], bool], replications: int, seed: int) -> float:
    """Return how often a simulation says yes, each with numbers of its own."""
    streams = np.random.default_rng(seed).spawn(replications)
    return sum(simulate(stream) for stream in streams) / replications


def family_rates(replications: int, seed: int, gain: float) -> dict[str, float]:
    """Return how often a table holds a false mark, and how often the better method is marked."""
    streams = np.random.default_rng(seed).spawn(replications)
    marks = np.stack([family_marks(stream, gain) for stream in streams])  # [n, 2, 5, 6]
    equal = marks[:, :, 1:] if gain else marks
    false = equal.any(axis=(2, 3)).mean(axis=0)
    rates = {"false_uncorrected": float(false[0]), "false_corrected": float(false[1])}
    if gain:
        better = marks[:, :, 0].any(axis=2).mean(axis=0)
        rates |= {"found_uncorrected": float(better[0]), "found_corrected": float(better[1])}
    return rates


def simulate_all(replications: int, seed: int) -> dict[str, float]:
    """Return every rate of docs/statistics.md."""
    each = np.arange(len(CLIPS))  # as if every caption were a clip of its own
    simulations: dict[str, Callable[[np.random.Generator], bool]] = {
        "interval of R@5": lambda g: recall_covered(g, CLIPS),
        "interval of median rank": lambda g: median_covered(g, CLIPS),
        "interval of F1": lambda g: f1_covered(g, CLIPS),
        "interval of R@5, captions drawn singly": lambda g: recall_covered(g, each),
        "interval of median rank, captions drawn singly": lambda g: median_covered(g, each),
        "interval of F1, phrases drawn singly": lambda g: f1_covered(g, each),
        "q of R@10, no difference": lambda g: falsely_marked(g, CLIPS),
        "q of median rank, no difference": lambda g: falsely_marked(g, CLIPS, "median"),
        "q of R@10, no difference, captions drawn singly": lambda g: falsely_marked(g, each),
        "s, 3 seeds, no difference": lambda g: t_falsely_marked(g, 3),
        "s, 5 seeds, no difference": lambda g: t_falsely_marked(g, 5),
        "q where trainings alone differ": q_marks_luck,
    }
    rates = {name: rate(one, replications, seed) for name, one in simulations.items()}
    for name, gain in (("no difference", 0.0), ("one better method", 0.3)):
        found = family_rates(max(1, replications // 4), seed, gain)
        rates |= {f"table of 30, {name}: {what}": value for what, value in found.items()}
    return rates


def main() -> None:
    """Simulate, print and write the rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=4000, help="of tables a quarter")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=Path("results/benchmarks/bench_statistics.json")
    )
    arguments = parser.parse_args()
    rates = simulate_all(arguments.replications, arguments.seed)
    for name, value in rates.items():
        print(f"{100 * value:6.1f} %  {name}")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    report = {"replications": arguments.replications, "seed": arguments.seed, "rates": rates}
    arguments.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
