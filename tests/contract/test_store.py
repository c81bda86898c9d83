"""The port below the ledger: what each call promises by itself."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from consent_ledger.store import create_store
from consent_ledger.store.port import AnswerRow, EntryRow, Head, KeyRow, Store
from tests.contract.backends import Backend


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    opened = create_store(backend.url, uuid4(), [KeyRow(b"f" * 16, b"r" * 16, b"l" * 32, b"wrapped")])
    yield opened
    opened.close()


def row(position: int, stream: bytes = b"s", version: int = 1) -> EntryRow:
    return EntryRow(position, 1, b"e" * 16, stream.ljust(16, b"\x00"), version, b"h" * 32, b"body" * 300)


def test_a_new_ledger_is_empty_but_for_its_first_keys(store: Store) -> None:
    assert store.begin() == Head(0, 0)
    assert store.last_position() == 0
    assert store.entries(0, 100) == []
    assert store.key_by_label(b"l" * 32) == KeyRow(b"f" * 16, b"r" * 16, b"l" * 32, b"wrapped")
    assert store.key_by_label(b"x" * 32) is None
    store.rollback()


def test_a_rollback_undoes_every_kind_of_row(store: Store) -> None:
    def everything() -> tuple[object, ...]:
        return (
            store.begin(),
            store.entries(0, 100),
            store.keys_by_id([b"k" * 16]),
            store.cell("p", b"k"),
            store.answers([b"l" * 32]),
        )

    before = everything()
    store.insert_entries([row(1)])
    store.insert_keys([KeyRow(b"k" * 16, b"f" * 16, None, b"wrapped")])
    store.write_cells([("p", b"k", b"v")])
    store.write_answers([AnswerRow(b"l" * 32, b"m" * 32, b"answer", 1)])
    store.write_head(Head(1, 1))
    assert store.last_position() == 1
    store.rollback()

    assert everything() == before
    store.rollback()


def test_rows_come_back_as_they_went_in(store: Store) -> None:
    store.begin()
    rows = [row(1), row(2, b"other"), row(3, version=2)]
    keys = [KeyRow(b"k" * 16, parent, None, b"wrapped" + parent) for parent in (b"1" * 16, b"2" * 16)]
    store.insert_entries(rows)
    store.insert_keys(keys)
    store.write_head(Head(3, 2))
    store.commit()

    assert store.begin() == Head(3, 2)
    assert store.entries(1, 3) == rows[1:]
    assert store.stream(rows[0].stream_id) == [rows[0], rows[2]]
    assert store.versions([rows[0].stream_id, rows[1].stream_id, b"none" * 4]) == {
        rows[0].stream_id: 2,
        rows[1].stream_id: 1,
    }
    assert store.versions([rows[0].stream_id]) == {rows[0].stream_id: 2}
    assert store.versions([b"none" * 4]) == {}
    assert sorted(store.keys_by_id([b"k" * 16, b"none" * 4]), key=lambda key: key[1]) == keys
    store.rollback()


def test_keys_of_fragments_are_found_by_the_position_of_their_entry(store: Store) -> None:
    store.begin()
    rows = [KeyRow(b"k" * 16, b"f" * 16, None, b"wrapped", position) for position in (1, 2, 3)]
    rows.append(KeyRow(b"k" * 16, b"g" * 16, None, b"wrapped too", 2))
    store.insert_keys(rows)

    assert sorted(store.keys_between(1, 2), key=lambda key: key[1]) == [rows[1], rows[3]]
    assert sorted(key[4] for key in store.keys_between(0, 3)) == [1, 2, 2, 3]
    assert store.keys_by_id([b"k" * 16]) == store.keys_between(3, 9) == []
    store.rollback()


def test_more_ids_than_one_statement_takes_are_looked_up(store: Store) -> None:
    store.begin()
    count = 1200
    rows = [row(n, n.to_bytes(2)) for n in range(1, count + 1)]
    store.insert_entries(rows)
    store.insert_keys([KeyRow(n.to_bytes(16), b"f" * 16, None, b"w") for n in range(count)])

    assert len(store.versions([each.stream_id for each in rows])) == count
    assert len(store.keys_by_id([n.to_bytes(16) for n in range(count)])) == count
    store.rollback()


def test_answers_are_replaced_and_forgotten_by_day(store: Store) -> None:
    store.begin()
    old, new = AnswerRow(b"o" * 32, b"m" * 32, b"1", 10), AnswerRow(b"n" * 32, b"m" * 32, b"2", 11)
    store.write_answers([old, AnswerRow(b"n" * 32, b"x" * 32, b"0", 9)])
    store.write_answers([new])
    store.forget_answers(11)

    assert store.answers([b"o" * 32]) == []
    assert store.answers([b"o" * 32, b"n" * 32]) == [new]
    store.rollback()
