"""Tokens of NLTK, as data sets give them, against the words of a caption."""

from itertools import accumulate

import numpy as np


def spell(tokens: list[str]) -> str:
    """Join tokens of NLTK to a sentence: no space before punctuation, "'s" and "n't"."""
    text = tokens[0]
    for token in tokens[1:]:
        clings = token.startswith("'") or token == "n't" or all(c in ",.;:!?" for c in token)
        text += token if clings else f" {token}"
    return text


def words_of_tokens(tokens: list[str], text: str) -> list[int]:
    """Return in which whitespace word of `text` each token begins, counted from 0.

    Raises:
        ValueError: the tokens do not spell the text.
    """
    words = text.split()
    if "".join(tokens) != "".join(words):
        raise ValueError(f"the tokens do not spell {text!r}")
    ends = list(accumulate(len(word) for word in words))
    starts = [0, *accumulate(len(token) for token in tokens[:-1])]
    return [int(word) for word in np.searchsorted(ends, starts, side="right")]
