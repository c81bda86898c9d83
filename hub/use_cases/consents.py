"""Choices: grants, refusals, withdrawals, exclusions, markers and statuses. A stop is always obeyed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import facts
from consent_ledger.domain import Exclusion, Grant, Marker, Refusal, Registration
from consent_ledger.errors import Refused
from consent_ledger.ledger import KeyOwner
from consent_ledger.parental_authority import ParentalAuthority
from consent_ledger.policy.evidence import CONSENT, beyond, missing
from consent_ledger.statutory_duties import DUTIES, Duties
from consent_ledger.vocabulary import (
    DEFAULT_LEVEL,
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    ExclusionEffect,
    ExclusionGround,
    KeyCategory,
    Level,
    MarkerKind,
    PersonStatus,
    Purpose,
    ServiceType,
)
from hub.projections.hearing import heard
from hub.use_cases.parental import require_authority
from hub.use_cases.proxies import GivenBy, speaking_for
from hub.use_cases.shutting_out import effect_of
from hub.use_cases.work import Caller, Work


def record_grant(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    purposes: Sequence[Purpose],
    categories: Sequence[DataCategory],
    agency_id: str | None = None,
    service_type: ServiceType | None = None,
    support_team: bool = False,
    confidentiality_basis: ConfidentialityBasis,
    capture_method: CaptureMethod,
    notice_id: str,
    given_time: datetime,
    effective_from_time: datetime | None = None,
    effective_until_time: datetime,
    data_from_time: datetime | None = None,
    data_until_time: datetime | None = None,
    asked_alone: bool = False,
    service_offered_anyway: bool = False,
    told_may_refuse: bool = False,
    capacity_in_doubt: bool = False,
    evidence: facts.BasisEvidence = facts.NO_EVIDENCE,
    given_by: GivenBy | None = None,
    parental_authority: ParentalAuthority | None = None,
    duties: Duties = DUTIES,
) -> tuple[UUID, int]:
    """Records a grant: its id and position. Permission runs from now, whatever `given_time` says.

    `duties` is the law as the operator's settings have it. Raises `BASIS_WITHOUT_EVIDENCE` with the missing
    field, `DUTY_NOT_IN_FORCE`, `ROLE_WIDE_GRANT`, `UNKNOWN_AGENCY`, `GRANT_BEYOND_AGREEMENT`,
    `PROXY_EXCLUDED`.
    """
    found = work.registration(caller, client_reference)
    work.require_agency(found.agency_id)
    begins = max(effective_from_time or work.now, work.now)
    if effective_until_time <= begins:
        raise Refused("IMPOSSIBLE_TIME", field="grant.effective_until_time")
    if data_from_time and data_until_time and data_until_time < data_from_time:
        raise Refused("IMPOSSIBLE_TIME", field="grant.data_until_time")
    if not purposes or not categories or not (agency_id or service_type or support_team):
        raise Refused("INVALID_FIELD", field="grant.scope", rule="names purposes, categories and a recipient")
    scope = facts.Scope(frozenset(purposes), frozenset(categories), agency_id, service_type, support_team)
    evidence = _evidenced(work, scope, confidentiality_basis, capture_method, evidence, duties)
    if agency_id is None and any(DEFAULT_LEVEL[category] is Level.V for category in categories):
        raise Refused("ROLE_WIDE_GRANT")
    if agency_id is not None:
        work.require_agency(agency_id)
    # Whoever says yes has to know first that this agency may have to report them (SAFETY H23).
    may_report = agency_id is not None and work.index.agencies[agency_id].public_authority
    if may_report and DataCategory.IMMIGRATION in categories and not evidence.reference:
        raise Refused("BASIS_WITHOUT_EVIDENCE", field="grant.evidence.reference")
    _require_agreement(work, found.agency_id, agency_id, purposes, categories)
    require_authority(work, found, capture_method, parental_authority, given_by)
    proxy = None if given_by is None else speaking_for(work, caller, found, given_by)
    unpressured = asked_alone and service_offered_anyway and told_may_refuse and not capacity_in_doubt
    grant_id = work.new_id()
    grant = Grant.begin(
        grant_id,
        registration_id=found.registration_id,
        captured_by=found.agency_id,
        **_scope(purposes, categories, agency_id, service_type, support_team),
        confidentiality_basis=confidentiality_basis,
        capture_method=capture_method,
        notice_id=notice_id,
        given_time=given_time,
        effective_from=begins,
        effective_until=effective_until_time,
        data_from=data_from_time,
        data_until=data_until_time,
        asked_alone=asked_alone,
        service_offered_anyway=service_offered_anyway,
        told_may_refuse=told_may_refuse,
        capacity_in_doubt=capacity_in_doubt,
        weak=confidentiality_basis in CONSENT and (not unpressured or given_time.date() < work.now.date()),
        evidence_reference=evidence.reference,
        told_care_team=evidence.told_care_team,
        decision_maker=evidence.decision_maker,
        authorised_by=evidence.authorised_by,
        recorded_by=evidence.recorded_by,
        duty=evidence.duty,
        duty_since=evidence.duty_since,
        given_by="" if proxy is None else proxy.reference,
        given_by_agency=None if proxy is None else proxy.agency_id,
        given_by_registration=None if proxy is None else proxy.registration_id,
        **_rests_on(parental_authority),
    )
    return grant_id, work.save(grant, _owner(found.registration_id))


def _rests_on(authority: ParentalAuthority | None) -> dict[str, str]:
    if authority is None:
        return {"sixteenth_birthday": "", "lacks_capacity_reference": ""}
    return {
        "sixteenth_birthday": authority.sixteenth_birthday.isoformat(),
        "lacks_capacity_reference": authority.lacks_capacity_reference,
    }


def _evidenced(
    work: Work,
    scope: facts.Scope,
    basis: ConfidentialityBasis,
    method: CaptureMethod,
    said: facts.BasisEvidence,
    duties: Duties,
) -> facts.BasisEvidence:
    """The evidence with what the law says of its duty. Refuses a basis that goes too far or lacks any."""
    if (field := beyond(basis, scope.purposes, scope.categories)) is not None:
        raise Refused("INVALID_FIELD", field=f"grant.{field}", rule="more than this basis can open")
    since = None
    if basis == ConfidentialityBasis.STATUTORY_DUTY and said.duty is not None:
        if not duties[said.duty].in_force_at(work.now):
            raise Refused("DUTY_NOT_IN_FORCE", duty=said.duty)
        since = duties[said.duty].since
    evidence = replace(said, duty_since=since)
    if (field := missing(basis, method, scope, evidence, work.now)) is not None:
        raise Refused("BASIS_WITHOUT_EVIDENCE", field=f"grant.{field}")
    return evidence


def _scope(
    purposes: Sequence[Purpose],
    categories: Sequence[DataCategory],
    agency_id: str | None,
    service_type: ServiceType | None,
    support_team: bool,
) -> dict[str, Any]:
    return {
        "purposes": sorted(purposes),
        "categories": sorted(categories),
        "agency_id": agency_id,
        "service_type": service_type,
        "support_team": support_team,
    }


def _require_agreement(
    work: Work,
    captured_by: str,
    recipient: str | None,
    purposes: Sequence[Purpose],
    categories: Sequence[DataCategory],
) -> None:
    """Every pair must be agreed in a version in force that the capturing and the named agency signed."""
    signed = {captured_by} if recipient is None else {captured_by, recipient}
    versions = [
        version
        for agreement in work.index.agreements.values()
        if not agreement.terminated
        for version in agreement.versions
        if version.begun and not version.lapsed and signed <= version.signed_by
    ]
    for purpose in purposes:
        for category in categories:
            if not any((category, purpose) in version.rows for version in versions):
                raise Refused("GRANT_BEYOND_AGREEMENT")


def record_refusal(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    purposes: Sequence[Purpose] = (),
    categories: Sequence[DataCategory] = (),
    agency_id: str | None = None,
    service_type: ServiceType | None = None,
    support_team: bool = False,
    at_once: bool = False,
    quiet: bool = False,
) -> tuple[UUID, int]:
    """Records a no: its id and position. Empty means everything, and everybody.

    `at_once`: copies are taken back without waiting for the recipients' retraction windows. `quiet`: it is
    never printed.
    """
    found = work.registration(caller, client_reference)
    refusal_id = work.new_id()
    refusal = Refusal.begin(
        refusal_id,
        registration_id=found.registration_id,
        **_scope(purposes, categories, agency_id, service_type, support_team),
        at_once=at_once,
        quiet=quiet,
    )
    return refusal_id, work.save(refusal, _owner(found.registration_id))


def withdraw_grant(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    grant_id: UUID,
    remove: bool = False,
    at_once: bool = False,
    quiet: bool = False,
) -> int:
    """Ends a grant and closes its scope in every earlier one; said again, what more is said counts from then.

    Raises `NOT_FOUND` for another person's.
    """
    known = grant_of(work, caller, client_reference, grant_id)
    if known.withdrawn:
        said = [one for one in work.index.stops_on[known.registration_id] if one.grant_id == grant_id]
        more = (remove and not any(one.remove for one in said)) or (
            at_once and not any(one.at_once for one in said)
        )
        if not more and not (quiet and not any(one.quiet for one in said)):
            return said[0].position
    grant = work.repository.get(Grant, grant_id)
    grant.withdraw(caller.agency(), remove, at_once, quiet)
    return work.save(grant, _owner(known.registration_id))


def reconfirm_grant(work: Work, caller: Caller, *, client_reference: str, grant_id: UUID) -> int:
    """Says that a grant still stands. Raises `SELF_CONFIRMATION`, `NOT_FOUND`.

    The agency that captured it says so, or the lead; any other agency of the person where the recipient
    captured it for itself.
    """
    known = grant_of(work, caller, client_reference, grant_id)
    agency_id, recipient = caller.agency(), known.scope.agency_id
    if agency_id == recipient:
        raise Refused("SELF_CONFIRMATION")
    lead = work.index.lead_of(work.index.person(known.registration_id))
    if agency_id not in (known.captured_by, lead) and known.captured_by != recipient:
        raise Refused("SELF_CONFIRMATION")
    if known.withdrawn or known.expired:
        raise Refused("NOT_FOUND")
    grant = work.repository.get(Grant, grant_id)
    grant.reconfirm(agency_id)
    return work.save(grant, _owner(known.registration_id))


def grant_of(work: Work, caller: Caller, client_reference: str, grant_id: UUID) -> facts.Grant:
    """A grant of the person behind the caller's reference. Raises `NOT_FOUND`, `REFERENCE_NOT_REGISTERED`."""
    found = work.registration(caller, client_reference, open_only=False)
    known = work.index.grants.get(grant_id)
    if known is None or known.registration_id not in work.index.component(found.registration_id):
        raise Refused("NOT_FOUND")
    return known


