"""What an agency sees of requests to share and of decisions: its own, and what it is asked."""

from dataclasses import dataclass
from uuid import UUID

from consent_ledger import facts
from consent_ledger.access import AccessKind
from consent_ledger.sharing import (
    Asked,
    Made,
    Override,
    SharingAnswerKind,
    SharingDecision,
    SharingStatus,
)
from hub.use_cases.sharing_decisions import MAY_ANSWER, why_of
from hub.use_cases.sharing_requests import MAY_ASK, asked_on
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class ListedRequest:
    """One request as one side sees it: `client_reference` is that side's own.

    `status` and `permitted` are the asker's; `why`, `overdue` and `answered` those of whoever has to answer.
    """

    asked: Asked
    client_reference: str
    asker_name: str
    status: SharingStatus | None = None
    permitted: tuple[tuple[SharingDecision, Made], ...] = ()
    why: str = ""
    overdue: bool = False
    answered: SharingAnswerKind | None = None


@dataclass(frozen=True, slots=True)
class ListedDecision:
    """One decision of the caller's own agency, with why it was necessary."""

    decision: SharingDecision
    made: Made
    client_reference: str
    why: str


@dataclass(frozen=True, slots=True)
class ListedOverride:
    """One override that waits for a lead."""

    override: Override
    client_reference: str
    why: str


def list_sharing_requests(
    work: Work, caller: Caller, *, to_answer: bool, client_reference: str = ""
) -> tuple[list[ListedRequest], int]:
    """The caller's own requests, or those it has to answer, the earliest clock first; the look's position.

    Raises `ROLE_NEEDED`.
    """
    work.require_role(caller, *(MAY_ANSWER if to_answer else MAY_ASK))
    listed = _to_answer if to_answer else _own
    found = [
        one
        for asked in work.index.sharing.requests.values()
        if (one := listed(work, caller.agency(), asked)) is not None
        and client_reference in ("", one.client_reference)
    ]
    found.sort(key=lambda one: (one.asked.due, one.asked.sharing_request_id))
    return found, work.record_access(caller, AccessKind.AUDIT)


def _own(work: Work, agency_id: str, asked: Asked) -> ListedRequest | None:
    if asked.agency_id != agency_id:
        return None
    sharing = work.index.sharing
    permitted = sorted(sharing.permitted(asked.sharing_request_id), key=lambda one: one.position)
    return ListedRequest(
        asked,
        work.index.registrations[asked.registration_id].reference,
        work.index.agencies[agency_id].name,
        status=sharing.status(asked.sharing_request_id),
        permitted=tuple((one, sharing.made[one.decision_id]) for one in permitted),
    )


def _to_answer(work: Work, agency_id: str, asked: Asked) -> ListedRequest | None:
    registration = asked_on(work, agency_id, asked)
    if registration is None:
        return None
    known = work.index.sharing.answer_of(asked.sharing_request_id, agency_id)
    return ListedRequest(
        asked,
        registration.reference,
        work.index.agencies[asked.agency_id].name,
        why=why_of(work, asked.sharing_request_id),
        overdue=known is None and asked.clock_ended,
        answered=None if known is None else known.outcome,
    )


def list_decisions(
    work: Work, caller: Caller, *, client_reference: str = ""
) -> tuple[list[ListedDecision], list[ListedOverride], int]:
    """What the caller's agency decided, newest first; what waits for a lead, oldest first; the position.

    Raises `ROLE_NEEDED`, `REFERENCE_NOT_REGISTERED`.
    """
    work.require_role(caller, *MAY_ANSWER)
    agency_id, index = caller.agency(), work.index
    only = None
    if client_reference:
        only = index.component(work.registration(caller, client_reference, open_only=False).registration_id)
    decisions = [
        ListedDecision(
            one,
            index.sharing.made[one.decision_id],
            _on(work, one.registration_id).reference,
            why_of(work, one.decision_id),
        )
        for one in index.sharing.decisions.values()
        if one.holder_agency_id == agency_id and (only is None or one.registration_id in only)
    ]
    overrides = [
        ListedOverride(one, _on(work, one.registration_id).reference, why_of(work, one.override_id))
        for one in index.sharing.overrides.values()
        if one.agency_id == agency_id
        and not one.declined
        and one.decision_id is None
        and (only is None or one.registration_id in only)
    ]
    decisions.sort(key=lambda one: -one.decision.position)
    overrides.sort(key=lambda one: (one.override.asked_at, one.override.override_id))
    return decisions, overrides, work.record_access(caller, AccessKind.AUDIT)


def _on(work: Work, registration_id: UUID) -> facts.Registration:
    return work.index.registrations[registration_id]
