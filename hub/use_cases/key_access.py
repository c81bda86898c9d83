"""What one key asked for and was given: an agency's answer to "what did the thief see?"."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger.access import AccessKind, PersonAccess, StepKind, read_access_entry
from consent_ledger.errors import Refused
from consent_ledger.ledger import Entry
from hub.use_cases.certificates import require_own
from hub.use_cases.work import Caller, Work

LOOKED_AT = 1000
"""Entries that one page looks through: each has to be opened to know whose it is."""


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """What one call was given about one client.

    `client_reference`: `None` for a call about nobody; empty where it was erased.
    """

    position: int
    recorded_at: datetime
    kind: AccessKind
    client_reference: str | None
    given: int
    taken_back: int
    code: str


@dataclass(frozen=True, slots=True)
class KeyAccessPage:
    """A part of the ledger looked through. `next`: where to go on; 0: no more. `access`: its entry."""

    accesses: tuple[KeyAccess, ...]
    calls: int
    given: int
    next: int
    access: int


def list_key_access(
    work: Work, caller: Caller, *, agency_id: str, public_key_sha256: bytes, since: datetime, after: int
) -> KeyAccessPage:
    """One page, oldest first. The operator is told how much, never of whom. Raises `NOT_FOUND`."""
    require_own(work, caller, agency_id)
    known, key = work.index.agencies[agency_id], public_key_sha256.hex()
    if key not in known.origins:
        raise Refused("NOT_FOUND")
    begin = max(after, position_before(work, since))
    entries = work.transaction.entries(begin, LOOKED_AT)
    found: list[KeyAccess] = []
    calls = given = 0
    for entry in entries:
        lines = _of(work, entry, agency_id, key)
        calls += bool(lines)
        given += sum(line.given for line in lines)
        found += lines
    following = entries[-1].position if len(entries) == LOOKED_AT else 0
    told = () if caller.operator else tuple(found)
    return KeyAccessPage(told, calls, given, following, work.record_access(caller, AccessKind.AUDIT))


def position_before(work: Work, since: datetime) -> int:
    """The position of the last entry that was recorded before a moment: times never fall."""
    low, high = 0, work.transaction.size
    while low < high:
        middle = (low + high + 1) // 2
        if work.transaction.entry(middle).recorded_at < since:
            low = middle
        else:
            high = middle - 1
    return low


def _of(work: Work, entry: Entry, agency_id: str, key: str) -> list[KeyAccess]:
    access = read_access_entry(entry)
    if access is None or access.agency_id != agency_id or access.key != key:
        return []
    at = (entry.position, entry.recorded_at, access.kind)
    if not access.people:
        return [KeyAccess(*at, None, 0, 0, access.code)]
    return [
        KeyAccess(*at, _reference(work, person.pair), *_counted(person), access.code)
        for person in access.people
    ]


def _counted(person: PersonAccess) -> tuple[int, int]:
    """How many elements were given, and how many were to be taken back."""
    kinds = [step.kind for step in person.steps]
    back = kinds.count(StepKind.RETRACT)
    return len(kinds) - back, back


def _reference(work: Work, pair: UUID) -> str:
    """The agency's own reference; empty where it was erased."""
    known = work.index.registrations.get(pair)
    return "" if known is None or known.erased else known.reference
