"""Sharing against a danger: by two people of one agency, or in an emergency by one and then another."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from consent_ledger import facts
from consent_ledger.domain import SharingDecision, SharingOverride
from consent_ledger.errors import Refused
from consent_ledger.sharing import (
    BasisEvidence,
    ClientTold,
    DecisionKind,
    Override,
    OverrideRisk,
    PartyBasis,
    WhyNoConsent,
)
from consent_ledger.statutory_duties import DUTIES, Duties
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    ConfidentialityBasis,
    DataCategory,
    LawfulBasis,
    Purpose,
)
from consent_ledger.working_days import working_days_later
from hub.use_cases.sharing_decisions import (
    LASTS_AT_MOST,
    MAY_AUTHORISE,
    Resting,
    Shared,
    decide,
    own_decision,
    own_records,
    owner_of,
    require_basis,
    require_feed,
    require_not_shut_out,
    require_shareable,
    sealed_why,
    why_of,
    written,
)
from hub.use_cases.work import Caller, Work

EMERGENCY_LASTS = timedelta(days=7)
"""Where whoever decides at night names no end."""
VITAL = PartyBasis(LawfulBasis.A6_1_D, Article9Condition.A9_2_C, None)
"""What both agencies rest on in an emergency: somebody's vital interests, who cannot say so themselves."""


def _purposes(work: Work, recipient: str, asked: frozenset[Purpose], meant: Purpose) -> frozenset[Purpose]:
    """What it is used for. Where nobody says, and the recipient's feeds do not know the purpose that is
    meant, it is for the support they give: nothing is to fail at night for a word."""
    if asked:
        return asked
    work.require_agency(recipient)
    feeds = [work.index.feeds[feed_id] for feed_id in work.index.agencies[recipient].feeds]
    known = not feeds or any(meant in feed.purposes for feed in feeds)
    return frozenset({meant if known else Purpose.DIRECT_SUPPORT})


def against_a_danger(work: Work, agency_id: str) -> PartyBasis:
    """What an agency rests on for safeguarding where nobody says otherwise: a public task, or for any other
    body the recognised legitimate interest in safeguarding (UK GDPR Article 6(1)(ea), Annex 1)."""
    public = work.index.agencies[agency_id].public_authority
    lawful = LawfulBasis.A6_1_E if public else LawfulBasis.A6_1_EA
    return PartyBasis(lawful, Article9Condition.A9_2_G, Article10Condition.SCH1_P18)


def request_override(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    recipient: str,
    purposes: frozenset[Purpose],
    categories: frozenset[DataCategory],
    record_ids: Sequence[str] = (),
    holder_basis: PartyBasis | None = None,
    recipient_basis: PartyBasis | None = None,
    risk: OverrideRisk,
    why_no_consent: WhyNoConsent,
    told: ClientTold,
    why: str,
    until: datetime,
) -> tuple[UUID, int]:
    """Asks a safeguarding lead of the caller's agency to share against a danger: its id and position.

    Raises `ROLE_NEEDED` without a live relationship to the client, and what `decide` raises.
    """
    staff = work.require_role(caller)
    registration = work.registration(caller, client_reference)
    staffing = work.index.staff
    if not staffing.relationships_with(registration.registration_id, staff.reference) and not (
        staffing.broken_for(registration.registration_id, staff.reference)
    ):
        raise Refused("ROLE_NEEDED", role="whoever works with the client")
    purposes = _purposes(work, recipient, purposes, Purpose.SAFEGUARDING)
    shared = _with_another(work, caller, registration, recipient, purposes, categories, record_ids)
    holder_basis = holder_basis or against_a_danger(work, registration.agency_id)
    recipient_basis = recipient_basis or against_a_danger(work, recipient)
    require_not_shut_out(work, registration, DecisionKind.SAFEGUARDING, shared)
    require_basis(work, registration.agency_id, holder_basis, categories, "holder_basis")
    require_basis(work, recipient, recipient_basis, categories, "recipient_basis")
    if not work.now < until <= work.now + LASTS_AT_MOST[DecisionKind.SAFEGUARDING]:
        raise Refused("IMPOSSIBLE_TIME", field="until_time")
    override_id = work.new_id()
    override = SharingOverride.begin(
        override_id,
        registration_id=registration.registration_id,
        agency_id=registration.agency_id,
        recipient=recipient,
        purposes=sorted(purposes),
        categories=sorted(categories),
        record_ids=sorted(str(one) for one in shared.record_ids),
        holder_basis=written(holder_basis),
        recipient_basis=written(recipient_basis),
        risk=risk,
        why_no_consent=why_no_consent,
        told=told,
        until=until,
        asked_by=staff.reference,
        role=staff.role,
    )
    beside = sealed_why(registration.registration_id, why)
    return override_id, work.save(override, owner_of(registration.registration_id), beside=beside)


