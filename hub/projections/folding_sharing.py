"""Folds requests to share, answers, overrides and decisions into the consent index, and whom they ask."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import domain
from consent_ledger.sharing import (
    Answered,
    Asked,
    BasisEvidence,
    ClientTold,
    DecisionKind,
    Made,
    Override,
    OverrideRisk,
    PartyBasis,
    SharingAnswerKind,
    SharingDecision,
    SharingPower,
    WhyNoConsent,
)
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    ConfidentialityBasis,
    DataCategory,
    LawfulBasis,
    PostKind,
    Purpose,
    StatutoryDuty,
    TaskKind,
)
from consent_ledger.working_days import working_days_later
from hub.projections.consent_index import Boundary, BoundaryKind, ConsentIndex
from hub.projections.tasks import Cause
from hub.projections.touched import Touched, component

ASKED, UNANSWERED = "asked", "unanswered"
"""The two ends of a request's task: its clock, and what comes when that has run out."""
_TO_AUTHORISE = _TO_COUNTERSIGN = _TO_ESCALATE = 1
_TO_REVIEW = 2
"""Working days."""


def _basis(written: Sequence[str]) -> PartyBasis:
    lawful, article9, article10 = written
    return PartyBasis(
        LawfulBasis(lawful) if lawful else None,
        Article9Condition(article9) if article9 else None,
        Article10Condition(article10) if article10 else None,
    )


def _purposes(written: Sequence[str]) -> frozenset[Purpose]:
    return frozenset(Purpose(one) for one in written)


def _categories(written: Sequence[str]) -> frozenset[DataCategory]:
    return frozenset(DataCategory(one) for one in written)


def _records(written: Sequence[str]) -> frozenset[UUID]:
    return frozenset(UUID(one) for one in written)


