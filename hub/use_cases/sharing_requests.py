"""Asking other agencies to share something about a client, and answering (SAFETY H6).

The asker gets the same acknowledgement and the same clock whoever there is. Until somebody permits, refused,
unanswered and nothing there cannot be told apart; nor after the clock, when all three are told as not shared.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from consent_ledger import facts
from consent_ledger.domain import SharingAnswer, SharingRequest
from consent_ledger.errors import Refused
from consent_ledger.sharing import (
    Asked,
    BasisEvidence,
    DecisionKind,
    PartyBasis,
    RefusalToShare,
    SharingAnswerKind,
    SharingPower,
)
from consent_ledger.staff import Role
from consent_ledger.statutory_duties import DUTIES, Duties
from consent_ledger.vocabulary import ConfidentialityBasis, DataCategory, Purpose
from consent_ledger.working_days import working_days_later
from hub.use_cases.sharing_decisions import (
    MAY_ANSWER,
    Resting,
    Shared,
    decide,
    own_records,
    owner_of,
    require_basis,
    require_feed,
    require_shareable,
    sealed_why,
    written,
)
from hub.use_cases.work import Caller, Work

MAY_ASK = (Role.NAVIGATOR, Role.KEYWORKER, Role.EMERGENCY_DESK, *MAY_ANSWER)
ANSWER_WITHIN = 5
IN_AN_EMERGENCY = 1
"""Working days."""


def request_sharing(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    purposes: frozenset[Purpose],
    categories: frozenset[DataCategory],
    basis: PartyBasis,
    power: SharingPower,
    why: str,
) -> tuple[UUID, datetime, int]:
    """Asks whoever holds something: the request's id, when it is answered at the latest, and the position.

    Everything that can be refused is the caller's own: `ROLE_NEEDED`, `REFERENCE_NOT_REGISTERED`,
    `NOT_OVERRIDABLE`, `INVALID_FIELD`.
    """
    staff = work.require_role(caller, *MAY_ASK)
    registration = work.registration(caller, client_reference)
    require_shareable(purposes, categories)
    require_feed(work, registration.agency_id, purposes, categories)
    require_basis(work, registration.agency_id, basis, categories, "basis")
    within = IN_AN_EMERGENCY if Purpose.EMERGENCY in purposes else ANSWER_WITHIN
    due = working_days_later(work.now, within)
    identity = work.new_id()
    request = SharingRequest.begin(
        identity,
        registration_id=registration.registration_id,
        agency_id=registration.agency_id,
        purposes=sorted(purposes),
        categories=sorted(categories),
        basis=written(basis),
        power=power,
        asked_by=staff.reference,
        role=staff.role,
        due=due,
    )
    beside = sealed_why(registration.registration_id, why)
    return identity, due, work.save(request, owner_of(registration.registration_id), beside=beside)


def answer_sharing(
    work: Work,
    caller: Caller,
    *,
    sharing_request_id: UUID,
    outcome: SharingAnswerKind,
    purposes: frozenset[Purpose] = frozenset(),
    categories: frozenset[DataCategory] = frozenset(),
    record_ids: Sequence[str] = (),
    until: datetime | None = None,
    basis: PartyBasis | None = None,
    confidentiality_basis: ConfidentialityBasis | None = None,
    evidence: BasisEvidence = facts.NO_EVIDENCE,
    notice_id: str = "",
    reason: RefusalToShare | None = None,
    why: str = "",
    duties: Duties = DUTIES,
) -> tuple[UUID | None, int]:
    """Answers for the caller's own records: the decision's id where something is shared, and the position.

    A refusal may be followed by a permission, late as well. Raises `ROLE_NEEDED`, `NOT_FOUND` where the
    caller is not asked, `DECISION_STATE` where it answered so already, and what `decide` raises.
    """
    staff = work.require_role(caller, *MAY_ANSWER)
    agency_id, requests = caller.agency(), work.index.sharing.requests
    asked = requests.get(sharing_request_id)
    # What is not there takes as long as what is another's: the newest of these is looked at instead.
    others = (one for one in reversed(requests.values()) if one.agency_id != agency_id)
    looked_at = asked or next(others, None)
    own = [] if looked_at is None else _asked_by_facts(work, agency_id, looked_at)
    registration = None if asked is None else _first_holding(work, own)
    if asked is None or registration is None:
        raise Refused("NOT_FOUND")
    _require_open(work, caller.agency(), sharing_request_id, outcome)
    decision_id = None
    if outcome is SharingAnswerKind.REFUSE:
        if reason is None:
            raise Refused("INVALID_FIELD", field="reason", rule="a refusal has one")
    else:
        if until is None or basis is None or confidentiality_basis is None or not why:
            rule = "sharing needs an end, a basis in law and in confidence, and why"
            raise Refused("INVALID_FIELD", field="until_time", rule=rule)
        shared = Shared(
            asked.agency_id,
            *_narrowed(asked, outcome, purposes, categories),
            own_records(work, caller, registration.registration_id, record_ids),
        )
        if confidentiality_basis is ConfidentialityBasis.PUBLIC_INTEREST:
            evidence = replace(evidence, authorised_by=staff.reference)
        decision_id, _ = decide(
            work,
            registration,
            DecisionKind.ON_REQUEST,
            shared,
            Resting(basis, asked.basis, confidentiality_basis, evidence, notice_id),
            until=until,
            why=why,
            decided_by=staff.reference,
            role=staff.role,
            answers=sharing_request_id,
            duties=duties,
        )
    answer = SharingAnswer.begin(
        work.new_id(),
        sharing_request_id=sharing_request_id,
        registration_id=registration.registration_id,
        agency_id=registration.agency_id,
        outcome=outcome,
        reason=str(reason or ""),
        decision_id=decision_id,
        answered_by=staff.reference,
        role=staff.role,
    )
    return decision_id, work.save(answer, owner_of(registration.registration_id))


def asked_on(work: Work, agency_id: str, asked: Asked) -> facts.Registration | None:
    """The agency's own registration that it is asked about; `None` when it is not asked.

    Asked is whoever has recorded something of the person and is not the asker, as people are linked now;
    nobody any more once the asker has left, and nobody whom the person had shut out: who asks, and why, would
    tell them where she is helped.
    """
    return _first_holding(work, _asked_by_facts(work, agency_id, asked))


def _asked_by_facts(work: Work, agency_id: str, asked: Asked) -> list[facts.Registration]:
    """The agency's registrations on which it is asked, if anything is recorded there."""
    if agency_id == asked.agency_id or work.index.agencies[asked.agency_id].departed is not None:
        return []
    if _was_shut_out(work, agency_id, asked):
        return []
    members = map(work.index.registrations.__getitem__, sorted(work.index.component(asked.registration_id)))
    return [one for one in members if one.agency_id == agency_id and not one.in_error]


