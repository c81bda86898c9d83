"""A destroyed key stays destroyed: its part reads as erased, all else reads on, no copy brings it back."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from consent_ledger.check import Damage, Finding, check_ledger
from consent_ledger.destruction import SEALED_DIRECTLY
from consent_ledger.entry import KeyOwner, Part
from consent_ledger.errors import EntryCorrupt, LedgerInUse, StorageFailed, StorageFull, UnsealFailed
from consent_ledger.fences import Fences
from consent_ledger.keys import NO_PARENT
from consent_ledger.ledger import Draft, EntryClass, Ledger, Transaction, open_ledger
from consent_ledger.root_keys import FileRootKeys
from consent_ledger.store import open_store, read_store
from consent_ledger.store.port import StoredKey
from consent_ledger.vault import ERASED_PART
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import append, draft, run, together
from tests.contract.test_durability import FailingStore

REGISTRATION, OTHER = UUID(int=1, version=4), UUID(int=2, version=4)
HOUSING, HEALTH = KeyOwner(REGISTRATION, "ACCOMMODATION"), KeyOwner(REGISTRATION, "PHYSICAL_HEALTH")
THEIRS = KeyOwner(OTHER, "ACCOMMODATION")


def record(content: bytes, *owners: KeyOwner) -> Draft:
    """A header and one fragment, each with a key of its own."""
    owners = owners or (HOUSING,)
    parts = (
        Part("header", b"about " + content, owners[:1], fragment_key=True),
        Part("fragment", content, owners, fragment_key=True),
    )
    return Draft(EntryClass.CLIENT, uuid4(), 1, parts, changes_policy=False)


def erasing(
    *positions: int, categories: tuple[KeyOwner, ...] = (), rotate: tuple[KeyOwner, ...] = (HOUSING,)
) -> Callable[[Transaction], int]:
    """A command that records an erasure and erases these entries."""

    def command(transaction: Transaction) -> int:
        fragments = [(one, [key_id for key_id, _ in transaction.part_keys(one)]) for one in positions]
        [at] = transaction.append([draft(b"erasure", changes_policy=True)], decided_at=transaction.size)
        transaction.erase_keys(categories=categories, fragments=fragments, rotate=rotate)
        return at

    return command


def contents(ledger: Ledger) -> list[list[bytes]]:
    """Every part of every entry."""
    entries = run(ledger, lambda t: t.entries(0))
    return [[b"(erased)" if part == ERASED_PART else part.payload for part in one.parts] for one in entries]


def key_rows(backend: Backend) -> list[StoredKey]:
    """Those of fragments, and of the categories that wrap them; beside a hub that may be running."""
    store = read_store(backend.url)
    head = store.begin()
    rows = list(store.keys_between(0, head.size))
    for parent in {row[1] for row in rows}:
        rows += store.keys_by_id([parent])
    store.rollback()
    store.close()
    return rows


def put_back(backend: Backend, old: list[StoredKey], new: list[StoredKey]) -> None:
    """As somebody does who brings rows of the key table back from a copy."""
    store = open_store(backend.url)
    store.begin()
    store.replace_keys(old, new)
    store.commit()
    store.close()


def test_an_erased_entry_reads_as_erased_and_its_siblings_as_ever(
    backend: Backend, clock: ManualClock
) -> None:
    ledger = backend.create(clock)
    append(ledger, record(b"kept"), record(b"gone"), record(b"of another kind", HEALTH))
    before = run(ledger, lambda t: t.vault.category_key_id(HOUSING))
    assert run(ledger, erasing(2)) == 4

    left = [
        [b"about kept", b"kept"],
        [b"(erased)", b"(erased)"],
        [b"about of another kind", b"of another kind"],
        [b"erasure"],
    ]
    assert contents(ledger) == left
    assert run(ledger, lambda t: t.vault.category_key_id(HOUSING)) not in (None, before)
    assert append(ledger, record(b"later")) == [5]
    ledger.close()

    ledger = backend.open(clock)
    assert contents(ledger) == [*left, [b"about later", b"later"]]
    entry = run(ledger, lambda t: t.entry(2))
    assert (entry.recorded, entry.changes_policy) == (0, False)
    ledger.close()
    assert check_ledger(backend.url, backend.root_key).damages == ()
    assert {row[1] for row in key_rows(backend) if row[4] == 2} == {NO_PARENT}


def test_one_part_of_an_entry_can_be_erased_alone(ledger: Ledger) -> None:
    append(ledger, record(b"gone"))

    def command(transaction: Transaction) -> None:
        [_, (fragment, own)] = transaction.part_keys(1)
        assert own
        transaction.append([draft()], decided_at=transaction.size)
        transaction.erase_keys(fragments=[(1, [fragment])])

    run(ledger, command)
    assert contents(ledger)[0] == [b"about gone", b"(erased)"]
    assert run(ledger, lambda t: t.entry(1)).recorded > 0


def test_with_its_key_a_category_goes_but_what_another_owner_opens_stays(
    backend: Backend, clock: ManualClock
) -> None:
    ledger = backend.create(clock)
    append(ledger, record(b"gone"), record(b"told together", HOUSING, THEIRS), record(b"kept", THEIRS))
    sealed = run(ledger, lambda t: t.vault.seal_cell(HOUSING, b"place", b"cell"))
    run(ledger, erasing(categories=(HOUSING,), rotate=()))
    left = [
        [b"(erased)", b"(erased)"],
        [b"(erased)", b"told together"],
        [b"about kept", b"kept"],
        [b"erasure"],
    ]

    assert contents(ledger) == left
    assert run(ledger, lambda t: t.vault.category_key_id(HOUSING)) is None
    with pytest.raises(UnsealFailed):
        run(ledger, lambda t: t.vault.open_cell(HOUSING, b"place", sealed))
    ledger.close()
    ledger = backend.open(clock)
    assert contents(ledger) == left
    # Somebody may be written about again, under a new key.
    append(ledger, record(b"anew"))
    assert contents(ledger) == [*left, [b"about anew", b"anew"]]
    ledger.close()
    assert check_ledger(backend.url, backend.root_key).damages == ()


def test_a_part_sealed_by_its_category_goes_with_that_key_alone(ledger: Ledger) -> None:
    append(ledger, draft(b"event", owner=HOUSING), draft(b"another's", owner=THEIRS))
    [(key_id, own)] = run(ledger, lambda t: t.part_keys(1))
    assert not own

    def command(transaction: Transaction) -> None:
        transaction.append([draft()], decided_at=transaction.size)
        transaction.erase_keys(fragments=[(1, [key_id])])

    with pytest.raises(ValueError, match="not the key of a part"):
        run(ledger, command)
    run(ledger, erasing(categories=(HOUSING,), rotate=()))
    assert contents(ledger) == [[b"(erased)"], [b"another's"], [b"erasure"]]


def test_in_an_upgraded_ledger_a_rotated_key_stays_for_the_headers_beneath(
    backend: Backend, clock: ManualClock
) -> None:
    """Their headers lie under the category's key itself: with it, all records of the category would go."""
    ledger = backend.create(clock)
    run(ledger, lambda t: t.write_state(SEALED_DIRECTLY, (3).to_bytes(8)))
    append(ledger, draft(b"header", owner=HOUSING), record(b"gone"), record(b"kept"))
    for position in (2, 5):
        run(ledger, erasing(position))
        append(ledger, record(b"gone too"))
    left = [b"(erased)", b"(erased)"], [b"about kept", b"kept"]
    assert contents(ledger)[:3] == [[b"header"], left[0], left[1]]
    ledger.close()
    ledger = backend.open(clock)
    assert contents(ledger)[:3] == [[b"header"], left[0], left[1]]

    run(ledger, erasing(categories=(HOUSING,), rotate=()))
    assert contents(ledger)[:3] == [[b"(erased)"], left[0], left[0]]
    ledger.close()
    assert check_ledger(backend.url, backend.root_key).damages == ()


