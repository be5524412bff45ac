"""Count the words of a data set, and say which of them have no vector."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from hearsay.annotations.tables import SPLITS
from hearsay.encoders.word_store import UNKNOWN_ROW

NUM_NAMED = 20  # unknown words, and captions without a known one, that the summary names


def count_words(
    captions: pd.DataFrame, phrases: pd.DataFrame, names: dict[str, str], rows: dict[str, int]
) -> pd.DataFrame:
    """Count each word in the captions of each split and in the phrases; known words first.

    Args:
        captions: split, words.
        phrases: words.
        names: of each word: what it is listed as.
        rows: of each name: its row.

    Returns:
        The columns of INDEX_SCHEMA.
    """

    def count(lists: Iterable[Sequence[str]]) -> Counter[str]:
        return Counter(names[word] for words in lists for word in words)

    listed = sorted(rows, key=lambda name: (rows[name] == UNKNOWN_ROW, name))
    table = pd.DataFrame({"word": listed, "row": [rows[name] for name in listed]})
    table["is_known"] = table["row"] != UNKNOWN_ROW
    for split in SPLITS:
        found = count(captions.loc[captions["split"] == split, "words"])
        table[f"count_{split}"] = [found[name] for name in listed]
    found = count(phrases["words"])
    table["count_phrases"] = [found[name] for name in listed]
    return table


def summarise(captions: pd.DataFrame, phrases: pd.DataFrame, index: pd.DataFrame) -> dict[str, Any]:
    """Count words, unknown ones and texts without a known word, by split, and name the worst.

    Args:
        captions: caption_id, split, text, rows.
        phrases: split, rows.
        index: word, is_known, count_train, count_val, count_test.
    """
    splits = {}
    for split in SPLITS:
        own = captions[captions["split"] == split]
        if own.empty:
            continue
        counts, is_known = index[f"count_{split}"], index["is_known"]
        splits[split] = {
            "tokens": int(counts.sum()),
            "unknown_tokens": int(counts[~is_known].sum()),
            "words": int((counts > 0).sum()),
            "unknown_words": int((counts[~is_known] > 0).sum()),
            "captions": _count_texts(own),
            "phrases": _count_texts(phrases[phrases["split"] == split]),
        }
    total = index[[f"count_{split}" for split in SPLITS]].sum(axis=1)
    unknown = index.assign(count=total)[~index["is_known"] & (total > 0)]
    unknown = unknown.sort_values(["count", "word"], ascending=[False, True])
    mute = captions.loc[
        [not any(rows) for rows in captions["rows"]], ["caption_id", "split", "text"]
    ]
    return {
        "splits": splits,
        "unknown": unknown[["word", "count"]].head(NUM_NAMED).to_dict("records"),
        "without_known_words": mute.head(NUM_NAMED).to_dict("records"),
    }


def _count_texts(table: pd.DataFrame) -> dict[str, int]:
    rows = table["rows"]
    return {
        "listed": len(rows),
        "without_words": sum(len(own) == 0 for own in rows),
        "only_unknown": sum(len(own) > 0 and not any(own) for own in rows),
    }
