"""The published bytes, against a vector worked out by hand, and the padding of bodies."""

from hashlib import sha256

import pytest

from consent_ledger.body import padded_size
from consent_ledger.entry import (
    ENTRY_SIZE,
    EntryClass,
    SealedPart,
    body_hash,
    entry_bytes,
    leaf_hash,
)


def test_the_example_of_the_specification() -> None:
    parts = (
        SealedPart(bytes(16), b"\x01" * 32, b"ciphertext"),
        SealedPart(b"\x02" * 16, b"\x03" * 32, b""),
    )
    padding = b"\xff" * 5

    found = body_hash(parts, padding)
    entry = entry_bytes(EntryClass.CLIENT, bytes(range(16)), found)

    assert found.hex() == sha256(
        b"oncetold.org/body/v1\n"
        + bytes(16) + b"\x01" * 32 + sha256(b"ciphertext").digest()
        + b"\x02" * 16 + b"\x03" * 32 + sha256(b"").digest()
        + sha256(b"\xff" * 5).digest()
    ).hexdigest()  # fmt: skip
    assert entry == b"\x01\x01" + bytes(range(16)) + found
    assert len(entry) == ENTRY_SIZE == 50
    assert leaf_hash(entry) == sha256(b"\x00" + entry).digest()


def test_classes_are_two_and_stay_what_they_are() -> None:
    assert {kind.name: kind.value for kind in EntryClass} == {"ADMINISTRATION": 0, "CLIENT": 1}


@pytest.mark.parametrize(
    ("size", "stored"),
    [
        (1, 1024),
        (1024, 1024),
        (1025, 1900),
        (1900, 1900),
        (1901, 3900),
        (3900, 3900),
        (3901, 16_384),
        (16_385, 65_536),
        (65_536, 65_536),
        (65_537, 131_072),
        (200_000, 262_144),
    ],
)
def test_bodies_come_in_few_sizes(size: int, stored: int) -> None:
    assert padded_size(size) == stored
