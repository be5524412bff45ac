"""Cut captions and phrases into words, the same way for training, scoring and every table."""

import re
import unicodedata

_APOSTROPHES = str.maketrans(dict.fromkeys("’‘‛ʼ`´", "'"))
# "man 's" and "does n't", as tokenised annotations have them, are "man's" and "doesn't".
_PARTED = re.compile(r"(?<=\w)\s+(?='(?:s|m|d|re|ve|ll)\b|n't\b)", re.IGNORECASE)
_WORD = re.compile(
    r"(?P<letters>\b[^\W\d_](?:\.[^\W\d_])+\b\.?)"  # p.a.
    r"|(?P<number>\d+(?:[.,:]\d+)+)"  # 2.5  1,000  10:30
    r"|[^\W_]+(?:'[^\W_]+)*"  # a word with the apostrophes inside it
)
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
_IRREGULAR = {
    "can't": ["can", "not"],
    "won't": ["will", "not"],
    "shan't": ["shall", "not"],
    "ain't": ["is", "not"],
    "let's": ["let", "us"],
}
_PRONOUNS = {"i", "you", "he", "she", "it", "we", "they", "who", "that", "there"}
_BEFORE_IS = _PRONOUNS | {"what", "where", "when", "how", "why", "here", "this"}
_ENDINGS = {"re": "are", "ve": "have", "ll": "will", "m": "am"}


def tokenise(text: str, starts_sentence: bool = True) -> list[str]:
    """Return the words of a text: no punctuation, no possessives, no contractions.

    Whitespace, punctuation, dashes and slashes part words; "'s" goes unless it stands for "is";
    "don't" becomes "do not"; "p.a." becomes "pa"; numbers stay. The capital that begins a
    sentence is lowered, and so is a text all in capitals; other capitals stay, since some
    vectors tell "Apple" from "apple". Misspelt words stay as they are.

    Args:
        text: a caption, or a phrase of one.
        starts_sentence: false for a phrase from the middle of a caption.

    Returns:
        The words; empty where the text has none.

    >>> tokenise("It's a two-way radio; the man's voice isn't loud.")
    ['it', 'is', 'a', 'two', 'way', 'radio', 'the', 'man', 'voice', 'is', 'not', 'loud']
    """
    text = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES))
    text = _PARTED.sub("", text)
    if text.isupper() and len(text.split()) > 1:
        text = text.lower()
    words: list[str] = []
    end = 0
    for match in _WORD.finditer(text):
        starts_sentence |= any(mark in text[end : match.start()] for mark in ".!?")
        found = _expand(match)
        words += [_lower_first(found[0]), *found[1:]] if starts_sentence else found
        starts_sentence, end = False, match.end()
    return words


def spellings(word: str) -> list[str]:
    """Return the spellings to look a word up under, in order: as it is, then in lower case.

    Google News writes the digits of numbers above 9 as #, so that comes last.

    >>> spellings("30s")
    ['30s', '##s']
    """
    forms = [word, word.lower()]
    if sum(letter.isdigit() for letter in word) > 1:
        forms += [re.sub(r"\d", "#", form) for form in forms]
    return list(dict.fromkeys(forms))


def _expand(match: re.Match[str]) -> list[str]:
    if match["letters"]:
        return [match[0].replace(".", "")]
    if match["number"]:
        return [_THOUSANDS.sub("", match[0])]
    return _expand_contraction(match[0])


def _expand_contraction(word: str) -> list[str]:
    """Spell out what an apostrophe stands for; one that stands for nothing known stays."""
    host, apostrophe, ending = word.rpartition("'")
    if not apostrophe:
        return [word]
    if word.lower() in _IRREGULAR:
        first, second = _IRREGULAR[word.lower()]
        return [first.capitalize() if word[0].isupper() else first, second]
    if word.lower().endswith("n't"):
        return [word[:-3], "not"]
    ending = ending.lower()
    if ending == "s":
        return [host, "is"] if host.lower() in _BEFORE_IS else _expand_contraction(host)
    if ending == "d" and host.lower() in _PRONOUNS:
        return [host, "would"]
    if ending in _ENDINGS:
        return [*_expand_contraction(host), _ENDINGS[ending]]
    return [word]


def _lower_first(word: str) -> str:
    """Lower the capital of "Dog", but not those of "TV" and "I"."""
    return word if word == "I" or word[1:] != word[1:].lower() else word.lower()
