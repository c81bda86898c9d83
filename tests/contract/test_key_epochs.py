"""A key epoch ends: everything still opens, and no copy of what was destroyed before ever does again."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from consent_ledger.check import check_ledger
from consent_ledger.entry import KeyOwner
from consent_ledger.epochs import Progress
from consent_ledger.errors import KeyFileRefused, KeysUnavailable, UnsealFailed
from consent_ledger.keys import KeyRing
from consent_ledger.ledger import Ledger, create_ledger
from consent_ledger.root_keys import FileRootKeys
from consent_ledger.store import create_store, open_store, read_store
from consent_ledger.store.port import KeyRow, StoredKey
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import append, run
from tests.contract.test_erased_keys import contents, erasing, key_rows, record

MONTH = timedelta(days=30)


def step(ledger: Ledger, **how: Any) -> Progress:
    return run(ledger, lambda t: t.epochs.advance(**how))


def rotate(ledger: Ledger) -> list[Progress]:
    """Every step of one change of epochs."""
    steps = [step(ledger, force=True, most=3)]
    while steps[-1].remaining:
        steps.append(step(ledger, most=3))
    return steps


def objects(backend: Backend) -> set[str]:
    return {file.name for file in backend.root_key.with_name("root.key.epochs").iterdir()}


def some_records(ledger: Ledger, count: int = 8) -> None:
    """Each of somebody else, so that each has a category's key of its own."""
    append(ledger, *(record(f"of {n}".encode(), owner(n)) for n in range(count)))


def owner(number: int) -> KeyOwner:
    return KeyOwner(UUID(int=number + 1, version=4), "ACCOMMODATION")


