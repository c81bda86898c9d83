"""What a decision by people opens: one agency's records, to one other, on request or against a danger.

It acts like a row of an agreement that only these two signed, with a confidentiality basis and an opening of
its own, and is put through the same tests. Nothing here touches tests 1, 2, 4 and 9: identity, erasure, the
law and research stay as they are; nor a protected address, nor a shut-out party that is linked to a risk.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from consent_ledger import facts
from consent_ledger.facts import AgreementVersion, Feed, Fragment, Party, Person, Row, SharingDecision
from consent_ledger.policy.decision import Finding
from consent_ledger.policy.evidence import CONSENT
from consent_ledger.sharing import DecisionKind
from consent_ledger.vocabulary import (
    CaptureMethod,
    DataCategory,
    InvolvementGround,
    MarkerKind,
    OnEnd,
    Purpose,
    Reason,
)

MARKERS_THAT_YIELD = frozenset({MarkerKind.THIRD_PARTY, MarkerKind.SERIOUS_HARM})
"""Of what a marker protects: what the holder's own people may weigh. Never an address, privilege or crime."""

CAN_OPEN: Mapping[DecisionKind, frozenset[int]] = {
    DecisionKind.ON_REQUEST: frozenset({3, 5, 7, 8}),
    DecisionKind.SAFEGUARDING: frozenset({3, 5, 6, 7, 8}),
    DecisionKind.EMERGENCY: frozenset({3, 5, 7, 8}),
}
"""The tests that each kind may ever answer: what the person shut out yields to a safeguarding lead only."""

_ROW = Row(OnEnd.ERASE, self_captured_restricted=False)
_NEVER = datetime.min.replace(tzinfo=UTC)


def between(person: Person, fragment: Fragment, recipient: Feed) -> list[SharingDecision]:
    """The decisions in force by which the fragment's origin shares with the recipient.

    One that rests on no agreement row of its own (test 3) is none.
    """
    return [
        one
        for one in person.decisions
        if one.active
        and one.holder_agency_id == fragment.origin_agency_id
        and one.recipient_agency_id == recipient.agency_id
        and _answers(one, 3)
    ]


def outside(decision: SharingDecision, fragment: Fragment, purpose: Purpose) -> Finding | None:
    """Why the decision does not speak of this use at all; `None` when it does.

    That the holder shares at all says that it knows the person, so the neutral envelope needs no naming; one
    that tells more (the kind of service that knows them) does. Immigration yields to a grant alone.
    """
    if DataCategory.IMMIGRATION in (*fragment.categories, fragment.envelope_category):
        return Finding(5, Reason.NO_CONFIDENTIALITY_BASIS)
    if purpose is Purpose.EMPLOYMENT or purpose not in decision.purposes:
        return Finding(3, Reason.PURPOSE_NOT_COVERED)
    named = {*fragment.categories, fragment.envelope_category}
    if fragment.envelope_category is DataCategory.SERVICE_CONTACT:
        named = set(fragment.categories)
    return None if named <= decision.categories else Finding(3, Reason.CATEGORY_NOT_COVERED)


def stands_against(
    decision: SharingDecision, findings: Iterable[Finding], fragment: Fragment
) -> Finding | None:
    """The first finding about the person or the fragment that the decision does not open."""
    return next((one for one in findings if not _yields(one, decision, fragment)), None)


def _yields(finding: Finding, decision: SharingDecision, fragment: Fragment) -> bool:
    if not finding.yields or not _answers(decision, finding.test):
        return False
    return finding.test == 6 or (finding.test == 7 and fragment.record_id in decision.record_ids)


def _answers(decision: SharingDecision, test: int) -> bool:
    return test in decision.opens and test in CAN_OPEN[decision.kind]


def as_version(decision: SharingDecision) -> AgreementVersion:
    """The decision as the one agreement version between its two agencies."""
    both = {decision.holder_agency_id, decision.recipient_agency_id}
    categories = decision.categories | {DataCategory.SERVICE_CONTACT}
    return AgreementVersion(
        1,
        {
            decision.holder_agency_id: Party(dict.fromkeys(decision.purposes, decision.holder_basis), False),
            decision.recipient_agency_id: Party(
                dict.fromkeys(decision.purposes, decision.recipient_basis), receives_only=True
            ),
        },
        {(category, purpose): _ROW for category in categories for purpose in decision.purposes},
        decision.notice_id,
        begun=True,
        signed_by=both,
    )


def asked_of(decision: SharingDecision, person: Person) -> Person:
    """The person as test 5 sees them: with the decision's own basis where it has one.

    Consent is the person's: a decision that names it leaves test 5 to what they themselves gave.
    """
    if decision.confidentiality_basis in CONSENT or not _answers(decision, 5):
        return person
    at = decision.recorded_at or _NEVER
    categories = decision.categories | {DataCategory.SERVICE_CONTACT}
    basis = facts.Grant(
        decision.decision_id,
        decision.registration_id,
        decision.position,
        decision.holder_agency_id,
        facts.Scope(decision.purposes, categories, decision.recipient_agency_id),
        decision.confidentiality_basis,
        CaptureMethod.BEST_INTERESTS_RECORD,
        decision.notice_id,
        None,
        None,
        facts.Evidence(at, at, at, False, False, False, False, decision.evidence, decision.recorded_at),
        weak=False,
        begun=True,
    )
    return replace(person, grants=(*person.grants, basis))


def known_to(decision: SharingDecision, person: Person, registration_id: UUID | None) -> Person:
    """The person as test 8 sees them: the holder said that the recipient works with them.

    Against a danger it may have said so before the recipient knew of the person at all; after an end of its
    involvement it has to say so anew.
    """
    own = None if registration_id is None else person.registrations.get(registration_id)
    if own is None or not _answers(decision, 8):
        return person
    position = decision.position
    if decision.kind is not DecisionKind.ON_REQUEST and position > own.involvement_ended:
        position = max(position, own.position + 1)
    ground = (
        InvolvementGround.EMERGENCY
        if decision.kind is DecisionKind.EMERGENCY
        else InvolvementGround.SAFEGUARDING
    )
    opening = facts.Opening(
        decision.registration_id, position, decision.recipient_agency_id, ground, decision.holder_agency_id
    )
    return replace(person, openings=(*person.openings, opening))
