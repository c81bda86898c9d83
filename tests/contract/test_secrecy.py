"""Nothing in the database names a person, a category or a kind of event (I11)."""

import base64
from hashlib import sha256
from uuid import uuid4

import pytest

from consent_ledger.domain import TOPICS
from consent_ledger.errors import KeyFileRefused
from consent_ledger.ledger import Draft, EntryClass, KeyOwner, Ledger, Part, Transaction
from consent_ledger.root_keys.file import create_root_key
from consent_ledger.store import open_store
from consent_ledger.store.port import EntryRow
from consent_ledger.vocabulary import DataCategory, KeyCategory
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import append, draft, run

CANARY = b"Mrs Canary, 12 Cage Lane, QQ123456C"
PROJECTION = "retraction-of-somebody"


def fill(ledger: Ledger) -> None:
    """One entry and one cell of every category, and of every topic."""
    registration = uuid4()

    def command(transaction: Transaction) -> None:
        for category in (*DataCategory, *KeyCategory):
            owner = KeyOwner(registration, category.value)
            part = Part(f"oncetold.v1.{category.value}", CANARY, (owner,), fragment_key=True)
            transaction.append(
                [Draft(EntryClass.CLIENT, uuid4(), 1, (part,), True)], decided_at=transaction.size
            )
            key = transaction.vault.label("reference", CANARY)
            transaction.put(PROJECTION, key, transaction.vault.seal_cell(owner, key, CANARY))
        for topic in TOPICS:
            part = Part(f"event:{topic}", CANARY, (KeyOwner(registration, "CONSENT"),))
            transaction.append(
                [Draft(EntryClass.CLIENT, uuid4(), 1, (part,), True)], decided_at=transaction.size
            )

    run(ledger, command)


def test_no_canary_category_or_topic_is_stored_in_clear(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    fill(ledger)
    while_open = backend.stored_bytes()
    ledger.close()
    stored = while_open + backend.stored_bytes()

    secrets = [CANARY, base64.b64encode(CANARY), CANARY.hex().encode(), backend.root_key.read_bytes()]
    secrets += [category.value.encode() for category in (*DataCategory, *KeyCategory)]
    secrets += [topic.encode() for topic in TOPICS if "." in topic]
    secrets.append(PROJECTION.encode())  # how many retractions somebody has is nobody's business either
    assert len(stored) > 1024 * (len(DataCategory) + len(TOPICS))
    assert [secret for secret in secrets if secret.lower() in stored.lower()] == []

    # The control: in the same place, what is not sealed is found.
    ledger = backend.open(clock)
    run(ledger, lambda t: t.put("p", b"control", CANARY))
    ledger.close()
    assert CANARY in backend.stored_bytes()


def test_another_root_key_is_refused(backend: Backend, clock: ManualClock) -> None:
    backend.create(clock).close()
    backend.root_key.unlink()
    create_root_key(backend.root_key)

    with pytest.raises(KeyFileRefused) as refused:
        backend.open(clock)
    assert "not this ledger's" in str(refused.value)


def test_the_size_of_a_body_tells_little(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    sizes = (0, 1, 300, 800, 1000, 5000, 60_000, 70_000, 200_000)
    for size in sizes:
        append(ledger, draft(b"x" * size))
    ledger.close()

    stored = [len(row.body) for row in rows(backend)]
    assert stored == [1024] * 4 + [1900, 16_384, 65_536, 2 * 65_536, 4 * 65_536]


def test_padded_bodies_fill_the_databases_pages(backend: Backend, clock: ManualClock) -> None:
    """Four to a page of 8 KiB: what padding hides is paid for once."""
    ledger = backend.create(clock)
    made = backend.room_of_entries()
    for size in (1000, 1700) * 200:
        append(ledger, draft(b"x" * size))
    ledger.close()

    assert {len(row.body) for row in rows(backend)} == {1900}
    assert backend.room_of_entries() - made < 400 * 8192 / 4 + 65_536


def test_the_published_entry_has_one_size_and_its_leaf_is_rfc_6962s(
    backend: Backend, clock: ManualClock
) -> None:
    """Recomputed from `SPEC.md` alone, with nothing but SHA-256 and byte positions."""
    ledger = backend.create(clock)
    owners = tuple(KeyOwner(uuid4(), "FAMILY") for _ in range(2))
    parts = (Part("a", b"1", owners[:1]), Part("b", b"2" * 2000, owners, fragment_key=True))
    append(ledger, Draft(EntryClass.CLIENT, uuid4(), 1, parts, False), draft())
    ledger.close()

    for row in rows(backend):
        items, at = b"", 3
        for _ in range(int.from_bytes(row.body[1:3])):
            length = int.from_bytes(row.body[at + 48 : at + 52])
            sealed = row.body[at + 52 : at + 52 + length]
            items += row.body[at : at + 48] + sha256(sealed).digest()
            at += 52 + length
        body_hash = sha256(b"oncetold.org/body/v1\n" + items + sha256(row.body[at:]).digest()).digest()
        entry = b"\x01" + bytes([row.entry_class]) + row.entry_id + body_hash
        assert len(entry) == 50
        assert sha256(b"\x00" + entry).digest() == row.leaf_hash


def rows(backend: Backend) -> list[EntryRow]:
    """The rows as stored."""
    store = open_store(backend.url)
    head = store.begin()
    found = [EntryRow(*row) for row in store.entries(0, head.size)]
    store.rollback()
    store.close()
    return found
