"""The words of a code, however its system writes them: `CountryOfBirth`, `country_of_birth`."""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

Phrase = tuple[str, ...]


@lru_cache(maxsize=8192)
def words_of(written: str) -> Phrase:
    """Its words and numbers in small letters, in order."""
    return tuple(word.lower() for word in _WORD.findall(written))


def phrases(*written: str) -> frozenset[Phrase]:
    """Each as its words."""
    return frozenset(words_of(one) for one in written)


@lru_cache(maxsize=8192)
def holds(words: Phrase, sought: frozenset[Phrase]) -> bool:
    """Whether the words of one of those that are sought stand in them, side by side.

    Kept: forms ask the same questions again and again, and each is held against some fifty phrases.
    """
    return any(
        words[at : at + len(phrase)] == phrase
        for phrase in sought
        for at in range(len(words) - len(phrase) + 1)
    )
