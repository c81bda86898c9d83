"""The choices that an agency recorded for one of its clients: all, or what may stand on paper (H12, H13)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import facts
from consent_ledger.access import AccessKind
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: its id, what was chosen, when that was recorded, and how it stands.

    `state` is one of WAITING, ACTIVE, WITHDRAWN, EXPIRED, LIFTED; empty where paper must not say.
    """

    choice_id: UUID
    fact: facts.Grant | facts.Stop | facts.Exclusion | facts.Marker
    recorded: datetime
    state: str


def list_choices(
    work: Work, caller: Caller, *, client_reference: str, for_paper: bool = False
) -> tuple[list[Choice], int]:
    """The caller's own choices for its reference, oldest first, and the access position.

    `for_paper`: without exclusions, protections and quiet stops. A grant that stands has no state there, and
    one that was stopped quietly has none either, so that neither tells which it is.
    """
    found = work.registration(caller, client_reference, open_only=False)
    index, own = work.index, found.registration_id
    choices: list[tuple[UUID, Any]] = [(one.grant_id, one) for one in index.grants_on[own]]
    for recorded in (index.refusals, index.exclusions, index.markers):
        choices += [(identity, one) for identity, one in recorded.items() if one.registration_id == own]
    choices.sort(key=lambda choice: choice[1].position)
    access = work.record_access(caller, AccessKind.AUDIT)
    return [
        Choice(
            identity,
            _with_speaker(work, one),
            index.recorded_times[identity],
            _on_paper(work, one) if for_paper else _state(one),
        )
        for identity, one in choices
        if not for_paper or _may_be_printed(one)
    ], access


def _with_speaker(work: Work, fact: Any) -> Any:
    """With the reference of another client who spoke for this one, as it stands now; empty once erased."""
    if not isinstance(fact, facts.Grant) or fact.given_by is None or fact.given_by.registration_id is None:
        return fact
    reference = work.index.registrations[fact.given_by.registration_id].reference
    return replace(fact, given_by=replace(fact.given_by, reference=reference))


def _state(fact: object) -> str:
    match fact:
        case facts.Grant():
            if fact.withdrawn:
                return "WITHDRAWN"
            if fact.expired:
                return "EXPIRED"
            return "ACTIVE" if fact.begun else "WAITING"
        case facts.Exclusion() | facts.Marker() if fact.lifted:
            return "LIFTED"
        case _:
            return "ACTIVE"


def _may_be_printed(fact: object) -> bool:
    return isinstance(fact, facts.Grant) or (isinstance(fact, facts.Stop) and not fact.quiet)


def _on_paper(work: Work, fact: object) -> str:
    """What ended openly says so. A quiet end says what its time alone would have brought about."""
    if isinstance(fact, facts.Grant) and fact.withdrawn:
        stops = work.index.stops_on[fact.registration_id]
        if any(stop.quiet for stop in stops if stop.grant_id == fact.grant_id):
            return "EXPIRED" if work.index.grant_ends[fact.grant_id] <= work.now else ""
    state = _state(fact)
    return state if state in ("WITHDRAWN", "EXPIRED") else ""
