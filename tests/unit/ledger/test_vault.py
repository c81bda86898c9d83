"""Sealing: what was sealed opens in its one place, and nowhere else."""

from datetime import UTC, datetime
from uuid import RFC_4122, UUID, uuid4

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consent_ledger.entry import KeyOwner, Part, microseconds
from consent_ledger.errors import UnsealFailed
from consent_ledger.keys import KeyRing
from consent_ledger.vault import Vault, open_parts, part_header
from tests.unit.ledger.keyring import ROOT, KeysInMemory, new_vault, store_pending

VAULT, RING, TABLE = new_vault()
NOW = microseconds(datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC))
PLACE = b"place" + (0).to_bytes(2) + (1).to_bytes(2)
"""Of the only part of its entry."""
OWNERS = st.builds(
    KeyOwner,
    st.one_of(st.none(), st.sampled_from([UUID(int=n) for n in range(4)])),
    st.sampled_from(["HOUSING", "LINK", "OFFENDING"]),
)


@given(owner=OWNERS, context=st.binary(max_size=40), plaintext=st.binary(max_size=300))
def test_a_cell_opens_with_its_owner_and_context(owner: KeyOwner, context: bytes, plaintext: bytes) -> None:
    sealed = VAULT.seal_cell(owner, context, plaintext)

    assert VAULT.open_cell(owner, context, sealed) == plaintext
    assert sealed != VAULT.seal_cell(owner, context, plaintext)


@given(owner=OWNERS, other=OWNERS, context=st.binary(max_size=9), wrong=st.binary(max_size=9))
def test_a_cell_opens_nowhere_else(owner: KeyOwner, other: KeyOwner, context: bytes, wrong: bytes) -> None:
    assume((owner, context) != (other, wrong))
    sealed = VAULT.seal_cell(owner, context, b"content")
    VAULT.seal_cell(other, wrong, b"so that the other key exists")

    with pytest.raises(UnsealFailed):
        VAULT.open_cell(other, wrong, sealed)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), plaintext=st.binary(max_size=50))
def test_any_flipped_bit_is_noticed(at: int, bit: int, plaintext: bytes) -> None:
    owner = KeyOwner(None, "LINK")
    sealed = bytearray(VAULT.seal_cell(owner, b"place", plaintext))
    sealed[at % len(sealed)] ^= 1 << bit

    with pytest.raises(UnsealFailed):
        VAULT.open_cell(owner, b"place", bytes(sealed))


def test_what_is_too_short_to_be_sealed_does_not_open() -> None:
    owner = KeyOwner(None, "LINK")
    VAULT.seal_cell(owner, b"", b"")
    for short in (b"", b"x" * 12, b"x" * 20):
        with pytest.raises(UnsealFailed):
            VAULT.open_cell(owner, b"", short)


def test_opening_for_an_owner_without_a_key_makes_none() -> None:
    vault, ring, _ = new_vault()
    with pytest.raises(UnsealFailed):
        vault.open_cell(KeyOwner(uuid4(), "HOUSING"), b"", b"x" * 40)
    assert ring.mark() == 0


@given(
    schema=st.text(max_size=40), payload=st.binary(max_size=500), fragment=st.booleans(), flag=st.booleans()
)
def test_a_part_opens_in_its_place_alone(schema: str, payload: bytes, fragment: bool, flag: bool) -> None:
    part = Part(schema, payload, (KeyOwner(UUID(int=1), "HOUSING"),), fragment_key=fragment)
    sealed = VAULT.seal_part(part, 7, PLACE, part_header(NOW, flag))
    store_pending(RING, TABLE)
    keys = RING.of_entries([7])

    [opened], changes_policy, recorded = open_parts([sealed], keys, b"place")
    assert (opened.schema, opened.payload, opened.owners) == (schema, payload, ())
    assert (recorded, changes_policy) == (NOW, flag)
    with pytest.raises(UnsealFailed):
        open_parts([sealed], keys, b"other")
    with pytest.raises(UnsealFailed):
        open_parts([sealed._replace(commit=bytes(32))], keys, b"place")