def _asked(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Whoever holds something of the person has to answer; who that is is asked when they look."""
    index.sharing.ask(
        Asked(
            event.originator_id,
            event.registration_id,
            event.agency_id,
            _purposes(event.purposes),
            _categories(event.categories),
            _basis(event.basis),
            SharingPower(event.power),
            at,
            event.due,
            position,
        )
    )
    subject = str(event.originator_id)
    index.await_boundary(Boundary(event.due, BoundaryKind.SHARING_CLOCK_ENDS, subject))
    index.tasks.add(
        Cause(
            TaskKind.SHARING_ASKED,
            subject,
            ASKED,
            event.registration_id,
            PostKind.DATA_PROTECTION_OFFICER,
            at,
            event.due,
        )
    )
    return Touched()


def _clock_ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Whoever has not answered by now is asked through their safeguarding lead as well."""
    asked = index.sharing.requests[event.originator_id]
    asked.clock_ended = True
    index.tasks.add(
        Cause(
            TaskKind.SHARING_ASKED,
            f"{asked.sharing_request_id} {UNANSWERED}",
            UNANSWERED,
            asked.registration_id,
            PostKind.SAFEGUARDING_LEAD,
            at,
            working_days_later(at, _TO_ESCALATE),
        )
    )
    return Touched()


def _answered(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    outcome = SharingAnswerKind(event.outcome)
    answered = Answered(event.agency_id, outcome, event.decision_id)
    index.sharing.answer(event.sharing_request_id, answered)
    subject, agency_id = str(event.sharing_request_id), event.agency_id
    index.tasks.completed.add((TaskKind.SHARING_ASKED, subject, ASKED, agency_id))
    escalated = f"{subject} {UNANSWERED}"
    index.tasks.completed.add((TaskKind.SHARING_ASKED, escalated, UNANSWERED, agency_id))
    return Touched()


def _override_asked(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    override = Override(
        event.originator_id,
        event.registration_id,
        event.agency_id,
        event.recipient,
        _purposes(event.purposes),
        _categories(event.categories),
        _records(event.record_ids),
        _basis(event.holder_basis),
        _basis(event.recipient_basis),
        OverrideRisk(event.risk),
        WhyNoConsent(event.why_no_consent),
        ClientTold(event.told),
        event.until,
        event.asked_by,
        at,
    )
    index.sharing.overrides[override.override_id] = override
    _own_task(
        index,
        TaskKind.TO_COUNTERSIGN,
        override.override_id,
        override.registration_id,
        PostKind.SAFEGUARDING_LEAD,
        at,
        _TO_AUTHORISE,
    )
    return Touched()


def _override_declined(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    override = index.sharing.overrides[event.originator_id]
    override.declined = True
    index.tasks.drop(TaskKind.TO_COUNTERSIGN, str(override.override_id), override.registration_id)
    return Touched()


def _decided(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    decision = SharingDecision(
        event.originator_id,
        position,
        event.registration_id,
        event.holder,
        event.recipient,
        _purposes(event.purposes),
        _categories(event.categories),
        _basis(event.holder_basis),
        _basis(event.recipient_basis),
        ConfidentialityBasis(event.confidentiality_basis),
        DecisionKind(event.kind),
        frozenset(event.opens),
        _records(event.record_ids),
        event.notice_id,
        BasisEvidence(
            event.evidence_reference,
            event.told_care_team,
            event.decision_maker,
            event.authorised_by,
            event.recorded_by,
            StatutoryDuty(event.duty) if event.duty else None,
            event.duty_since,
        ),
        at,
    )
    made = Made(event.decided_by, at, event.until, event.answers)
    index.sharing.decide(decision, made)
    subject = str(decision.decision_id)
    index.await_boundary(Boundary(event.until, BoundaryKind.DECISION_EXPIRES, subject))
    if decision.kind is DecisionKind.SAFEGUARDING:
        index.tasks.drop(TaskKind.TO_COUNTERSIGN, str(made.answers), decision.registration_id)
        _own_task(
            index,
            TaskKind.OVERRIDE_TO_REVIEW,
            decision.decision_id,
            decision.registration_id,
            PostKind.DATA_PROTECTION_OFFICER,
            at,
            _TO_REVIEW,
        )
    elif decision.kind is DecisionKind.EMERGENCY:
        _own_task(
            index,
            TaskKind.TO_COUNTERSIGN,
            decision.decision_id,
            decision.registration_id,
            PostKind.SAFEGUARDING_LEAD,
            at,
            _TO_COUNTERSIGN,
        )
    return component(index, decision.registration_id)


def _countersigned(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Changes no decision: it counted from when it was made."""
    decision = index.sharing.decisions[event.originator_id]
    index.sharing.made[decision.decision_id].countersigned_by = event.by
    index.tasks.drop(TaskKind.TO_COUNTERSIGN, str(decision.decision_id), decision.registration_id)
    return Touched()


def _decision_over(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """What went by it is taken back. A warning to others stays until somebody says that it may go."""
    decision = index.sharing.decisions[event.originator_id]
    if isinstance(event, domain.SharingDecision.Ended):
        decision.ended = True
    else:
        decision.expired = True
    if DataCategory.SAFEGUARDING_RISK in decision.categories:
        _ask_about_warnings(index, position, at, decision)
    return component(index, decision.registration_id)


def _ask_about_warnings(index: ConsentIndex, position: int, at: datetime, decision: SharingDecision) -> None:
    """The holder's risks to others may have gone along: "do not visit alone" stays with whoever had them."""
    for member in sorted(index.component(decision.registration_id)):
        for record_id in index.tasks.judged_on.get(member, ()):
            risk = index.tasks.judgements[record_id]
            own = index.registrations[member].agency_id == decision.holder_agency_id
            subject, kind = str(risk.record_id), TaskKind.RISK_TO_OTHERS
            if not (own and risk.risk_to_others):
                continue
            index.warned_anew[risk.record_id] = position
            if not index.tasks.is_open(kind, subject, member, decision.holder_agency_id):
                index.tasks.add(
                    Cause(
                        kind,
                        subject,
                        str(position),
                        member,
                        PostKind.SAFEGUARDING_LEAD,
                        at,
                        working_days_later(at, _TO_ESCALATE),
                        record_id=risk.record_id,
                    )
                )


def _own_task(
    index: ConsentIndex,
    kind: TaskKind,
    about: UUID,
    registration_id: UUID,
    post: PostKind,
    at: datetime,
    days: int,
) -> None:
    subject = str(about)
    due = working_days_later(at, days)
    index.tasks.add(Cause(kind, subject, subject, registration_id, post, at, due))


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.SharingRequest.Created: _asked,
    domain.SharingRequest.ClockEnded: _clock_ended,
    domain.SharingAnswer.Created: _answered,
    domain.SharingOverride.Created: _override_asked,
    domain.SharingOverride.Declined: _override_declined,
    domain.SharingDecision.Created: _decided,
    domain.SharingDecision.Countersigned: _countersigned,
    domain.SharingDecision.Ended: _decision_over,
    domain.SharingDecision.Expired: _decision_over,
}