def test_nothing_is_erased_that_no_entry_records(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    append(ledger, record(b"kept"))
    with pytest.raises(ValueError, match="recorded first"):
        run(ledger, lambda t: t.erase_keys(categories=[HOUSING]))

    def fails(transaction: Transaction) -> None:
        erasing(1)(transaction)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        run(ledger, fails)
    assert contents(ledger) == [[b"about kept", b"kept"]]
    assert "done" not in backend.root_key.with_name("fences").read_text()
    ledger.close()


@pytest.mark.parametrize("error", [StorageFull(), StorageFailed(reason="SQLITE_IOERR")])
def test_an_erasure_that_was_not_committed_did_not_happen(
    backend: Backend, clock: ManualClock, error: Exception
) -> None:
    backend.create(clock).close()
    failing = FailingStore(open_store(backend.url))
    fences = backend.root_key.with_name("fences")
    ledger = Ledger(failing, FileRootKeys.opened(backend.root_key), clock, fences=fences)
    append(ledger, record(b"kept"), record(b"gone"))
    failing.error = error
    with pytest.raises(type(error)):
        run(ledger, erasing(1))
    if isinstance(error, StorageFailed):
        ledger.close()
        ledger = backend.open(clock)

    assert contents(ledger) == [[b"about kept", b"kept"], [b"about gone", b"gone"]]
    run(ledger, erasing(2))
    left = [[b"about kept", b"kept"], [b"(erased)", b"(erased)"], [b"erasure"]]
    assert contents(ledger) == left
    ledger.close()
    ledger = backend.open(clock)
    assert contents(ledger) == left
    ledger.close()


def test_later_commands_of_the_same_commit_read_it_as_erased(ledger: Ledger) -> None:
    append(ledger, record(b"gone"))
    first, then, last = together(
        ledger,
        lambda t: [part.payload for part in t.entry(1).parts],
        lambda t: [erasing(1)(t)],
        lambda t: [part.schema for part in t.entry(1).parts],
    )

    assert first.result(30) == [b"about gone", b"gone"]
    assert then.result(30) == [2]
    assert last.result(30) == ["erased", "erased"]


@pytest.mark.parametrize("lost", ["", "fences", "rows"])
def test_rows_that_come_back_from_a_copy_stay_erased(backend: Backend, clock: ManualClock, lost: str) -> None:
    """Whether the fences were lost, or what stands in the key table, or neither: either one is enough."""
    ledger = backend.create(clock)
    append(ledger, record(b"kept"), record(b"gone"), record(b"all gone", THEIRS))
    ledger.close()
    copies = key_rows(backend)
    ledger = backend.open(clock)
    run(ledger, erasing(2, categories=(THEIRS,)))
    left = contents(ledger)
    ledger.close()

    if lost == "fences":
        backend.root_key.with_name("fences").unlink()
    now = key_rows(backend)
    if lost == "rows":
        put_back(backend, now, copies)
    else:
        label = {row[2] for row in now}
        put_back(backend, [], [row for row in copies if row not in now and row[2] not in label - {None}])
    ledger = backend.open(clock)
    found = contents(ledger)
    ledger.close()

    assert found[1:] == left[1:] == [[b"(erased)"] * 2, [b"(erased)"] * 2, [b"erasure"]]
    # With its whole table replaced, what was wrapped anew since is lost with the rest of it.
    assert found[0] == ([b"(erased)"] * 2 if lost == "rows" else [b"about kept", b"kept"])
    fences = Fences(ledger.ledger_id, backend.root_key.with_name("fences"))
    assert len(fences) == 4
    if lost == "rows":
        assert [row for row in key_rows(backend) if row[0] in fences and row[1] != NO_PARENT] == []
    assert check_ledger(backend.url, backend.root_key).damages == ()


@pytest.mark.parametrize("forged", [False, True])
def test_a_key_that_only_vanished_is_damage(backend: Backend, clock: ManualClock, forged: bool) -> None:
    """Nobody who has the database alone can pass a deletion off as an erasure."""
    ledger = backend.create(clock)
    append(ledger, record(b"one"), record(b"two"))
    ledger.close()
    rows = [row for row in key_rows(backend) if row[4] == 1]
    tombs = [(key_id, NO_PARENT, None, bytes(32), 1) for key_id, *_ in rows] if forged else []
    put_back(backend, rows, list(tombs))

    ledger = backend.open(clock)
    with pytest.raises(EntryCorrupt) as corrupt:
        run(ledger, lambda t: t.entry(1))
    assert corrupt.value.position == 1
    assert [part.payload for part in run(ledger, lambda t: t.entry(2)).parts][1] == b"two"
    ledger.close()
    assert check_ledger(backend.url, backend.root_key).damages[0] == Damage(Finding.KEY, 1)


def test_what_another_hub_erased_reads_as_erased_and_is_fenced_here_too(
    backend: Backend, clock: ManualClock, tmp_path: Path
) -> None:
    ledger = backend.create(clock)
    append(ledger, record(b"kept"), record(b"gone"), record(b"gone too"))
    if backend.one_writer:
        with pytest.raises(LedgerInUse):
            backend.open(clock)
        ledger.close()
        return
    own = tmp_path / "other" / "fences"
    own.parent.mkdir()
    other = open_ledger(backend.url, backend.root_key, clock=clock, fences=own)
    assert contents(other) == contents(ledger)
    for position in (2, 3):
        run(ledger, erasing(position))
        left = contents(ledger)
        assert left[position - 1] == [b"(erased)"] * 2
        assert contents(other) == left
        assert append(other, record(b"after"))
        assert contents(other)[:3] == contents(ledger)[:3]
    fences = backend.root_key.with_name("fences")
    assert set(Fences(ledger.ledger_id, own)) == set(Fences(ledger.ledger_id, fences))
    assert len(Fences(ledger.ledger_id, own)) == 6
    for one in (other, ledger):
        one.close()


def test_erasing_twice_changes_nothing(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    append(ledger, record(b"kept"), record(b"gone"))
    run(ledger, erasing(2))
    fences = backend.root_key.with_name("fences")
    lines = fences.read_text().count(" 2\n")
    run(ledger, erasing(2, rotate=()))

    assert lines == 2
    assert fences.read_text().count(" 2\n") == 2
    assert contents(ledger)[0] == [b"about kept", b"kept"]
    ledger.close()


def test_a_hub_killed_at_any_point_of_an_erasure_has_it_whole_or_not_at_all(
    backend: Backend, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Between the fence, the commit and its confirmation; the next start settles it by the rows."""
    ledger = backend.create(clock)
    append(ledger, record(b"one"), record(b"two"))
    ledger.close()

    class Killed(BaseException):
        pass

    def dies(*_: object, **__: object) -> None:
        raise Killed

    fences = backend.root_key.with_name("fences")
    for at, erased in (("replace_keys", False), ("settle", True)):
        store = open_store(backend.url)
        ledger = Ledger(store, FileRootKeys.opened(backend.root_key), clock, fences=fences)
        with monkeypatch.context() as broken:
            if at == "settle":
                broken.setattr(Fences, "settle", dies)
            else:
                broken.setattr(store, at, dies)
            with pytest.raises(Killed):
                run(ledger, erasing(1))
        ledger.close()
        ledger = backend.open(clock)
        assert contents(ledger)[0] == ([b"(erased)"] * 2 if erased else [b"about one", b"one"])
        assert contents(ledger)[1] == [b"about two", b"two"]
        ledger.close()
    assert len(Fences(ledger.ledger_id, fences)) == 3
