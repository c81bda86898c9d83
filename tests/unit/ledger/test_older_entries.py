"""Entries from before feeds had windows and people could say *now* still read, and their aggregates fold."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from consent_ledger.domain import (
    TOPICS,
    Agency,
    Details,
    Erasure,
    Exclusion,
    Link,
    Place,
    Refusal,
    Registration,
    Task,
    recording_time,
)
from consent_ledger.domain.consent import Grant
from consent_ledger.mapper import ClosedMapper

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MAPPER = ClosedMapper(TOPICS)
SCOPE: dict[str, Any] = {
    "registration_id": UUID(int=8),
    "purposes": [],
    "categories": [],
    "agency_id": None,
    "service_type": None,
    "support_team": False,
}

LATER = (
    *("sixteenth_birthday", "lacks_capacity_reference"),
    *("linked_to_risk", "ground", "quiet", "given_by", "given_by_agency", "given_by_registration"),
    "people_told",
)
"""What entries of today say besides, where the first ones lacked more than one field."""


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    token = recording_time.set(NOON)
    yield
    recording_time.reset(token)


def subscribed() -> Any:
    agency = Agency.begin(
        UUID(int=1),
        agency_id="hostel",
        name="Hostel",
        controller_id="hostel",
        service_type="HOSTEL",
        public_authority=False,
        enforcement_powers=True,
    )
    agency.subscribe(str(UUID(int=2)), "uri", "HOSTEL", [], [], False, "03:00")
    return agency


def refused() -> Any:
    return Refusal.begin(UUID(int=3), **SCOPE, at_once=True, quiet=True)


def excluded() -> Any:
    exclusion = Exclusion.begin(
        UUID(int=4),
        registration_id=UUID(int=8),
        recorded_by="hostel",
        agency_id="clinic",
        staff_reference=None,
        category=None,
        remove=False,
        at_once=True,
        linked_to_risk=True,
        ground="WORKPLACE",
    )
    exclusion.lift()
    return exclusion


def withdrawn() -> Any:
    grant = Grant.begin(
        UUID(int=5),
        **SCOPE,
        captured_by="hostel",
        confidentiality_basis="EXPLICIT_CONSENT",
        capture_method="ESIGNATURE",
        notice_id="n",
        given_time=NOON,
        effective_from=NOON,
        effective_until=NOON,
        data_from=None,
        data_until=None,
        asked_alone=True,
        service_offered_anyway=True,
        told_may_refuse=True,
        capacity_in_doubt=False,
        weak=False,
        evidence_reference="",
        told_care_team=False,
        decision_maker="",
        authorised_by="",
        recorded_by="",
        duty=None,
        duty_since=None,
        given_by="mother",
        given_by_agency="clinic",
        given_by_registration=UUID(int=9),
        sixteenth_birthday="2030-02-28",
        lacks_capacity_reference="mca/1",
    )
    grant.withdraw("hostel", False, True, True)
    return grant


def completed() -> Any:
    return Task.begin(
        UUID(int=10),
        agency_id="hostel",
        registration_id=UUID(int=8),
        kind="BREACH_TO_ASSESS",
        subject="s",
        boundary="b",
        record_id=None,
        outcome="BREACH_UNLIKELY_TO_RISK",
        by="officer-1",
        reason="NO_MISTAKE",
        people_told="NO_HIGH_RISK",
    )


def undone() -> Any:
    link = Link.begin(UUID(int=11), registration_id=UUID(int=8), token_label=None)
    link.undo("hostel", [str(UUID(int=8))])
    return link


def closed() -> Any:
    registration = Registration.begin(UUID(int=8), agency_id="hostel", matched={}, earlier=None)
    registration.undo_match(str(UUID(int=12)), "hostel", [str(UUID(int=8))])
    registration.close("IN_ERROR", [str(UUID(int=8))])
    return registration


def erased() -> Any:
    return Erasure.begin(
        UUID(int=13),
        agency_id="hostel",
        registration_id=UUID(int=8),
        registrations=[UUID(int=8).hex, UUID(int=9).hex],
        part="CLIENT",
        record_id=None,
        category=None,
        ground="OBJECTION",
        by="operator",
        fragments=2,
        waiting={},
        gone=[],
        horizon=NOON,
        told={UUID(int=8).hex: 2},
    )


def protected() -> Any:
    return Place.begin(
        UUID(int=14),
        registration_id=UUID(int=8),
        protected_by="hostel",
        tombstones=[],
        sizes=[],
        care_of=UUID(int=15),
        care_of_revision=3,
        everyone=1,
        found=[],
        to_ring=[],
    )


@pytest.mark.parametrize(
    ("made", "name", "before"),
    [
        (protected, "care_of_revision", 1),
        (completed, "reason", None),
        (completed, "people_told", None),
        (undone, "breached", []),
        (closed, "breached", []),
        (subscribed, "retraction_window", ""),
        (subscribed, "enforcement_powers", None),
        (refused, "at_once", False),
        (excluded, "at_once", False),
        (excluded, "linked_to_risk", False),
        (excluded, "ground", None),
        (withdrawn, "at_once", False),
        (refused, "quiet", False),
        (withdrawn, "quiet", False),
        (withdrawn, "given_by", ""),
        (withdrawn, "given_by_agency", None),
        (withdrawn, "given_by_registration", None),
        (withdrawn, "sixteenth_birthday", ""),
        (withdrawn, "lacks_capacity_reference", ""),
    ],
)
def test_an_entry_without_the_field_reads_and_folds(made: Any, name: str, before: object) -> None:
    aggregate: Any = None
    found = []
    for written in map(MAPPER.to_stored_event, made().collect_events()):
        state = json.loads(written.state)
        if name in state:
            found.append(state.pop(name))
            for later in ("class_version", *LATER):
                state.pop(later, None)
        old = StoredEvent(
            written.originator_id, written.originator_version, written.topic, json.dumps(state).encode()
        )
        event: Any = MAPPER.to_domain_event(old)
        assert getattr(event, name, before) == before
        aggregate = event.mutate(aggregate)
    assert found and found != [before], "control: one entry has it today"
    assert aggregate is not None


def test_a_registration_whose_reference_stands_in_its_event_reads_and_says_so() -> None:
    [written] = map(
        MAPPER.to_stored_event,
        Registration.begin(UUID(int=6), agency_id="hostel", matched={}, earlier=None).collect_events(),
    )
    state = json.loads(written.state)
    del state["earlier"], state["class_version"]
    state |= {"reference": "rosa", "matching": None}
    old = StoredEvent(
        written.originator_id, written.originator_version, written.topic, json.dumps(state).encode()
    )
    event: Any = MAPPER.to_domain_event(old)
    assert event.details == Details("rosa", None) and not event.apart
    assert event.mutate(None).agency_id == "hostel"


def test_an_erasure_from_before_it_said_whose_pieces_they_were_reads_and_folds() -> None:
    written = MAPPER.to_stored_event(erased().collect_events()[0])
    state = json.loads(written.state)
    assert state.pop("told") and state.pop("class_version") == 2, "control: today's says it"
    old = StoredEvent(written.originator_id, 1, written.topic, json.dumps(state).encode())
    event: Any = MAPPER.to_domain_event(old)
    assert (event.fragments, event.told) == (2, {})
    assert event.mutate(None) is not None