def test_an_epoch_ends_in_steps_and_everything_still_opens(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    some_records(ledger)
    cell = run(ledger, lambda t: t.vault.seal_cell(owner(1), b"place", b"cell"))
    seed = run(ledger, lambda t: t.vault.named_key("log-signing-key"))
    before, first = contents(ledger), objects(backend)
    steps = rotate(ledger)
    some_records(ledger, 2)

    assert [one.remaining for one in steps] == [9, 6, 3, 1, 1, 0]
    assert [one.began for one in steps] == [True] + 5 * [False]
    assert [one.gone_at is not None for one in steps] == 5 * [False] + [True]
    assert len(first) == len(objects(backend)) == 1
    assert first != objects(backend)
    for _ in range(2):
        assert contents(ledger)[:8] == before
        assert run(ledger, lambda t: t.vault.open_cell(owner(1), b"place", cell)) == b"cell"
        assert run(ledger, lambda t: t.vault.named_key("log-signing-key")) == seed
        [ended] = run(ledger, lambda t: t.epochs.ended())
        assert (ended.position, ended.gone_at) == (8, steps[-1].gone_at)
        ledger.close()
        ledger = backend.open(clock)
    ledger.close()
    assert check_ledger(backend.url, backend.root_key).damages == ()


def openings(backend: Backend, copies: list[StoredKey], epochs: list[StoredKey]) -> int:
    """How many copied rows of fragments somebody opens who holds every copied row and every present key."""
    root = FileRootKeys.opened(backend.root_key)
    rows = [KeyRow(*row) for row in (*copies, *epochs)]

    class Copies:
        def key_by_label(self, label: bytes) -> KeyRow | None:
            return next((row for row in rows if row.label == label), None)

        def keys_by_id(self, key_ids: Any) -> list[StoredKey]:
            return [row for row in rows if row.position == 0 and row.key_id in key_ids]

        def keys_between(self, after: int, through: int) -> list[StoredKey]:
            return [row for row in rows if after < row.position <= through]

    ring = KeyRing(root, Copies())
    try:
        ring.index_key()
    except KeyFileRefused:
        return 0
    return len(ring.fragment_keys(0, 2**31)[0])


def all_rows(backend: Backend) -> list[StoredKey]:
    """The whole key table, as a thief of a backup has it."""
    rows = key_rows(backend)
    store = read_store(backend.url)
    store.begin()
    root = FileRootKeys.opened(backend.root_key)
    for name in ("epoch-key", "index-key"):
        row = store.key_by_label(root.name_label(name))
        assert row is not None
        rows.append(row)
    store.rollback()
    store.close()
    return rows


def test_no_copy_of_an_erased_key_opens_once_its_epoch_has_ended(
    backend: Backend, clock: ManualClock
) -> None:
    ledger = backend.create(clock)
    some_records(ledger, 50)
    ledger.close()
    copies = all_rows(backend)
    ledger = backend.open(clock)
    run(ledger, erasing(*range(1, 51), rotate=tuple(owner(n) for n in range(50))))
    ledger.close()
    # Until the epoch ends a copy does open: that is what the horizon tells.
    assert openings(backend, copies, []) == 100

    ledger = backend.open(clock)
    rotate(ledger)
    ledger.close()
    assert openings(backend, copies, []) == 0
    present = [row for row in all_rows(backend) if row[2] is not None]
    without_epoch = [row for row in copies if row[2] not in {one[2] for one in present}]
    assert openings(backend, without_epoch, present) == 0
    assert check_ledger(backend.url, backend.root_key).damages == ()


def test_an_epoch_lasts_thirty_days_unless_it_is_forced(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    standing = run(ledger, lambda t: t.epochs.standing())
    assert (standing.due - standing.started, standing.remaining) == (MONTH, 0)
    clock.advance(MONTH - timedelta(seconds=1))
    assert step(ledger) == Progress(0)
    clock.advance(timedelta(seconds=1))
    assert step(ledger).began
    while step(ledger).remaining:
        pass
    assert step(ledger) == Progress(0)
    started = run(ledger, lambda t: t.epochs.standing().started)
    assert started - standing.started == MONTH
    ledger.close()


def test_keys_made_meanwhile_hang_from_the_new_epoch(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    some_records(ledger)
    step(ledger, force=True)
    append(ledger, record(b"new", owner(100)))
    run(ledger, erasing(2, rotate=(owner(1),)))
    left = contents(ledger)
    while step(ledger).remaining:
        pass
    ledger.close()

    ledger = backend.open(clock)
    assert contents(ledger) == left
    assert left[1] == [b"(erased)"] * 2
    [ended] = run(ledger, lambda t: t.epochs.ended())
    # The erasure came after the new epoch's key: copies of what it destroyed may hang from that one.
    assert ended.position == 8
    ledger.close()


def test_a_ledger_older_than_epochs_gets_one_at_once(backend: Backend, clock: ManualClock) -> None:
    root = FileRootKeys.created(backend.root_key)

    class Older(FileRootKeys):
        def create(self) -> bytes:
            return self.root_id

    older = Older(backend.root_key.read_bytes(), backend.root_key.with_name("root.key.epochs"))
    create_store(backend.url, uuid4(), KeyRing.founding_rows(older)).close()
    ledger = backend.open(clock)
    some_records(ledger)
    before = contents(ledger)

    assert step(ledger).began
    while step(ledger).remaining:
        pass
    assert step(ledger) == Progress(0)
    ledger.close()
    ledger = backend.open(clock)
    assert contents(ledger) == before
    assert not root.destroyed(root.root_id)
    assert len(objects(backend)) == 1
    ledger.close()


class Killed(BaseException):
    """As a kill: nothing of ours runs after it."""


def killing(target: object, name: str, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """Has a call end everything, before or after it did its work."""
    real: Callable[..., Any] = getattr(target, name)

    def dies(*args: Any) -> None:
        if after:
            real(*args)
        raise Killed

    monkeypatch.setattr(target, name, dies)


CALLS = ("create", "wrap", "unwrap", "destroy", "replace_keys", "write_state", "commit")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_killed_anywhere_it_goes_on(
    backend: Backend, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, call: str, after: bool
) -> None:
    """In each step, ahead of and behind each call to the provider and the database."""
    ledger = backend.create(clock)
    some_records(ledger, 4)
    left = contents(ledger)
    ledger.close()
    clock.advance(MONTH)
    killed, found = 0, Progress(1)
    while found.remaining:
        store = open_store(backend.url)
        root = FileRootKeys.opened(backend.root_key)
        ledger = Ledger(store, root, clock, fences=backend.root_key.with_name("fences"))
        with monkeypatch.context() as broken:
            killing(store if hasattr(store, call) else root, call, broken, after=after)
            try:
                step(ledger, most=3)
            except Killed:
                killed += 1
        ledger.close()

        ledger = backend.open(clock)
        assert contents(ledger) == left
        # One step further, unhindered: every step comes to be the one that is killed.
        found = step(ledger, most=3)
        ledger.close()

    assert killed
    ledger = backend.open(clock)
    assert contents(ledger) == left
    assert step(ledger) == Progress(0)
    [ended] = run(ledger, lambda t: t.epochs.ended())
    assert ended.position == 4
    ledger.close()
    [present] = {row[1] for row in all_rows(backend) if row[1].hex() in objects(backend)}
    root = FileRootKeys.opened(backend.root_key)
    assert root.name_label("epoch-key") in {row[2] for row in all_rows(backend) if row[1] == present}
    assert check_ledger(backend.url, backend.root_key).damages == ()


def test_a_hub_whose_keys_are_open_goes_on_without_its_provider(
    backend: Backend, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = FileRootKeys.created(backend.root_key)
    ledger = create_ledger(backend.url, root, clock=clock)
    some_records(ledger)
    left = contents(ledger)
    step(ledger, force=True, most=3)
    step(ledger, most=3)
    ledger.close()
    ledger = Ledger(open_store(backend.url), root, clock)

    def away(*_: object) -> bytes:
        raise KeysUnavailable("file", "away", "Bring it back.")

    with monkeypatch.context() as broken:
        for name in ("create", "wrap", "unwrap", "destroy"):
            broken.setattr(root, name, away)
        assert contents(ledger) == left
        append(ledger, record(b"of somebody new", owner(50)))
        while step(ledger).remaining > 1:
            pass
        for _ in range(3):
            try:
                step(ledger)
            except KeysUnavailable:
                break
        with pytest.raises(KeysUnavailable):
            step(ledger)
        assert contents(ledger)[:8] == left
    assert step(ledger).gone_at is not None
    ledger.close()


def test_a_provider_that_is_away_is_not_asked_to_make_objects_in_vain(
    backend: Backend, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = FileRootKeys.created(backend.root_key)
    ledger = create_ledger(backend.url, root, clock=clock)

    def away(*_: object) -> bytes:
        raise KeysUnavailable("file", "away", "Bring it back.")

    for name in ("wrap", "unwrap"):
        with monkeypatch.context() as broken:
            broken.setattr(root, name, away)
            with pytest.raises(KeysUnavailable):
                step(ledger, force=True)
        assert len(objects(backend)) == 1
    assert step(ledger, force=True).began
    ledger.close()


def test_a_lost_epoch_is_told_with_what_to_do(backend: Backend, clock: ManualClock) -> None:
    backend.create(clock).close()
    [name] = objects(backend)
    file: Path = backend.root_key.with_name("root.key.epochs") / name
    key = file.read_bytes()
    file.unlink()
    with pytest.raises(KeyFileRefused, match="Bring back"):
        backend.open(clock)
    file.write_bytes(bytes(32))
    file.chmod(0o600)
    with pytest.raises(UnsealFailed):
        backend.open(clock)
    file.write_bytes(key)
    backend.open(clock).close()
