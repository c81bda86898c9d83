"""Access entries: who was given what, sent what, read what, or told "nothing". Written before the answer.

One entry per call, whatever the call found, so that the ledger's growth tells nobody anything. Each person
whom the call touched has a part of the entry, sealed under a key of their own registration. So has the
agency's word for who asked where it names a client: it holds their reference, and goes when that does.
"""

import json
import struct
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from consent_ledger.entry import Draft, Entry, EntryClass, KeyOwner, Part
from consent_ledger.vocabulary import HandlingMark, KeyCategory, PermissionState, Purpose, Term

_ACCESS = "access.v1"
_PERSON = "access-person.v2"
_WORD = "access-word.v1"
_SENT = struct.Struct(">Q16s16sI16s")
_SEEN = struct.Struct(">16sI")


class AccessKind(Term):
    """What kind of call was answered."""

    FETCH = "FETCH"
    READ = "READ"
    RECONCILE = "RECONCILE"
    AUDIT = "AUDIT"
    REFUSED = "REFUSED"
    ASSERTED = "ASSERTED"


class StepKind(Term):
    """One step of a difference, or a fragment read."""

    RETRACT = "RETRACT"
    CORRECT = "CORRECT"
    DISCLOSE = "DISCLOSE"
    READ = "READ"


class TermRow(NamedTuple):
    """One purpose under one agreement, and whether it is active, stopped or restricted."""

    purpose: Purpose
    agreement_id: str
    state: PermissionState

    @property
    def key(self) -> str:
        """Names the row within an element."""
        return f"{self.purpose}|{self.agreement_id}"


class StepItem(NamedTuple):
    """One element of a group. Ids and the etag are 16 bytes; a read has no number and no element."""

    sequence: int
    element_id: bytes
    fragment_id: bytes
    revision: int
    etag: bytes


@dataclass(frozen=True, slots=True)
class StepGroup:
    """Elements that one call disclosed, corrected, retracted or read under the same terms.

    `origin` is the registration the fragments were published on, 16 bytes; empty for elements nobody here
    knows. `resent`: the same numbers were sent before and are not counted again. `stub`: only the warning
    that stands for a risk to others is sent.
    """

    kind: StepKind
    origin: bytes
    rows: tuple[TermRow, ...]
    marks: tuple[HandlingMark, ...]
    items: tuple[StepItem, ...]
    resent: bool = False
    stub: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One element disclosed, corrected, retracted or read, for whoever reads the ledger."""

    kind: StepKind
    sequence: int
    fragment_id: UUID | None
    origin: UUID | None
    revision: int
    rows: tuple[TermRow, ...]
    marks: tuple[HandlingMark, ...]
    resent: bool
    element_id: UUID | None
    etag: str
    stub: bool


@dataclass(frozen=True, slots=True)
class PersonAccess:
    """What one call did about one person: `pair` is the recipient's first registration of its reference.

    `complete`: nothing was left over for a next batch. `resting`: what is left is only to be taken back, and
    waits for the feed's window. `voided` are elements (16 bytes) whose last sending was not acknowledged, is
    not repeated, and will be replaced by a later one: no acknowledgement covers it any more. `reported`: what
    an adapter says it holds, as (element, etag).
    """

    pair: UUID
    complete: bool
    groups: tuple[StepGroup, ...] = ()
    reported: tuple[tuple[UUID, str], ...] = ()
    voided: tuple[bytes, ...] = ()
    resting: bool = False

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every element by itself, in order of number."""
        steps = [_step(group, item) for group in self.groups for item in group.items]
        return tuple(sorted(steps, key=lambda step: step.sequence))


def _step(group: StepGroup, item: StepItem) -> Step:
    return Step(
        group.kind,
        item.sequence,
        _known(item.fragment_id),
        _known(group.origin),
        item.revision,
        group.rows,
        group.marks,
        group.resent,
        _known(item.element_id),
        item.etag.hex(),
        group.stub,
    )


def _known(identity: bytes) -> UUID | None:
    return UUID(bytes=identity) if identity.strip(b"\0") else None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed statement of what was done about one retraction, exactly as received."""

    sequence: int
    outcome: str
    statement: bytes
    signature: bytes


class Vouched(NamedTuple):
    """Of an agency's word for who asked, what stays though the word itself is erased: its id, its end in
    seconds since 1970, and the agency's pseudonym for whom it speaks of."""

    jti: UUID
    expires: int
    subject: str


def vouched_in(assertion: str) -> Vouched:
    """What stays of an assertion that held when it was sent."""
    payload = assertion.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return Vouched(UUID(claims["jti"]), claims["exp"], str(claims["sub"]))


