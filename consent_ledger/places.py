"""How a protected place is found again in whatever anybody writes, without keeping the place itself.

What names a place (each address line, each other name, the postcode, the property number) is spelt without
case, accents, punctuation and spaces, and kept as keyed labels. Text is searched by labelling every run of
its words that has the length of something protected. So "7, Mill-Lane" is found as "7 Mill Ln", and
"17 Mill Lane" is another place. What is not found: a description, a distance, a number spelt as a word.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

LEAST = 4
"""Letters and digits that a name must have: less could not be told from ordinary words."""

_WORD = re.compile(r"[^\W_]+")
_SHORTER = {
    "apartment": "flat",
    "apt": "flat",
    "avenue": "ave",
    "av": "ave",
    "close": "cl",
    "court": "ct",
    "crescent": "cres",
    "drive": "dr",
    "gardens": "gdns",
    "grove": "gr",
    "house": "hse",
    "lane": "ln",
    "number": "no",
    "place": "pl",
    "road": "rd",
    "saint": "st",
    "square": "sq",
    "street": "st",
    "terrace": "tce",
    "terr": "tce",
}
"""Words that addresses shorten, each to one spelling."""


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(one for one in folded if not unicodedata.combining(one)))


def _shortened(word: str) -> str:
    if word.isdigit():
        return word.lstrip("0") or "0"
    return _SHORTER.get(word, word)


def _spellings(text: str) -> Iterator[list[str]]:
    """The text's words as they stand; and shortened, where that differs."""
    words = _words(text)
    yield words
    shortened = [_shortened(word) for word in words]
    if shortened != words:
        yield shortened


def spelt(names: Iterable[str]) -> frozenset[str]:
    """What the names of a place are searched by. Names that say too little are left out: see `LEAST`."""
    every = ("".join(words) for name in names for words in _spellings(name))
    return frozenset(one for one in every if len(one) >= LEAST)


def says_enough(name: str) -> bool:
    """Whether a name can be searched for."""
    return bool(spelt([name]))


def candidates(text: str, sizes: frozenset[int]) -> Iterator[str]:
    """Every run of the text's words whose length, written together, is one of `sizes`."""
    longest = max(sizes, default=0)
    for words in _spellings(text):
        for first in range(len(words)):
            run = ""
            for word in words[first:]:
                run += word
                if len(run) > longest:
                    break
                if len(run) in sizes:
                    yield run