def record_exclusion(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    agency_id: str | None = None,
    staff_reference: str | None = None,
    category: DataCategory | None = None,
    remove: bool = False,
    at_once: bool = False,
    linked_to_risk: bool = False,
    ground: ExclusionGround | None = None,
) -> tuple[UUID, int, ExclusionEffect]:
    """Shuts out an agency, somebody at one, or a category: its id, position and effect. Always accepted."""
    found = work.registration(caller, client_reference)
    if ground is not None and (agency_id is None or staff_reference is not None):
        raise Refused("INVALID_FIELD", field="ground", rule="of an agency")
    exclusion_id = work.new_id()
    exclusion = Exclusion.begin(
        exclusion_id,
        registration_id=found.registration_id,
        recorded_by=found.agency_id,
        agency_id=agency_id,
        staff_reference=staff_reference,
        category=category,
        remove=remove,
        at_once=at_once,
        linked_to_risk=linked_to_risk,
        ground=ground,
    )
    effect = effect_of(work.index, agency_id, staff_reference)
    return exclusion_id, work.save(exclusion, _owner(found.registration_id)), effect


def lift_exclusion(work: Work, caller: Caller, *, client_reference: str, exclusion_id: UUID) -> int:
    """Lets them in again. Raises `NOT_FOUND` unless the caller recorded it."""
    found = work.registration(caller, client_reference)
    known = work.index.exclusions.get(exclusion_id)
    if known is None or not _is_theirs(work, found, known.registration_id):
        raise Refused("NOT_FOUND")
    exclusion = work.repository.get(Exclusion, exclusion_id)
    exclusion.lift()
    return work.save(exclusion, _owner(found.registration_id))


