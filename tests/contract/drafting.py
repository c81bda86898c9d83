"""Drafts and shorthand shared by the storage suite."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event
from typing import TypeVar
from uuid import UUID, uuid4

from consent_ledger.ledger import Draft, EntryClass, KeyOwner, Ledger, Part, Transaction

T = TypeVar("T")

NOBODY = KeyOwner(None, "ADMINISTRATION")


def draft(
    payload: bytes = b"something",
    *,
    stream: UUID | None = None,
    version: int = 1,
    owner: KeyOwner = NOBODY,
    changes_policy: bool = False,
) -> Draft:
    """One entry of one part, in a stream of its own unless given one."""
    return Draft(
        entry_class=EntryClass.CLIENT,
        stream_id=stream or uuid4(),
        version=version,
        parts=(Part("test.v1", payload, (owner,)),),
        changes_policy=changes_policy,
    )


def run(ledger: Ledger, command: Callable[[Transaction], T]) -> T:
    """Submits a command and waits for its commit."""
    return ledger.submit(command).result(timeout=30)


def append(ledger: Ledger, *drafts: Draft, decided_at: int | None = None) -> list[int]:
    """Appends, by default as decided at the ledger's end."""

    def command(transaction: Transaction) -> list[int]:
        at = transaction.size if decided_at is None else decided_at
        return transaction.append(drafts, decided_at=at)

    return run(ledger, command)


def together(ledger: Ledger, *commands: Callable[[Transaction], T]) -> "list[Future[T]]":
    """Has several commands wait at once, so that one commit takes them all."""
    started, gate = Event(), Event()

    def hold(_transaction: Transaction) -> bool:
        started.set()
        return gate.wait(30)

    first = ledger.submit(hold)
    assert started.wait(30)
    waiting = [ledger.submit(command) for command in commands]
    gate.set()
    assert first.result(timeout=30)
    return waiting


def payloads(ledger: Ledger) -> list[bytes]:
    """The first part of every entry, in order."""
    return run(ledger, lambda t: [entry.parts[0].payload for entry in t.entries(0, t.size)])