def _with_another(
    work: Work,
    caller: Caller,
    registration: facts.Registration,
    recipient: str,
    purposes: frozenset[Purpose],
    categories: frozenset[DataCategory],
    record_ids: Sequence[str],
) -> Shared:
    if recipient == caller.agency():
        raise Refused("INVALID_FIELD", field="recipient_agency_id", rule="not the caller itself")
    work.require_agency(recipient)
    if not categories:
        raise Refused("INVALID_FIELD", field="content.categories", rule="at least one")
    require_shareable(purposes, categories)
    require_feed(work, recipient, purposes, categories)
    records = own_records(work, caller, registration.registration_id, record_ids)
    return Shared(recipient, purposes, categories, records)


def authorise_override(
    work: Work, caller: Caller, *, override_id: UUID, decline: bool, duties: Duties = DUTIES
) -> tuple[UUID | None, int]:
    """A lead of the same agency, who did not ask for it, shares or declines: the decision's id, the position.

    Raises `ROLE_NEEDED`, `NOT_FOUND`, `DECISION_STATE`, `SAME_PERSON`, and what `decide` raises.
    """
    staff = work.require_role(caller, *MAY_AUTHORISE)
    known = work.index.sharing.overrides.get(override_id)
    if known is None or known.agency_id != caller.agency():
        raise Refused("NOT_FOUND")
    registration = work.index.registrations[known.registration_id]
    if known.declined or known.decision_id is not None or registration.erased:
        raise Refused("DECISION_STATE")
    if decline:
        override = work.repository.get(SharingOverride, override_id)
        override.decline(staff.reference)
        return None, work.save(override, owner_of(known.registration_id))
    if staff.reference == known.asked_by:
        raise Refused("SAME_PERSON")
    if known.until <= work.now:
        raise Refused("DECISION_STATE")
    return decide(
        work,
        registration,
        DecisionKind.SAFEGUARDING,
        Shared(known.recipient_agency_id, known.purposes, known.categories, known.record_ids),
        _in_the_public_interest(known, staff.reference),
        until=known.until,
        why=why_of(work, override_id),
        decided_by=staff.reference,
        role=staff.role,
        answers=override_id,
        duties=duties,
    )


def _in_the_public_interest(override: Override, authorised_by: str) -> Resting:
    evidence = BasisEvidence(
        str(override.override_id), authorised_by=authorised_by, recorded_by=override.asked_by
    )
    basis = ConfidentialityBasis.PUBLIC_INTEREST
    return Resting(override.holder_basis, override.recipient_basis, basis, evidence)


def decide_in_emergency(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    recipient: str,
    purposes: frozenset[Purpose] = frozenset(),
    categories: frozenset[DataCategory],
    record_ids: Sequence[str] = (),
    why: str,
    until: datetime | None = None,
) -> tuple[UUID, datetime, int]:
    """One person on call shares at once: the decision's id, by when another has to sign it, and the position.

    Raises `ROLE_NEEDED`, and what `decide` raises.
    """
    staff = work.require_role(caller, *MAY_AUTHORISE)
    registration = work.registration(caller, client_reference)
    purposes = _purposes(work, recipient, purposes, Purpose.EMERGENCY)
    shared = _with_another(work, caller, registration, recipient, purposes, categories, record_ids)
    decision_id = work.new_id()
    evidence = BasisEvidence(str(decision_id), decision_maker=staff.reference)
    resting = Resting(VITAL, VITAL, ConfidentialityBasis.BEST_INTERESTS, evidence)
    _, position = decide(
        work,
        registration,
        DecisionKind.EMERGENCY,
        shared,
        resting,
        until=until or work.now + EMERGENCY_LASTS,
        why=why,
        decided_by=staff.reference,
        role=staff.role,
        decision_id=decision_id,
    )
    return decision_id, working_days_later(work.now, 1), position


def countersign(work: Work, caller: Caller, *, decision_id: UUID) -> int:
    """Another person stands by what one decided in an emergency: the position.

    Raises `ROLE_NEEDED`, `NOT_FOUND`, `SAME_PERSON`, `DECISION_STATE`.
    """
    staff = work.require_role(caller, *MAY_AUTHORISE)
    known = own_decision(work, caller, decision_id)
    made = work.index.sharing.made[decision_id]
    if known.kind is not DecisionKind.EMERGENCY or made.countersigned_by:
        raise Refused("DECISION_STATE")
    if made.decided_by == staff.reference:
        raise Refused("SAME_PERSON")
    decision = work.repository.get(SharingDecision, decision_id)
    decision.countersign(staff.reference, staff.role)
    return work.save(decision, owner_of(known.registration_id))