def place_marker(
    work: Work, caller: Caller, *, client_reference: str, kind: MarkerKind, record_id: str = ""
) -> tuple[UUID, int]:
    """Protects the registration's address, or one of the caller's records: its id and position."""
    found = work.registration(caller, client_reference)
    stream: UUID | None = None
    if kind is not MarkerKind.PROTECTED_ADDRESS:
        stream = work.vault.opaque_id("record", found.agency_id, record_id)
        record = work.segments.record(stream)
        if record is None or record.registration_id != found.registration_id.bytes:
            raise Refused("NOT_FOUND")
    marker_id = work.new_id()
    marker = Marker.begin(
        marker_id,
        registration_id=found.registration_id,
        placed_by=found.agency_id,
        kind=kind,
        record_id=stream,
    )
    return marker_id, work.save(marker, _owner(found.registration_id))


def lift_marker(work: Work, caller: Caller, *, client_reference: str, marker_id: UUID) -> int:
    """Ends a protection. Raises `NOT_FOUND` unless the caller placed it."""
    found = work.registration(caller, client_reference)
    known = work.index.markers.get(marker_id)
    if known is None or not _is_theirs(work, found, known.registration_id, known.record_id):
        raise Refused("NOT_FOUND")
    marker = work.repository.get(Marker, marker_id)
    marker.lift()
    return work.save(marker, _owner(found.registration_id))


def _is_theirs(work: Work, found: facts.Registration, said_on: UUID, record_id: UUID | None = None) -> bool:
    """Whether the agency recorded it for this reference; or for the same person, under one erased since; or
    about a record that stood under one made in error, and stands under this."""
    index, on = work.index, work.index.registrations[said_on]
    if said_on == found.registration_id or on.agency_id != found.agency_id:
        return said_on == found.registration_id
    if on.erased:
        return said_on in heard(index, index.component(found.registration_id))
    record = None if record_id is None else work.record(record_id)
    return record is not None and record.registration_id == found.registration_id.bytes


def record_status(work: Work, caller: Caller, *, client_reference: str, status: PersonStatus) -> int:
    """Records a fact about the person that changes what may be shared."""
    found = work.registration(caller, client_reference)
    registration = work.repository.get(Registration, found.registration_id)
    registration.record_status(status)
    return work.save(registration, _owner(found.registration_id))


def _owner(registration_id: UUID) -> KeyOwner:
    return KeyOwner(registration_id, KeyCategory.CONSENT)
