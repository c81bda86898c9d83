"""A ledger from before headers had keys of their own: one record can be erased, and the others stay."""

import sqlite3
from pathlib import Path

import pytest

from consent_ledger.check import check_ledger
from consent_ledger.destruction import SEALED_DIRECTLY
from consent_ledger.entry import Draft, Part
from consent_ledger.ledger import Transaction, create_ledger, open_ledger
from consent_ledger.store import upgrade_store
from tests.clock import ManualClock
from tests.contract.drafting import append, run
from tests.contract.test_erased_keys import HOUSING, contents, erasing, record


def older(content: bytes) -> Draft:
    """As an earlier version published: the header under its category's key itself."""
    draft = record(content)
    header, fragment = draft.parts
    direct = Part(header.schema, header.payload, header.owners)
    return Draft(draft.entry_class, draft.stream_id, 1, (direct, fragment), draft.changes_policy)


@pytest.mark.parametrize("entries", [0, 2])
def test_an_upgrade_says_how_far_headers_have_no_key_of_their_own(tmp_path: Path, entries: int) -> None:
    place, root, clock = str(tmp_path / "ledger.db"), tmp_path / "root.key", ManualClock()
    ledger = create_ledger(place, root, clock=clock)
    for name in (b"kept", b"gone")[:entries]:
        append(ledger, older(name))
    ledger.close()
    with sqlite3.connect(place) as connection:
        connection.execute("DROP INDEX keys_parent")
        connection.execute("UPDATE head SET layout = 3")
    connection.close()
    assert upgrade_store(place, lambda done, of: None) == (3, 4)

    ledger = open_ledger(place, root, clock=clock)
    said = run(ledger, lambda t: t.state(SEALED_DIRECTLY))
    assert said == (entries.to_bytes(8) if entries else None)
    if entries:
        fragment = run(ledger, lambda t: [key_id for key_id, own in t.part_keys(2) if own])

        def erase(transaction: Transaction) -> None:
            transaction.append([record(b"the erasure")], decided_at=transaction.size)
            transaction.erase_keys(fragments=[(2, fragment)], rotate=[HOUSING])

        run(ledger, erase)
        assert contents(ledger)[:2] == [[b"about kept", b"kept"], [b"about gone", b"(erased)"]]
        run(ledger, erasing(categories=(HOUSING,), rotate=()))
        assert contents(ledger)[:2] == [[b"(erased)"] * 2] * 2
    ledger.close()
    assert check_ledger(place, root).damages == ()
