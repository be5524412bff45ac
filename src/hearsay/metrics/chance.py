"""The exact level of chance: what a random order of the candidates scores on average.

With C candidates of which r are relevant, the best rank R of a uniformly random order has
P(R > k) = C(C-k, r) / C(C, r), the hypergeometric probability of none among the first k.
Queries may have different r: shares and precisions are averaged over them.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from math import comb

from hearsay.errors import HearsayError
from hearsay.metrics.retrieval import CUTOFF


def chance_recall_at(num_candidates: int, num_relevant: Iterable[int], k: int) -> float:
    """Return the expected R@k of a random order.

    Args:
        num_candidates: C.
        num_relevant: r of every query, each from 1 to C.
        k: the cutoff; 1 from k = C - r + 1 on.

    Raises:
        HearsayError: no query, or an r outside 1..C.
    """
    return float(_best_within(num_candidates, _count(num_candidates, num_relevant), k))


def chance_median_rank(num_candidates: int, num_relevant: Iterable[int]) -> float:
    """Return the median of the best rank under a random order, over queries and orders.

    Where the distribution reaches exactly one half at a rank, the mean of that rank and the next
    one, as `median_rank` does for an even number of queries: (C + 1) / 2 for one relevant
    candidate.
    """
    counts = _count(num_candidates, num_relevant)
    half = Fraction(1, 2)
    lower = _first_rank(num_candidates, lambda k: _best_within(num_candidates, counts, k) >= half)
    upper = _first_rank(num_candidates, lambda k: _best_within(num_candidates, counts, k) > half)
    return (lower + upper) / 2


def chance_map_at_10(num_candidates: int, num_relevant: Iterable[int]) -> float:
    """Return the expected mAP@10 of a random order.

    The candidate at position k is relevant with r / C, and then each of the k - 1 before it with
    (r - 1) / (C - 1); so the expected term is r / C * (1 + (k - 1)(r - 1) / (C - 1)) / k.
    """
    counts = _count(num_candidates, num_relevant)
    total = Fraction(0)
    for relevant, queries in counts.items():
        others = Fraction(relevant - 1, max(num_candidates - 1, 1))
        terms = (
            Fraction(relevant, num_candidates) * (1 + (k - 1) * others) / k
            for k in range(1, min(CUTOFF, num_candidates) + 1)
        )
        total += queries * sum(terms, Fraction(0)) / min(CUTOFF, relevant)
    return float(total / sum(counts.values()))


def chance_level(metric: str, num_candidates: int, num_relevant: Iterable[int]) -> float:
    """Return the chance level of R@k, median_rank or mAP@10.

    Raises:
        HearsayError: another metric.
    """
    if metric.startswith("R@") and metric[2:].isdigit():
        return chance_recall_at(num_candidates, num_relevant, int(metric[2:]))
    if metric == "median_rank":
        return chance_median_rank(num_candidates, num_relevant)
    if metric == "mAP@10":
        return chance_map_at_10(num_candidates, num_relevant)
    raise HearsayError(f"no chance level is known for the metric {metric!r}")


def _count(num_candidates: int, num_relevant: Iterable[int]) -> Counter[int]:
    counts = Counter(int(relevant) for relevant in num_relevant)
    wrong = [relevant for relevant in counts if not 1 <= relevant <= num_candidates]
    if wrong or not counts:
        raise HearsayError(
            f"chance needs queries with 1 to {num_candidates} relevant candidates, not "
            f"{wrong[0] if wrong else 'an empty list'}"
        )
    return counts


def _best_within(num_candidates: int, counts: Counter[int], k: int) -> Fraction:
    """Return P(R <= k), averaged over the queries; exact, since medians hang on equality."""
    missed = sum(
        (
            queries
            * Fraction(
                comb(max(num_candidates - k, 0), relevant),
                comb(num_candidates, relevant),
            )
            for relevant, queries in counts.items()
        ),
        Fraction(0),
    )
    return 1 - missed / sum(counts.values())


def _first_rank(num_candidates: int, reached: Callable[[int], bool]) -> int:
    """Return the first rank in 1..C where a condition holds that then goes on holding."""
    low, high = 1, num_candidates
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    return low
