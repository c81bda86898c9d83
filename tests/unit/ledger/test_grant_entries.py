"""Grants recorded before evidence was asked for still read: as grants without any."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from consent_ledger.domain import TOPICS, Grant, recording_time
from consent_ledger.facts import NO_EVIDENCE
from consent_ledger.mapper import ClosedMapper
from consent_ledger.policy.evidence import shown
from hub.projections.consent_index import ConsentIndex
from hub.projections.folding import fold

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SINCE = ("evidence_reference", "told_care_team", "decision_maker", "authorised_by", "recorded_by", "duty")


def stored(basis: str) -> StoredEvent:
    """A court order, or what else, as it is written today."""
    recording_time.set(NOON)
    grant = Grant.begin(
        UUID(int=7), registration_id=UUID(int=8), captured_by="outreach", purposes=["DIRECT_SUPPORT"],
        categories=["ACCOMMODATION"], agency_id="hostel", service_type=None, support_team=False,
        confidentiality_basis=basis, capture_method="VERBAL_IN_PERSON", notice_id="notice-1",
        given_time=NOON, effective_from=NOON, effective_until=NOON + timedelta(days=90), data_from=None,
        data_until=None, asked_alone=True, service_offered_anyway=True, told_may_refuse=True,
        capacity_in_doubt=False, weak=False, evidence_reference="order/5", told_care_team=False,
        decision_maker="", authorised_by="", recorded_by="", duty="CARE_ACT_2014_S45", duty_since=NOON,
        given_by="", given_by_agency=None, given_by_registration=None, sixteenth_birthday="",
        lacks_capacity_reference="",
    )  # fmt: skip
    [created] = grant.collect_events()
    return ClosedMapper(TOPICS).to_stored_event(created)


def folded(entry: StoredEvent) -> Any:
    """The grant as decisions see it, and the aggregate made of the entry."""
    event: Any = ClosedMapper(TOPICS).to_domain_event(entry)
    aggregate = event.mutate(None)
    assert isinstance(aggregate, Grant)
    index = ConsentIndex()
    index.registrations[UUID(int=8)] = None  # type: ignore[assignment]  # the fold asks only for its links
    fold(index, 1, NOON, event)
    return index.grants[UUID(int=7)]


@pytest.mark.parametrize(("basis", "opens"), [("EXPLICIT_CONSENT", True), ("COURT_ORDER", False)])
def test_a_grant_of_the_first_entries_has_no_evidence(basis: str, opens: bool) -> None:
    entry = stored(basis)
    state = json.loads(entry.state)
    assert state.pop("class_version") == 4
    parents = ("sixteenth_birthday", "lacks_capacity_reference")
    for name in (*SINCE, "duty_since", "given_by", "given_by_agency", "given_by_registration", *parents):
        del state[name]
    old = StoredEvent(entry.originator_id, entry.originator_version, entry.topic, json.dumps(state).encode())
    grant = folded(old)
    assert grant.evidence.basis == NO_EVIDENCE
    assert shown(grant) == opens


def test_a_grant_of_today_keeps_its_evidence() -> None:
    grant = folded(stored("COURT_ORDER"))
    told = grant.evidence.basis
    assert (told.reference, told.duty, told.duty_since) == ("order/5", "CARE_ACT_2014_S45", NOON)
    assert grant.evidence.recorded_at == NOON
    assert shown(grant)
