"""Every generated and planned event can be said in the contract; a record says the same on its way back."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import protovalidate

from oncetold.v1 import record_service_pb2, records_pb2, task_service_pb2
from oncetold.v1.common_pb2 import CategorisedAnswer, Coding, DataCategory
from tests.oracle import history as h
from tests.oracle.contract import parts_of, record_event, record_message
from tests.oracle.generate import Wait, World
from tests.oracle.play import Player
from tests.world.plan import Plan

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Ear:
    """Stands for the hub: checks the contract's own rules and answers an id for everything."""

    def __init__(self) -> None:
        self.heard: list[tuple[str | None, str]] = []
        self.records: list[tuple[str, record_service_pb2.Record]] = []
        self.version = 1  # of the agreement that is drafted next

    async def call(self, agency: str | None, method: str, request: Any) -> Any:
        protovalidate.validate(request)
        self.heard.append((agency, method))
        if method == "PublishRecords":
            assert agency is not None
            self.records.append((agency, request.records[0]))
        if method == "ListTasks":
            return SimpleNamespace(tasks=self._warnings())
        some_id = f"00000000-0000-4000-8000-{len(self.heard):012}"
        position = SimpleNamespace(index=len(self.heard))
        names = ("feed_id", "link_id", "grant_id", "refusal_id", "exclusion_id", "marker_id", "hold_id")
        return SimpleNamespace(
            position=position,
            positions=[position],
            token="t" * 32,
            version=self.version,
            **dict.fromkeys(names, some_id),
        )

    def _warnings(self) -> list[task_service_pb2.Task]:
        """A task for every record there is."""
        return [
            task_service_pb2.Task(
                task_id="00000000-0000-4000-8000-000000000000",
                kind=task_service_pb2.TASK_KIND_RISK_TO_OTHERS,
                record_id=record.record_id,
            )
            for _, record in self.records
        ]


def play(events: list[h.Event]) -> Ear:
    ear = Ear()
    player = Player(ear.call, lambda agency: (f"spiffe://hub/agency/{agency}/adapter/1", b"k" * 32))

    async def run() -> None:
        for event in events:
            ear.version = getattr(event, "version", 1)
            await player.play(event)

    asyncio.run(run())
    return ear


def generated(seed: int) -> list[h.Event]:
    world = World(seed)
    for event in world.founding():
        world.accept(event)
    for _ in range(80):
        step = world.propose()
        if isinstance(step, Wait):
            world.wait(step.by)
        else:
            world.accept(step)
    return world.history


def test_generated_events_are_valid_and_records_come_back_as_they_went() -> None:
    for seed in range(6):
        events = generated(seed)
        said = [event for event in events if isinstance(event, h.RecordPublished)]
        heard = play(events).records
        assert len(said) == len(heard) > 5
        for event, (agency, record) in zip(said, heard, strict=True):
            back = record_event(agency, record, event.seq, event.at)
            assert _without_content(back) == _without_content(event)


def test_planned_events_are_valid() -> None:
    services = {f"agency-{n:02}": "HOUSING" for n in range(12)}
    plan = Plan(1, services, [(f"agency-{n % 12:02}", f"p{n}") for n in range(40)], START)
    ear = play([*plan.events, *plan.changes])
    assert (None, "TerminateAgreement") in ear.heard
    assert len(ear.records) > 50


def test_a_part_is_as_strict_as_its_field_and_its_own_category() -> None:
    money = CategorisedAnswer(category=DataCategory.DATA_CATEGORY_MONEY_WORK, question=Coding())
    risk = records_pb2.Risk(current_safety=True, kinds=[money])
    contact = records_pb2.Contact(bedded_down=True, details=[money])
    assert [part.categories for part in parts_of(records_pb2.RecordContent(risk=risk))] == [
        {"SAFEGUARDING_RISK"}
    ]
    assert [part.categories for part in parts_of(records_pb2.RecordContent(contact=contact))] == [
        {"ACCOMMODATION"},
        {"MONEY_WORK"},
    ]


def test_a_withdrawn_record_has_no_content() -> None:
    event = next(one for one in generated(1) if isinstance(one, h.RecordPublished))
    assert not record_message(replace(event, parts=(), withdrawn=True)).HasField("content")


def _without_content(event: h.RecordPublished) -> h.RecordPublished:
    parts = tuple(
        sorted(
            (replace(part, content="") for part in event.parts),
            key=lambda part: (part.free_text, sorted(part.categories)),
        )
    )
    return replace(event, parts=parts)
