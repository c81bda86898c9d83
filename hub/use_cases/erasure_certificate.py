"""How far the caller's erasures and holds have come, and the certificate of one (UK GDPR Articles 17, 19)."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from consent_ledger import domain
from consent_ledger.access import AccessKind, StepKind
from consent_ledger.erasures import Erasure, Hold
from consent_ledger.errors import Refused
from hub.use_cases.audit import DisclosureLine, disclosure_lines
from hub.use_cases.certificate_words import Facts, statement
from hub.use_cases.erasure import ERASED_IDS, erased_fragments
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class ErasureLine:
    """One erasure as the asking agency sees it: what it recorded itself. `open_retractions`: copies of that
    elsewhere that nobody has said to be gone."""

    erasure: Erasure
    open_retractions: int


def list_erasures(work: Work, caller: Caller) -> tuple[list[ErasureLine], list[Hold], int]:
    """The caller's erasures, then its holds in force, newest first, and the position of this look."""
    agency_id = caller.agency()
    index = work.index
    lines: dict[UUID, list[DisclosureLine]] = {}
    erasures = [
        ErasureLine(one.on(own), len(_open(_told(work, agency_id, one, lines))))
        for one in sorted(index.erasures.values(), key=lambda one: -one.position)
        if (own := _own(work, agency_id, one.registrations))
    ]
    holds = [
        one
        for one in sorted(index.holds.values(), key=lambda one: -one.position)
        if not one.lifted and _own(work, agency_id, one.registrations)
    ]
    return erasures, holds, work.record_access(caller, AccessKind.AUDIT)


def get_certificate(work: Work, caller: Caller, *, erasure_id: UUID) -> tuple[ErasureLine, str, int]:
    """The erasure, a statement for the client, and the position of this look. Raises `NOT_FOUND`."""
    agency_id = caller.agency()
    erasure = work.index.erasures.get(erasure_id)
    own = [] if erasure is None else _own(work, agency_id, erasure.registrations)
    if erasure is None or not own:
        raise Refused("NOT_FOUND")
    told = _told(work, agency_id, erasure, {})
    unanswered = _open(told)
    index = work.index

    def names(agencies: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({index.agencies[one].name for one in agencies}))

    seen = erasure.on(own)
    facts = Facts(
        seen,
        names(index.registrations[one].agency_id for one in own),
        names(one.recipient_agency_id for one in told),
        names(agency for agency, _ in unanswered),
        all(index.registrations[one].separable for one in own),
        tuple(
            sorted({hold.ground for one in own for hold in index.holds_on.get(one, ()) if not hold.lifted})
        ),
    )
    access = work.record_access(caller, AccessKind.AUDIT)
    return ErasureLine(seen, len(unanswered)), statement(facts), access


def _own(work: Work, agency_id: str, registrations: Iterable[UUID]) -> list[UUID]:
    return [one for one in registrations if work.index.registrations[one].agency_id == agency_id]


def _told(
    work: Work, agency_id: str, erasure: Erasure, known: dict[UUID, list[DisclosureLine]]
) -> list[DisclosureLine]:
    """What left of the erased content before it was erased, of the agency's own, and what came back."""
    fragments = _fragments(work, erasure)
    found = []
    for registration_id in _own(work, agency_id, erasure.registrations):
        if registration_id not in known:
            known[registration_id] = disclosure_lines(work, registration_id)
        found += [one for one in known[registration_id] if one.fragment_id in fragments]
    return found


def _fragments(work: Work, erasure: Erasure) -> set[UUID]:
    """Those that its entry erased, and those that waited then and do so no more."""
    entry = work.transaction.entry(erasure.position)
    event = work.repository.event(entry)
    assert isinstance(event, domain.Erasure.Created)
    found = {one for part in entry.parts if part.schema == ERASED_IDS for one in erased_fragments(part)}
    return found | {UUID(one) for one in event.waiting if bytes.fromhex(one) not in erasure.waiting}


def _open(lines: Iterable[DisclosureLine]) -> set[tuple[str, UUID]]:
    """(agency, fragment) of each copy whose last retraction nobody has answered."""
    last = {(one.recipient_agency_id, one.fragment_id): one for one in lines if one.step is not StepKind.READ}
    return {of for of, one in last.items() if one.step is not StepKind.RETRACT or not one.outcome}
