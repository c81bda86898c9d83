"""Test 5: one of the eight confidentiality bases, with its evidence, that no choice has closed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger.facts import Feed, Grant, Person, Row, Stop
from consent_ledger.policy import evidence
from consent_ledger.vocabulary import (
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    Level,
    Purpose,
    Reason,
)

CLOSED_BY_A_STOP = frozenset(
    {
        ConfidentialityBasis.EXPLICIT_CONSENT,
        ConfidentialityBasis.IMPLIED_CONSENT,
        ConfidentialityBasis.BEST_INTERESTS,
        ConfidentialityBasis.NOT_CONFIDENTIAL,
    }
)
NOT_OF_THE_PERSON = frozenset({ConfidentialityBasis.IMPLIED_CONSENT, ConfidentialityBasis.NOT_CONFIDENTIAL})
"""Neither the person's own yes nor somebody's decision for them: no stop ever yields to one of these."""


@dataclass(frozen=True, slots=True)
class Use:
    """One category of content, for one purpose, by one recipient, under one agreement version."""

    category: DataCategory
    purpose: Purpose
    recipient: Feed
    level: Level
    occurred_at: datetime
    notice_id: str
    row: Row


def _reaches(grant: Grant, use: Use) -> bool:
    """Whether the grant's own words cover the use, whatever happened to it since."""
    scope = grant.scope
    if use.purpose not in scope.purposes or use.category not in scope.categories:
        return False
    if not scope.names(use.recipient):
        return False
    by_name = scope.agency_id is not None
    if use.level is Level.V and not by_name:
        return False
    if use.category is DataCategory.IMMIGRATION and not (
        by_name
        and grant.basis is ConfidentialityBasis.EXPLICIT_CONSENT
        and (grant.evidence.basis.reference or not use.recipient.may_have_to_report)
    ):
        return False
    if (grant.weak or grant.method is CaptureMethod.IMPORTED_LEGACY) and use.level is not Level.N:
        return False
    # Nearly every grant is explicit consent, which shows itself.
    if grant.basis is not ConfidentialityBasis.EXPLICIT_CONSENT and not (
        evidence.can_open(grant.basis, use.purpose, use.level) and evidence.shown(grant)
    ):
        return False
    if grant.captured_for_itself(use.recipient.agency_id):
        highest = Level.R if use.row.self_captured_restricted else Level.N
        if use.level.rank > highest.rank:
            return False
    return grant.basis not in CLOSED_BY_A_STOP or grant.notice_id == use.notice_id


def _in_data_period(grant: Grant, occurred_at: datetime) -> bool:
    return (grant.data_from is None or grant.data_from <= occurred_at) and (
        grant.data_until is None or occurred_at <= grant.data_until
    )


def _closing(grant: Grant, stops: Iterable[Stop], use: Use, *, spare_other_withdrawals: bool) -> Stop | None:
    """The latest stop that closes the grant for this use, if any."""
    if grant.basis not in CLOSED_BY_A_STOP:
        return None
    closing = None
    yields_to_earlier = grant.weak or grant.basis in NOT_OF_THE_PERSON
    for stop in stops:
        if spare_other_withdrawals and stop.grant_id is not None and stop.grant_id != grant.grant_id:
            continue
        if (stop.position > grant.position or yields_to_earlier) and stop.scope.covers(
            use.purpose, use.category, use.recipient
        ):
            closing = stop
    return closing


def grants_for(person: Person, use: Use, *, as_envelope_of: frozenset[UUID] = frozenset()) -> Iterator[Grant]:
    """The grants that open the use.

    `as_envelope_of` names grants that already open content of the same fragment: withdrawing another
    grant does not take the envelope from them.
    """
    for grant in person.grants:
        if not grant.active or not _reaches(grant, use) or not _in_data_period(grant, use.occurred_at):
            continue
        spare = grant.grant_id in as_envelope_of
        if _closing(grant, person.stops, use, spare_other_withdrawals=spare) is None:
            yield grant


def why_closed(person: Person, use: Use) -> Reason:
    """The reason for a failed test 5, from the latest choice that speaks of it."""
    reason, at = Reason.NO_CONFIDENTIALITY_BASIS, 0
    for grant in person.grants:
        if not _reaches(grant, use):
            continue
        if at == 0 and grant.expired:
            reason = Reason.CONSENT_EXPIRED
        elif at == 0 and grant.active and not _in_data_period(grant, use.occurred_at):
            reason = Reason.OUTSIDE_DATA_PERIOD
    for stop in person.stops:
        if stop.position > at and stop.scope.covers(use.purpose, use.category, use.recipient):
            reason = Reason.CONSENT_REFUSED if stop.grant_id is None else Reason.CONSENT_WITHDRAWN
            at = stop.position
    return reason


def objected(person: Person, use: Use) -> bool:
    """Whether a withdrawal covers the use and nothing later answers it.

    An answer is an unpressured grant, or a decision with its evidence, that covers the use again.
    """
    withdrawn = [
        stop.position
        for stop in person.stops
        if stop.grant_id is not None and stop.scope.covers(use.purpose, use.category, use.recipient)
    ]
    if not withdrawn:
        return False
    return not any(
        grant.position > max(withdrawn)
        and not grant.weak
        and grant.basis not in NOT_OF_THE_PERSON
        and evidence.shown(grant)
        and grant.scope.covers(use.purpose, use.category, use.recipient)
        for grant in person.grants
    )
