"""Finds planted words in bytes, however they are written there.

A hit names the word's label and the way it was written, never the word itself, so that a failing test
tells no more than it must.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

MOST_UNPACKED = 4 * 1024 * 1024
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Hit:
    """A planted word was found."""

    label: str
    writing: str


@cache
def writings(word: str) -> dict[str, tuple[bytes, bool]]:
    """Every way a word is looked for: its bytes, and whether upper and lower case differ there."""
    plain = word.encode()
    found = {
        "utf-8": (plain, False),
        "latin-1": (word.encode("latin-1"), False),
        "utf-16-le": (word.encode("utf-16-le"), False),
        "utf-16-be": (word.encode("utf-16-be"), False),
        "hex": (plain.hex().encode(), False),
        "hex with colons": (plain.hex(":").encode(), False),
        "url": (quote(word, safe="").encode(), False),
        "url, every byte": ("".join(f"%{byte:02x}" for byte in plain).encode(), False),
        "json": (json.dumps(word)[1:-1].encode(), False),
        "python": (repr(plain)[2:-1].encode(), False),
    }
    for offset, start in enumerate((0, 2, 3)):
        written = base64.b64encode(bytes(offset) + plain + b"\0\0")
        inside = written[start : (offset + len(plain)) * 8 // 6]
        found[f"base64 at {offset}"] = (inside, True)
        found[f"base64 for urls at {offset}"] = (inside.translate(bytes.maketrans(b"+/", b"-_")), True)
    return found


def hits(data: bytes, words: Mapping[str, str]) -> set[Hit]:
    """The words found in the data, also inside what is packed by gzip or zlib there."""
    found: set[Hit] = set()
    for wrapping, content in _layers(data, depth=2):
        lower = content.lower()
        for label, word in words.items():
            for writing, (written, exact) in writings(word).items():
                if (written if exact else written.lower()) in (content if exact else lower):
                    found.add(Hit(label, wrapping + writing))
    return found


def _layers(data: bytes, depth: int, wrapping: str = "") -> Iterator[tuple[str, bytes]]:
    yield wrapping, data
    if depth == 0:
        return
    for start in _PACKED.finditer(data):
        unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, by its header
        try:
            content = unpacker.decompress(data[start.start() :], MOST_UNPACKED)
        except zlib.error:
            continue
        if content:
            yield from _layers(content, depth - 1, f"{wrapping}packed ")


def whole_words(data: bytes, words: Iterable[str], *, any_case: bool) -> set[str]:
    """Which of these stand in the data as words of their own, in UTF-8 or UTF-16."""
    found = set()
    lower = data.lower()
    for word in words:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            if word.encode(encoding).lower() not in lower:
                continue
            gap = b"" if encoding == "utf-8" else b"\0"
            letter = b"[A-Za-z]"
            before = {"utf-8": letter, "utf-16-le": letter + gap, "utf-16-be": gap + letter}[encoding]
            pattern = b"(?<!" + before + b")" + re.escape(word.encode(encoding)) + b"(?!" + before + b")"
            if re.search(pattern, data, re.IGNORECASE if any_case else 0):
                found.add(word)
    return found
