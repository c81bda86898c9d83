"""Access entries: who was given what, sent what, read what, or told "nothing". Written before the answer.

One entry per call, whatever the call found, so that the ledger's growth tells nobody anything. Each person
whom the call touched has a part of the entry, sealed under a key of their own registration.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from consent_ledger.entry import Draft, Entry, EntryClass, KeyOwner, Part
from consent_ledger.vocabulary import HandlingMark, KeyCategory, PermissionState, Purpose, Term

_ACCESS = "access.v1"
_PERSON = "access-person.v1"


class AccessKind(Term):
    """What kind of call was answered."""

    FETCH = "FETCH"
    READ = "READ"
    RECONCILE = "RECONCILE"
    AUDIT = "AUDIT"
    REFUSED = "REFUSED"


class StepKind(Term):
    """One step of a difference, or a fragment read."""

    RETRACT = "RETRACT"
    CORRECT = "CORRECT"
    DISCLOSE = "DISCLOSE"
    READ = "READ"


@dataclass(frozen=True, slots=True)
class TermRow:
    """One purpose under one agreement, and whether it is active, stopped or restricted."""

    purpose: Purpose
    agreement_id: str
    state: PermissionState


@dataclass(frozen=True, slots=True)
class Step:
    """One element disclosed, corrected, retracted or read.

    `sequence` is 0 for a read. `resent`: the same number was sent before and is not counted again.
    `origin` is the registration the fragment was published on; `None` for an element nobody here knows.
    """

    kind: StepKind
    sequence: int
    element_id: UUID
    fragment_id: UUID | None
    origin: UUID | None
    revision: int
    rows: tuple[TermRow, ...]
    marks: tuple[HandlingMark, ...]
    etag: str
    resent: bool = False


@dataclass(frozen=True, slots=True)
class PersonAccess:
    """What one call did about one person: `pair` is the recipient's first registration of its reference.

    `complete`: nothing was left over for a next batch. `voided` are elements whose last sending was not
    acknowledged, is not repeated, and will be replaced by a later one: no acknowledgement covers it any more.
    `reported`: what an adapter says it holds, as
    (element, etag).
    """

    pair: UUID
    complete: bool
    steps: tuple[Step, ...] = ()
    reported: tuple[tuple[UUID, str], ...] = ()
    voided: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed statement of what was done about one retraction, exactly as received."""

    sequence: int
    outcome: str
    statement: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Accessed:
    """One answered call."""

    kind: AccessKind
    agency_id: str | None
    by: str
    feed_id: UUID | None = None
    acknowledged: int | None = None
    code: str = ""
    receipts: tuple[Receipt, ...] = ()
    page: int = 0
    last_page: bool = False
    people: tuple[PersonAccess, ...] = field(default=())

    def draft(self, stream_id: UUID) -> Draft:
        """The entry to append, on a stream of its own."""
        header = {
            "kind": self.kind,
            "agency": self.agency_id,
            "by": self.by,
            "feed": None if self.feed_id is None else self.feed_id.hex,
            "acknowledged": self.acknowledged,
            "code": self.code,
            "receipts": [
                [one.sequence, one.outcome, one.statement.hex(), one.signature.hex()] for one in self.receipts
            ],
            "page": self.page,
            "last": self.last_page,
        }
        parts = [_part(_ACCESS, header, KeyOwner(None, KeyCategory.ACCESS))]
        parts += [
            _part(_PERSON, _write_person(person), KeyOwner(person.pair, KeyCategory.ACCESS))
            for person in self.people
        ]
        return Draft(EntryClass.CLIENT, stream_id, 1, tuple(parts), changes_policy=False)


def _part(schema: str, value: dict[str, Any], owner: KeyOwner) -> Part:
    return Part(schema, json.dumps(value, separators=(",", ":")).encode(), (owner,))


def _write_person(person: PersonAccess) -> dict[str, Any]:
    return {
        "pair": person.pair.hex,
        "complete": person.complete,
        "reported": [[element.hex, etag] for element, etag in person.reported],
        "voided": [element.hex for element in person.voided],
        "steps": [
            [
                step.kind,
                step.sequence,
                step.element_id.hex,
                None if step.fragment_id is None else step.fragment_id.hex,
                None if step.origin is None else step.origin.hex,
                step.revision,
                write_rows(step.rows),
                list(step.marks),
                step.etag,
                step.resent,
            ]
            for step in person.steps
        ],
    }


def write_rows(rows: tuple[TermRow, ...]) -> list[list[str]]:
    """Rows as JSON values."""
    return [[row.purpose, row.agreement_id, row.state] for row in rows]


def read_rows(value: list[list[str]]) -> tuple[TermRow, ...]:
    """Rows from JSON values."""
    return tuple(TermRow(Purpose(a), b, PermissionState(c)) for a, b, c in value)


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def _read_person(payload: bytes) -> PersonAccess:
    value = json.loads(payload)
    return PersonAccess(
        UUID(value["pair"]),
        value["complete"],
        tuple(
            Step(
                StepKind(kind),
                sequence,
                UUID(element),
                _uuid(fragment),
                _uuid(origin),
                revision,
                read_rows(rows),
                tuple(HandlingMark(mark) for mark in marks),
                etag,
                resent,
            )
            for kind, sequence, element, fragment, origin, revision, rows, marks, etag, resent in value[
                "steps"
            ]
        ),
        tuple((UUID(element), etag) for element, etag in value["reported"]),
        tuple(UUID(element) for element in value["voided"]),
    )


def read_access_entry(entry: Entry) -> Accessed | None:
    """The access the entry records; `None` if it is of another kind."""
    if entry.parts[0].schema != _ACCESS:
        return None
    header = json.loads(entry.parts[0].payload)
    return Accessed(
        AccessKind(header["kind"]),
        header["agency"],
        header["by"],
        _uuid(header["feed"]),
        header["acknowledged"],
        header["code"],
        tuple(
            Receipt(sequence, outcome, bytes.fromhex(statement), bytes.fromhex(signature))
            for sequence, outcome, statement, signature in header["receipts"]
        ),
        header["page"],
        header["last"],
        tuple(_read_person(part.payload) for part in entry.parts if part.schema == _PERSON),
    )
