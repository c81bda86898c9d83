"""Deciding to share: what every decision needs, whoever makes it and why, and how one is ended.

An agency's people decide about its own records only. What another agency shut out or protects is not told to
them: it stays held back by the policy, whatever they decide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from consent_ledger import facts
from consent_ledger.domain import SharingDecision
from consent_ledger.errors import Refused
from consent_ledger.ledger import KeyOwner, Part
from consent_ledger.policy.evidence import CONSENT, beyond, missing
from consent_ledger.policy.sharing_decision import CAN_OPEN
from consent_ledger.sharing import (
    NO_EVIDENCE,
    BasisEvidence,
    DecisionKind,
    PartyBasis,
)
from consent_ledger.staff import Role
from consent_ledger.statutory_duties import DUTIES, Duties
from consent_ledger.vocabulary import (
    ARTICLE_9_CATEGORIES,
    ARTICLE_10_CATEGORIES,
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    KeyCategory,
    LawfulBasis,
    Purpose,
)
from hub.use_cases.work import Caller, Work

MAY_ANSWER = (Role.SAFEGUARDING_LEAD, Role.CALDICOTT_GUARDIAN, Role.DATA_PROTECTION_OFFICER)
MAY_AUTHORISE = (Role.SAFEGUARDING_LEAD, Role.CALDICOTT_GUARDIAN)
LASTS_AT_MOST = {
    DecisionKind.ON_REQUEST: timedelta(days=366),
    DecisionKind.SAFEGUARDING: timedelta(days=90),
    DecisionKind.EMERGENCY: timedelta(days=28),
}
"""A decision is about one case: what has to go on for longer is agreed, or asked of the person."""
HELD_BACK = "A protected address, and whatever somebody is shut out from because of a risk, stay held back."
"""Said with every decision, whether or not there is anything of that kind: it would tell of it otherwise."""
WHY = "sharing-why.v1"
"""The part beside a first event that holds, in words, why it was necessary."""
_BARRED_TO_PUBLIC_AUTHORITIES = frozenset({LawfulBasis.A6_1_EA, LawfulBasis.A6_1_F})
_NEVER_FOR = frozenset({Purpose.EMPLOYMENT, Purpose.SERVICE_IMPROVEMENT_EVALUATION, Purpose.RESEARCH})


@dataclass(frozen=True, slots=True)
class Shared:
    """What is shared with whom. `record_ids`: the streams of the records that test 7 is answered for too."""

    recipient: str
    purposes: frozenset[Purpose]
    categories: frozenset[DataCategory]
    record_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Resting:
    """What a decision rests on in law and in confidence."""

    holder: PartyBasis
    recipient: PartyBasis
    basis: ConfidentialityBasis
    evidence: BasisEvidence = NO_EVIDENCE
    notice_id: str = ""


def sealed_why(registration_id: UUID, why: str) -> Part:
    """The reason in words, under a key that goes when what is known of the client is erased."""
    owner = KeyOwner(registration_id, DataCategory.SAFEGUARDING_RISK)
    return Part(WHY, why.encode(), (owner,), fragment_key=True)


def why_of(work: Work, stream: UUID) -> str:
    """The reason in words; empty once it is erased."""
    parts = work.transaction.stream(stream)[0].parts
    return next((part.payload.decode() for part in parts if part.schema == WHY), "")


def owner_of(registration_id: UUID) -> KeyOwner:
    """Under whose key a request, an answer or a decision stands."""
    return KeyOwner(registration_id, KeyCategory.CONSENT)


def written(basis: PartyBasis) -> list[str]:
    """A basis as events keep it."""
    return [str(one or "") for one in (basis.lawful_basis, basis.article9, basis.article10)]


def require_shareable(purposes: Iterable[Purpose], categories: Iterable[DataCategory]) -> None:
    """Raises `NOT_OVERRIDABLE` for what no decision ever opens, whoever it is about."""
    if not _NEVER_FOR.isdisjoint(purposes) or DataCategory.IMMIGRATION in categories:
        raise Refused("NOT_OVERRIDABLE")


def require_basis(
    work: Work, agency_id: str, basis: PartyBasis, categories: Iterable[DataCategory], field: str
) -> None:
    """Raises `INVALID_FIELD` for a basis in law that the agency cannot have, or that lacks a condition."""
    if basis.lawful_basis is None:
        raise Refused("INVALID_FIELD", field=f"{field}.lawful_basis", rule="every decision names one")
    if (
        work.index.agencies[agency_id].public_authority
        and basis.lawful_basis in _BARRED_TO_PUBLIC_AUTHORITIES
    ):
        rule = "not for a public authority in its tasks"
        raise Refused("INVALID_FIELD", field=f"{field}.lawful_basis", rule=rule)
    kinds = set(categories)
    if basis.article9 is None and not kinds.isdisjoint(ARTICLE_9_CATEGORIES):
        raise Refused("INVALID_FIELD", field=f"{field}.article9", rule="special category content needs one")
    if basis.article10 is None and not kinds.isdisjoint(ARTICLE_10_CATEGORIES):
        raise Refused("INVALID_FIELD", field=f"{field}.article10", rule="criminal offence data needs one")


def require_feed(
    work: Work, agency_id: str, purposes: Iterable[Purpose], categories: Iterable[DataCategory]
) -> None:
    """Raises `INVALID_FIELD` where the agency's own feeds take none of it: nothing would ever arrive.

    An agency without any feed (the police never have one) is given things by hand.
    """
    feeds = [work.index.feeds[feed_id] for feed_id in work.index.agencies[agency_id].feeds]
    if not feeds:
        return
    if not {purpose for feed in feeds for purpose in feed.purposes}.issuperset(purposes):
        raise Refused("INVALID_FIELD", field="purposes", rule="a feed of the recipient's takes them")
    if not {category for feed in feeds for category in feed.categories}.issuperset(categories):
        raise Refused("INVALID_FIELD", field="categories", rule="a feed of the recipient's takes them")


def own_records(
    work: Work, caller: Caller, registration_id: UUID, record_ids: Sequence[str]
) -> frozenset[UUID]:
    """The streams of the caller's own records of this person. Raises `NOT_FOUND`."""
    members = work.index.component(registration_id)
    found = set()
    for one in record_ids:
        stream = work.vault.opaque_id("record", caller.agency(), one)
        record = work.record(stream)
        if record is None or UUID(bytes=record.registration_id) not in members:
            raise Refused("NOT_FOUND")
        found.add(stream)
    return frozenset(found)


