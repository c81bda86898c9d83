"""The example in `SPEC.md` is what the program makes, and a reader with only the page can open it."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.body import Sealer
from consent_ledger.entry import Draft, EntryClass, KeyOwner, Part, microseconds
from consent_ledger.keys import KeyRing
from consent_ledger.store.port import EntryRow
from consent_ledger.vault import Vault
from tests.unit.ledger.keyring import KeysInMemory, RootInMemory

SPEC = Path(__file__).parents[3] / "consent_ledger" / "SPEC.md"
STREAM = UUID("018f0000-0000-4000-8000-00000000000a")
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Counting:
    """Randomness that says which draw it was."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, size: int) -> bytes:
        self.drawn += 1
        return bytes([self.drawn]) * size


@pytest.fixture
def row() -> EntryRow:
    entropy = Counting()
    root = RootInMemory(entropy=entropy)
    ring = KeyRing(root, KeysInMemory(KeyRing.founding_rows(root, entropy)), entropy)
    part = Part("example.v1", b"kept", (KeyOwner(UUID(int=7), "ACCOMMODATION"),))
    draft = Draft(EntryClass.CLIENT, STREAM, 1, (part,), changes_policy=True)
    return Sealer(Vault(ring, entropy), ring, entropy).seal(draft, 1, microseconds(NINE))


def field(name: str) -> bytes:
    """The bytes that stand after `name` in the example, repetitions written out, remarks left out."""
    example = SPEC.read_text().split("```")[1]
    found = re.search(rf"^{name} +(.*(?:\n +.*)*)", example, re.MULTILINE)
    assert found is not None
    written = b""
    for line in found[1].splitlines():
        value = re.split(r" {3,}", line.strip())[0]
        repeated = re.fullmatch(r"([0-9a-f]{2}) \((\d+) times\)", value)
        written += bytes.fromhex(repeated[1]) * int(repeated[2]) if repeated else bytes.fromhex(value)
    return written


def test_the_example_is_what_is_made(row: EntryRow) -> None:
    assert row.stream_id == field("stream_id")
    assert row.entry_id == field("entry_id")
    assert row.body == field("body")
    assert row.leaf_hash == field("leaf")


def test_the_example_opens_by_the_page_alone() -> None:
    body = field("body")
    key_id, commit, sealed, padding = body[3:19], body[19:51], body[55:140], body[140:]
    place = (
        b"oncetold.org/part/v1\n"
        + (1).to_bytes(8)
        + b"\x01"
        + field("entry_id")
        + field("stream_id")
        + (1).to_bytes(8)
        + (0).to_bytes(2)
        + (1).to_bytes(2)
        + key_id
    )
    opened = AESGCM(field("key")).decrypt(sealed[:12], sealed[12:], place)
    salt, plaintext = opened[:32], opened[32:]
    recorded = (1_772_442_000 * 1_000_000).to_bytes(8)

    assert plaintext == recorded + b"\x01" + (10).to_bytes(2) + b"example.v1" + b"kept"
    assert digest(salt, plaintext, "sha256") == commit

    item = key_id + commit + sha256(sealed).digest()
    body_hash = sha256(b"oncetold.org/body/v1\n" + item + sha256(padding).digest()).digest()
    entry = b"\x01\x01" + field("entry_id") + body_hash
    assert sha256(b"\x00" + entry).digest() == field("leaf")