def _was_shut_out(work: Work, agency_id: str, asked: Asked) -> bool:
    """Whether the person shut the agency out, or somebody there, before it was asked. What it was asked
    before that it has read: were that gone, it would learn of the choice."""
    return any(
        one.agency_id == agency_id and not one.lifted and one.position < asked.position
        for one in work.index.person(asked.registration_id).exclusions
    )


def _first_holding(work: Work, own: Sequence[facts.Registration]) -> facts.Registration | None:
    return next((one for one in own if work.segments.holds_any(one.registration_id)), None)


def _require_open(work: Work, agency_id: str, asked: UUID, outcome: SharingAnswerKind) -> None:
    known = work.index.sharing.answer_of(asked, agency_id)
    if known is None:
        return
    refused_again = known.decision_id is None and outcome is SharingAnswerKind.REFUSE
    shared = known.decision_id is not None and work.index.sharing.decisions[known.decision_id].active
    if refused_again or shared:
        raise Refused("DECISION_STATE")


def _narrowed(
    asked: Asked,
    outcome: SharingAnswerKind,
    purposes: frozenset[Purpose],
    categories: frozenset[DataCategory],
) -> tuple[frozenset[Purpose], frozenset[DataCategory]]:
    """What is shared of what was asked for: all of it, or a part."""
    if outcome is SharingAnswerKind.PERMIT:
        if purposes or categories:
            raise Refused("INVALID_FIELD", field="categories", rule="a part of it is NARROW")
        return asked.purposes, asked.categories
    left = (purposes or asked.purposes, categories or asked.categories)
    if not (left[0] <= asked.purposes and left[1] <= asked.categories):
        raise Refused("INVALID_FIELD", field="categories", rule="no more than was asked for")
    if left == (asked.purposes, asked.categories):
        raise Refused("INVALID_FIELD", field="categories", rule="less than was asked for")
    return left