def decide(
    work: Work,
    registration: facts.Registration,
    kind: DecisionKind,
    shared: Shared,
    resting: Resting,
    *,
    until: datetime,
    why: str,
    decided_by: str,
    role: Role,
    answers: UUID | None = None,
    decision_id: UUID | None = None,
    duties: Duties = DUTIES,
) -> tuple[UUID, int]:
    """Records a decision about the holder's records: its id and position.

    Raises `NOT_OVERRIDABLE`, `INVALID_FIELD`, `IMPOSSIBLE_TIME`, `BASIS_WITHOUT_EVIDENCE` and
    `DUTY_NOT_IN_FORCE`.
    """
    require_shareable(shared.purposes, shared.categories)
    require_not_shut_out(work, registration, kind, shared)
    require_feed(work, shared.recipient, shared.purposes, shared.categories)
    require_basis(work, registration.agency_id, resting.holder, shared.categories, "basis")
    require_basis(work, shared.recipient, resting.recipient, shared.categories, "recipient_basis")
    if not work.now < until <= work.now + LASTS_AT_MOST[kind]:
        raise Refused("IMPOSSIBLE_TIME", field="until_time")
    evidence = _evidenced(work, shared, resting, duties)
    opens = set(CAN_OPEN[kind])
    if resting.basis in CONSENT:
        opens.discard(5)
    if not shared.record_ids:
        opens.discard(7)
    decision_id = decision_id or work.new_id()
    decision = SharingDecision.begin(
        decision_id,
        registration_id=registration.registration_id,
        holder=registration.agency_id,
        recipient=shared.recipient,
        kind=kind,
        purposes=sorted(shared.purposes),
        categories=sorted(shared.categories),
        record_ids=sorted(str(one) for one in shared.record_ids),
        opens=sorted(opens),
        holder_basis=written(resting.holder),
        recipient_basis=written(resting.recipient),
        confidentiality_basis=resting.basis,
        notice_id=resting.notice_id,
        evidence_reference=evidence.reference,
        told_care_team=evidence.told_care_team,
        decision_maker=evidence.decision_maker,
        authorised_by=evidence.authorised_by,
        recorded_by=evidence.recorded_by,
        duty=str(evidence.duty or ""),
        duty_since=evidence.duty_since,
        until=until,
        answers=answers,
        decided_by=decided_by,
        role=role,
    )
    beside = sealed_why(registration.registration_id, why)
    return decision_id, work.save(decision, owner_of(registration.registration_id), beside=beside)