def test_any_one_owner_opens_a_joint_part() -> None:
    for survivor in range(2):
        vault, ring, table = new_vault()
        owners = (KeyOwner(uuid4(), "FAMILY"), KeyOwner(uuid4(), "FAMILY"))
        part = Part("narrative", b"theirs together", owners, fragment_key=True)
        sealed = vault.seal_part(part, 7, PLACE, part_header(NOW, False))
        store_pending(ring, table)
        wrappings = [row for row in table.rows if row.key_id == sealed.key_id]
        assert len(wrappings) == 2

        table.rows.remove(wrappings[survivor])
        keys = KeyRing(ROOT, table).of_entries([7])
        [opened], _, _ = open_parts([sealed], keys, b"place")
        assert opened.payload == b"theirs together"

        table.rows.remove(wrappings[1 - survivor])
        with pytest.raises(UnsealFailed):
            open_parts([sealed], KeyRing(ROOT, table).of_entries([7]), b"place")


def test_a_key_row_under_another_label_does_not_open() -> None:
    vault, ring, table = new_vault()
    owner, thief = KeyOwner(uuid4(), "HOUSING"), KeyOwner(uuid4(), "HOUSING")
    sealed = vault.seal_cell(owner, b"k", b"content")
    vault.seal_cell(thief, b"k", b"content")
    one, two = ring.take_pending(ring.mark())
    table.rows += [one._replace(label=two.label), two._replace(label=one.label)]

    swapped = Vault(KeyRing(ROOT, table))
    with pytest.raises(UnsealFailed):
        swapped.open_cell(owner, b"k", sealed)


@given(parts=st.lists(st.binary(max_size=5), max_size=4), others=st.lists(st.binary(max_size=5), max_size=4))
def test_labels_and_ids_agree_exactly_when_their_parts_do(parts: list[bytes], others: list[bytes]) -> None:
    same = parts == others
    assert (VAULT.label(*parts) == VAULT.label(*others)) is same
    assert (VAULT.opaque_id(*parts) == VAULT.opaque_id(*others)) is same


def test_labels_and_ids_are_keyed_and_apart() -> None:
    rows = KeyRing.founding_rows(ROOT)
    again, other = Vault(KeyRing(ROOT, KeysInMemory(rows))), new_vault()[0]

    assert len(VAULT.label("nhs", b"9434765919")) == 32
    assert VAULT.label("nhs", b"9434765919") != other.label("nhs", b"9434765919")
    assert again.label("a") == Vault(KeyRing(ROOT, KeysInMemory(rows))).label("a")
    identity = again.opaque_id("a")
    assert (identity.version, identity.variant) == (8, "specified in RFC 4122")
    assert identity.bytes[:4] != again.label("a")[:4]


@given(ids=st.lists(st.uuids(), max_size=70, unique=True), context=st.text(max_size=5))
def test_many_opaque_ids_are_distinct_uuids_of_their_context(ids: list[UUID], context: str) -> None:
    blocks = b"".join(one.bytes for one in ids)

    made = VAULT.opaque_ids("element", context, blocks=blocks)

    each = [UUID(bytes=made[at : at + 16]) for at in range(0, len(made), 16)]
    assert len(set(each)) == len(ids)
    assert all((one.version, one.variant) == (8, RFC_4122) for one in each)
    assert made == b"".join(VAULT.opaque_ids("element", context, blocks=one.bytes) for one in ids)
    if ids:
        assert made != VAULT.opaque_ids("element", context + "x", blocks=blocks)
        assert not set(each) & set(ids)


def test_opaque_ids_need_the_ledgers_own_key() -> None:
    other, _, _ = new_vault()
    block = uuid4().bytes

    assert other.opaque_ids("c", blocks=block) != VAULT.opaque_ids("c", blocks=block)
    with pytest.raises(ValueError, match="16 bytes"):
        VAULT.opaque_ids("c", blocks=block + b"x")
