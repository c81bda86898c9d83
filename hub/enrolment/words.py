"""Six words by which two people read the same key to one another over the telephone.

They are the first 66 bits of the SHA-256 over the key's SubjectPublicKeyInfo, 11 bits a word. The list is
part of the contract (`six_words.txt`): BIP 39's, without words that nobody should have to read out in a
hostel, and each word is known by its first four letters.
"""

from functools import cache
from importlib.resources import files

BITS_A_WORD = 11
WORDS = 6


@cache
def word_list() -> tuple[str, ...]:
    """The 2,048 words, in order."""
    found = (files("oncetold.v1") / "six_words.txt").read_text(encoding="ascii").split()
    if len(found) != 2**BITS_A_WORD:
        raise ValueError("the list of words is not whole")
    return tuple(found)


def six_words(public_key_sha256: bytes) -> tuple[str, ...]:
    """A key's words, from the SHA-256 of its SubjectPublicKeyInfo (32 bytes)."""
    bits = int.from_bytes(public_key_sha256) >> (256 - WORDS * BITS_A_WORD)
    places = range(BITS_A_WORD * (WORDS - 1), -1, -BITS_A_WORD)
    return tuple(word_list()[bits >> place & 2**BITS_A_WORD - 1] for place in places)