@dataclass(frozen=True, slots=True)
class Accessed:
    """One answered call. `key` is the caller's certificate key: the SHA-256 of its SubjectPublicKeyInfo, in
    hexadecimal; empty for the operator, and in entries from before it was kept."""

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
    assertion: str = ""
    """The agency's signed word for who asked, as it was sent; empty where none was needed, or once erased."""
    key: str = ""
    vouched: Vouched | None = None
    """What stays of that word, in entries that were read; None where none was needed."""

    def draft(self, stream_id: UUID, *, word_names: UUID | None = None) -> Draft:
        """The entry to append, on a stream of its own. `word_names`: the registration whose reference stands
        in the assertion, with which it can be read no more."""
        vouched = vouched_in(self.assertion) if self.assertion else None
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
            **({"word": [vouched.jti.hex, vouched.expires, vouched.subject]} if vouched else {}),
            **({"key": self.key} if self.key else {}),
        }
        hubs = KeyOwner(None, KeyCategory.ACCESS)
        parts = [_part(_ACCESS, header, hubs)]
        if vouched:
            # As the reference itself: what names a client goes with it.
            owner = hubs if word_names is None else KeyOwner(word_names, KeyCategory.LINK)
            parts.append(Part(_WORD, self.assertion.encode(), (owner,)))
        parts += [
            Part(_PERSON, _write_person(person), (KeyOwner(person.pair, KeyCategory.ACCESS),))
            for person in self.people
        ]
        return Draft(EntryClass.CLIENT, stream_id, 1, tuple(parts), changes_policy=False)


def _part(schema: str, value: dict[str, Any], owner: KeyOwner) -> Part:
    return Part(schema, json.dumps(value, separators=(",", ":")).encode(), (owner,))


def _write_person(person: PersonAccess) -> bytes:
    """What all elements of a group share as JSON behind its length, then the elements side by side."""
    header = [
        person.pair.hex,
        person.complete,
        person.resting,
        [one.hex() for one in person.voided],
        [[element.hex, etag] for element, etag in person.reported],
        [
            [
                group.kind,
                group.origin.hex(),
                write_rows(group.rows),
                group.marks,
                group.resent,
                group.stub,
                len(group.items),
            ]
            for group in person.groups
        ],
    ]
    written = json.dumps(header, separators=(",", ":")).encode()
    pieces = [len(written).to_bytes(4), written]
    for group in person.groups:
        if group.kind is StepKind.READ:
            pieces += [_SEEN.pack(item[2], item[3]) for item in group.items]
        else:
            pieces += [_SENT.pack(*item) for item in group.items]
    return b"".join(pieces)


def write_rows(rows: tuple[TermRow, ...]) -> list[list[str]]:
    """Rows as JSON values."""
    return [[row.purpose, row.agreement_id, row.state] for row in rows]


def read_rows(value: list[list[str]]) -> tuple[TermRow, ...]:
    """Rows from JSON values."""
    return tuple(TermRow(Purpose(a), b, PermissionState(c)) for a, b, c in value)


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def _read_person(payload: bytes, with_items: bool) -> PersonAccess:
    at = 4 + int.from_bytes(payload[:4])
    pair, complete, resting, voided, reported, groups = json.loads(payload[4:at])
    read = []
    for kind, origin, rows, marks, resent, stub, count in groups:
        seen = kind == StepKind.READ
        shape = _SEEN if seen else _SENT
        end = at + count * shape.size
        items = shape.iter_unpack(payload[at:end] if with_items else b"")
        read.append(
            StepGroup(
                StepKind(kind),
                bytes.fromhex(origin),
                read_rows(rows),
                tuple(HandlingMark(mark) for mark in marks),
                tuple(StepItem(0, b"", one, revision, b"") for one, revision in items)
                if seen
                else tuple(StepItem._make(item) for item in items),
                resent,
                stub,
            )
        )
        at = end
    return PersonAccess(
        UUID(pair),
        complete,
        tuple(read),
        tuple((UUID(element), etag) for element, etag in reported),
        tuple(bytes.fromhex(element) for element in voided),
        resting,
    )


def read_access_entry(entry: Entry, *, what_was_read: bool = True) -> Accessed | None:
    """The access the entry records; `None` if it is of another kind.

    Without `what_was_read` a reading's fragments are left out, and only whose they were is told: they are
    hundreds, and no projection keeps them.
    """
    if entry.parts[0].schema != _ACCESS:
        return None
    header = json.loads(entry.parts[0].payload)
    kind = AccessKind(header["kind"])
    with_items = what_was_read or kind is not AccessKind.READ
    # In older entries the whole word stands in the header.
    word = header.get("assertion", "")
    vouched = vouched_in(word) if word else None
    if "word" in header:
        jti, expires, subject = header["word"]
        vouched = Vouched(UUID(jti), expires, subject)
        word = next((part.payload.decode() for part in entry.parts if part.schema == _WORD), "")
    return Accessed(
        kind,
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
        tuple(_read_person(part.payload, with_items) for part in entry.parts if part.schema == _PERSON),
        assertion=word,
        key=header.get("key", ""),
        vouched=vouched,
    )
