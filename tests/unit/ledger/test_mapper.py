"""Aggregates: mapped for a closed set of topics, folded from their stream."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent

from consent_ledger.errors import AggregateNotFound, UnknownTopic
from consent_ledger.ledger import EntryClass, KeyOwner, Ledger, Transaction, create_ledger
from consent_ledger.mapper import ClosedMapper
from consent_ledger.repository import EVENT_SCHEMA, Repository
from tests.clock import ManualClock
from tests.contract.drafting import append, draft, run

ADMINISTRATION = KeyOwner(None, "ADMINISTRATION")


class Kettle(Aggregate):
    """Boils."""

    TOPIC = "test-kettle"

    class Created(Aggregate.Created):
        TOPIC = "test-kettle.bought.v1"
        litres: int

    class Boiled(Aggregate.Event):
        TOPIC = "test-kettle.boiled.v1"
        by: UUID
        at: datetime

    @event(Created)
    def __init__(self, litres: int) -> None:
        self.litres = litres
        self.boiled: list[tuple[UUID, datetime]] = []

    @event(Boiled)
    def boil(self, by: UUID, at: datetime) -> None:
        self.boiled.append((by, at))


class Teapot(Aggregate):
    """Of another kind, and not in the closed set."""

    TOPIC = "test-teapot"

    class Created(Aggregate.Created):
        TOPIC = "test-teapot.bought.v1"

    @event(Created)
    def __init__(self) -> None:
        pass


TOPICS: dict[str, type] = {kind.TOPIC: kind for kind in (Kettle, Kettle.Created, Kettle.Boiled)}
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def mapper() -> ClosedMapper:
    return ClosedMapper(TOPICS)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = create_ledger(str(tmp_path / "ledger.db"), tmp_path / "root.key", clock=ManualClock())
    yield opened
    opened.close()


def save(ledger: Ledger, mapper: ClosedMapper, kettle: Kettle) -> list[int]:
    def command(transaction: Transaction) -> list[int]:
        drafts = Repository(transaction, mapper).drafts(
            kettle, owner=ADMINISTRATION, entry_class=EntryClass.ADMINISTRATION
        )
        return transaction.append(drafts, decided_at=transaction.size)

    return run(ledger, command)


def test_an_event_survives_the_journey_as_json(mapper: ClosedMapper) -> None:
    kettle = Kettle(litres=2)
    kettle.boil(by=kettle.id, at=NOON)
    for happened in kettle.collect_events():
        stored = mapper.to_stored_event(happened)
        again = mapper.to_domain_event(stored)

        assert stored.state.startswith(b"{")
        assert type(again) is type(happened)
        assert vars(again) == vars(happened)


def test_an_aggregate_is_folded_from_what_was_appended(ledger: Ledger, mapper: ClosedMapper) -> None:
    kettle, person = Kettle(litres=2), uuid4()
    kettle.boil(by=person, at=NOON)
    assert save(ledger, mapper, kettle) == [1, 2]
    kettle.boil(by=person, at=NOON)
    assert save(ledger, mapper, kettle) == [3]

    found = run(ledger, lambda t: Repository(t, mapper).get(Kettle, kettle.id))

    assert (found.litres, found.boiled, found.version) == (2, [(person, NOON)] * 2, 3)
    assert found.pending_events == []


def test_events_say_what_changes_decisions_and_who_owns_them(ledger: Ledger, mapper: ClosedMapper) -> None:
    kettle = Kettle(litres=2)

    def command(transaction: Transaction) -> None:
        [made] = Repository(transaction, mapper).drafts(
            kettle, owner=ADMINISTRATION, entry_class=EntryClass.CLIENT, changes_policy=False
        )
        assert (made.stream_id, made.version, made.changes_policy) == (kettle.id, 1, False)
        assert made.entry_class is EntryClass.CLIENT
        assert made.parts[0].schema == f"{EVENT_SCHEMA}{Kettle.Created.TOPIC}"
        assert made.parts[0].owners == (ADMINISTRATION,)

    run(ledger, command)


def test_what_is_not_there_or_of_another_kind_is_not_found(ledger: Ledger, mapper: ClosedMapper) -> None:
    kettle = Kettle(litres=2)
    save(ledger, mapper, kettle)
    append(ledger, draft(stream=(record := uuid4())))

    for cls, identity in ((Kettle, uuid4()), (Teapot, kettle.id), (Kettle, record)):
        with pytest.raises(AggregateNotFound):
            run(ledger, lambda t, c=cls, i=identity: Repository(t, mapper).get(c, i))  # type: ignore[misc]


def test_an_entry_that_holds_no_event_has_none(ledger: Ledger, mapper: ClosedMapper) -> None:
    save(ledger, mapper, Kettle(litres=2))
    append(ledger, draft())

    found = run(ledger, lambda t: [Repository(t, mapper).event(entry) for entry in t.entries(0)])
    assert isinstance(found[0], Kettle.Created)
    assert found[1] is None


@pytest.mark.parametrize("topic", ["test-teapot.bought.v1", "os:system", "subprocess:Popen", ""])
def test_a_topic_outside_the_set_is_refused_unresolved(mapper: ClosedMapper, topic: str) -> None:
    with pytest.raises(UnknownTopic):
        mapper.to_domain_event(StoredEvent(uuid4(), 1, topic, b"{}"))


@pytest.mark.parametrize("aggregate", ["test-teapot", "os:system", None])
def test_a_first_event_of_another_aggregate_is_refused(mapper: ClosedMapper, aggregate: str | None) -> None:
    [created] = Kettle(litres=2).collect_events()
    stored = mapper.to_stored_event(created)
    state = mapper.transcoder.decode(stored.state) | {"originator_topic": aggregate}
    renamed = StoredEvent(created.originator_id, 1, stored.topic, mapper.transcoder.encode(state))

    with pytest.raises(UnknownTopic):
        mapper.to_domain_event(renamed)
    assert mapper.to_domain_event(stored) == created


def test_an_event_that_could_not_be_read_back_is_not_written(mapper: ClosedMapper) -> None:
    [created] = Teapot().collect_events()
    with pytest.raises(UnknownTopic):
        mapper.to_stored_event(created)