def require_not_shut_out(
    work: Work, registration: facts.Registration, kind: DecisionKind, shared: Shared
) -> None:
    """What the deciders' own agency was asked to shut out it is told of; of others' choices never."""
    for exclusion in work.index.person(registration.registration_id).exclusions:
        if exclusion.lifted or exclusion.recorded_by != registration.agency_id:
            continue
        if exclusion.agency_id != shared.recipient and exclusion.category not in shared.categories:
            continue
        if kind is not DecisionKind.SAFEGUARDING or not exclusion.may_be_overridden:
            raise Refused("NOT_OVERRIDABLE")


def _evidenced(work: Work, shared: Shared, resting: Resting, duties: Duties) -> BasisEvidence:
    """The evidence with what the law says of its duty. Refuses a basis that goes too far or lacks any."""
    said, basis = resting.evidence, resting.basis
    if (field := beyond(basis, shared.purposes, shared.categories)) is not None:
        field = field.removeprefix("scope.")
        raise Refused("INVALID_FIELD", field=field, rule="more than this basis can open")
    since = None
    if basis is ConfidentialityBasis.STATUTORY_DUTY and said.duty is not None:
        if not duties[said.duty].in_force_at(work.now):
            raise Refused("DUTY_NOT_IN_FORCE", duty=said.duty)
        since = duties[said.duty].since
    if basis in CONSENT:
        # What the person agreed to stands in their own grant, with its own evidence.
        if not resting.notice_id:
            raise Refused("BASIS_WITHOUT_EVIDENCE", field="notice_id")
        return replace(said, duty_since=None)
    scope = facts.Scope(shared.purposes, shared.categories, shared.recipient)
    evidence = replace(said, duty_since=since)
    field = missing(basis, CaptureMethod.BEST_INTERESTS_RECORD, scope, evidence, work.now)
    if field is not None:
        raise Refused("BASIS_WITHOUT_EVIDENCE", field=field)
    return evidence


def end_decision(work: Work, caller: Caller, *, decision_id: UUID) -> int:
    """Ends a decision of the caller's agency before its time; one person is enough. The position.

    Raises `ROLE_NEEDED`, `NOT_FOUND`, `DECISION_STATE`.
    """
    staff = work.require_role(caller, *MAY_ANSWER)
    known = own_decision(work, caller, decision_id)
    if not known.active:
        raise Refused("DECISION_STATE")
    decision = work.repository.get(SharingDecision, decision_id)
    decision.end(staff.reference)
    return work.save(decision, owner_of(known.registration_id))


def own_decision(work: Work, caller: Caller, decision_id: UUID) -> facts.SharingDecision:
    """A decision of the caller's own people. Raises `NOT_FOUND`, alike for another's and for none."""
    known = work.index.sharing.decisions.get(decision_id)
    if known is None or known.holder_agency_id != caller.agency():
        raise Refused("NOT_FOUND")
    return known
