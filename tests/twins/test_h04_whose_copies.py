"""H4: whoever asks whose copies are overdue is told all of their own, and nothing else is looked at.

An officer can time an answer. If what third parties owe each other were looked through for it, its duration
would tell how much that is; and everybody else would wait for it.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from consent_ledger.access import AccessKind, StepKind, read_access_entry
from consent_ledger.staff import Role
from consent_ledger.vault import Vault
from hub.projections import owed, projector
from hub.projections.owed import OWED, TOLD
from hub.use_cases import retractions
from hub.use_cases.audit import attested
from hub.use_cases.difference import changes, desired
from hub.use_cases.due import OVERDUE_AFTER
from hub.use_cases.work import Caller, Work
from oncetold.v1 import audit_service_pb2
from tests.erasure.asking import depart
from tests.twins.cast import ERASED, TOLD_ABOUT, bedded_down, dose
from tests.twins.colleague import Colleague, hired
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

SHARED = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH")
LATE = OVERDUE_AFTER + timedelta(hours=1)
OFFICER = Role.DATA_PROTECTION_OFFICER


class Town:
    """Four agencies of one agreement. Three know Rosa; Ada is known at the clinic and the refuge."""

    def __init__(self, world: Stage, desks: dict[str, Desk]) -> None:
        self.world = world
        self.outreach, self.clinic, self.hostel, self.refuge = desks.values()
        self.desks = desks

    async def officers(self) -> dict[str, Colleague]:
        return {name: await hired(desk, "o-1", OFFICER) for name, desk in self.desks.items()}


async def town(world: Stage) -> Town:
    kinds = {"outreach": "STREET_OUTREACH", "clinic": "HOSPITAL", "hostel": "HOSTEL", "refuge": "HOSTEL"}
    desks = {name: await world.agency(name, kind, receives=TOLD_ABOUT) for name, kind in kinds.items()}
    await world.agreement(tuple(kinds), ERASED)
    made = Town(world, desks)
    for desk, reference in ((made.outreach, "rosa"), (made.clinic, "p-1"), (made.hostel, "room-4")):
        await desk.register(reference)
    await made.clinic.register("p-2")
    await made.refuge.register("ada")
    await made.outreach.link("rosa", made.hostel, "room-4")
    await made.outreach.link("rosa", made.clinic, "p-1")
    await made.clinic.link("p-2", made.refuge, "ada")
    return made


async def asked(officer: Colleague) -> audit_service_pb2.ListRetractionsResponse:
    """What they read, without where their looking stands."""
    answer = await officer.retractions()
    answer.ClearField("access")
    return answer


# -- nothing else is looked at ----------------------------------------------------------------------


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """For each answer, how many cells were opened and people computed for it."""
    counts: list[int] = []
    inside = False
    real, opening, opening_all, computing = (
        retractions.list_retractions,
        Vault.open_cell,
        Vault.open_cells,
        desired,
    )

    def counted(work: Work, caller: Caller, **asked: Any) -> Any:
        nonlocal inside
        inside = True
        counts.append(0)
        try:
            return real(work, caller, **asked)
        finally:
            inside = False

    def one(vault: Vault, *values: Any) -> bytes:
        if inside:
            counts[-1] += 1
        return opening(vault, *values)

    def several(vault: Vault, owner: Any, sealed: Any) -> list[bytes]:
        if inside:
            counts[-1] += len(sealed)
        return opening_all(vault, owner, sealed)

    def computed(*values: Any) -> Any:
        if inside:
            counts[-1] += 1
        return computing(*values)

    monkeypatch.setattr(retractions, "list_retractions", counted)
    monkeypatch.setattr(Vault, "open_cell", one)
    monkeypatch.setattr(Vault, "open_cells", several)
    monkeypatch.setattr(retractions, "desired", computed)
    yield counts


async def overdue_at_the_hostel(t: Town, number: int, *, fetched: bool) -> None:
    """The clinic told Ada's dose to the refuge, the street team so many things to the hostel: all of it is to
    be given back, and late."""
    ada = await t.clinic.grant("p-2", SHARED, to="refuge")
    rosa = await t.outreach.grant("rosa", SHARED, to="hostel")
    await t.clinic.publish("p-2", "dose-1", assessment=dose("40mg"))
    for each in range(number):
        await t.outreach.publish("rosa", f"visit-{each}", contact=bedded_down())
    await t.hostel.drain()
    await t.refuge.drain()
    await t.outreach.withdraw("rosa", rosa)
    await t.clinic.withdraw("p-2", ada)
    if fetched:
        await t.hostel.fetch(lose=True)
        await t.refuge.fetch(lose=True)
    t.world.clock.advance(LATE)


@pytest.mark.parametrize("fetched", [False, True], ids=["not fetched", "not signed for"])
async def test_h4_what_others_owe_each_other_is_not_looked_at(
    fetched: bool, tmp_path: Path, authority: Authority, looked: list[int]
) -> None:
    seen: dict[str, list[tuple[int, int]]] = {"clinic": [], "refuge": [], "outreach": [], "hostel": []}
    for number in (0, 1, 5):
        async with stage(tmp_path / str(number), authority) as world:
            t = await town(world)
            await overdue_at_the_hostel(t, number, fetched=fetched)
            for name, officer in (await t.officers()).items():
                answer = await asked(officer)
                seen[name].append((len(answer.retractions) + len(answer.copies), looked[-1]))
    for name in ("clinic", "refuge"):
        first, *others = seen[name]
        assert first[0] == 1 and first[1] > 0, "control: it has one of its own"
        assert others == [first, first], f"{name} {seen[name]}"
    for name in ("outreach", "hostel"):
        assert [found for found, _ in seen[name]] == [0, 1, 5]
        nothing, _, much = (cost for _, cost in seen[name])
        assert nothing < much, f"control: what is looked at is counted: {seen[name]}"


# -- all of one's own is found ----------------------------------------------------------------------


def plainly(work: Work, caller: Caller) -> tuple[dict[str, list[tuple[Any, ...]]], int]:
    """What looking through every copy in the hub finds: per agency what it told and what it has."""
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in work.index.agencies}

    def overdue(feed_id: UUID, pair: UUID, origin: Any, fragment_id: Any, element_id: Any, due: bool) -> None:
        has, told = work.index.feeds[feed_id].agency_id, work.index.registrations[origin]
        found[told.agency_id].append(("told", told.reference, has, fragment_id, due))
        reference = work.index.current_of_pair(pair).reference
        found[has].append(("has", reference, feed_id, element_id, due))

    for feed_id, feed in work.index.feeds.items():
        for one in work.holdings.retractions(feed_id):
            entry = work.transaction.entry(one.position)
            late = one.outcome or work.now - entry.recorded_at > OVERDUE_AFTER
            if late and not attested(one.outcome):
                access = read_access_entry(entry)
                assert access is not None
                steps = [step for person in access.people for step in person.steps]
                [step] = [step for step in steps if step.sequence == one.sequence]
                overdue(feed_id, one.pair, step.origin, step.fragment_id, step.element_id, False)
        state = work.holdings.feed(feed_id)
        away = work.now.timestamp() - state.fetched / 1_000_000 > OVERDUE_AFTER.total_seconds()
        if away and work.index.agencies[feed.agency_id].departed is None:
            for pair in work.holdings.pairs_held(feed_id):
                held = work.holdings.held_about(feed_id, pair)
                should = desired(work, feed, pair, held, state.acknowledged)
                for change in changes(work, held, should.wanted, state.acknowledged):
                    if change.kind is StepKind.RETRACT and change.held is not None:
                        origin, fragment_id, element_id = (
                            UUID(bytes=one)
                            for one in (change.held.origin, change.held.fragment_id, change.element_id)
                        )
                        overdue(feed_id, pair, origin, fragment_id, element_id, True)
    every = [one for feed_id in work.index.feeds for one in work.holdings.retractions(feed_id)]
    open_ones = [one for one in every if not attested(one.outcome)]
    kept = work.transaction.scan(OWED, b"", limit=10_000)
    assert len(kept) == 2 * len(open_ones), "what is answered is looked at no more"
    return found, work.record_access(caller, AccessKind.AUDIT)


async def assert_found_plainly(t: Town, officers: dict[str, Colleague]) -> int:
    every, _ = await t.world.hub.execute(plainly, Caller(None, operator=True))
    for name, officer in officers.items():
        answer = await asked(officer)
        assert not answer.more
        found: list[tuple[Any, ...]] = [
            ("told", one.client_reference, one.recipient_agency_id, UUID(one.fragment_id), one.due)
            for one in answer.retractions
        ]
        found += [
            ("has", one.client_reference, UUID(one.feed_id), UUID(one.fragment_id), one.due)
            for one in answer.copies
        ]
        assert sorted(found) == sorted(every[name]), name
    return sum(map(len, every.values()))


async def a_bad_month(t: Town) -> None:
    """Copies that came back, that were asked for and did not, that nobody asked for, and some to keep."""
    grants = [
        await t.outreach.grant("rosa", SHARED, to="hostel"),
        await t.outreach.grant("rosa", SHARED, to="clinic"),
        await t.clinic.grant("p-1", SHARED, to="hostel"),
        await t.clinic.grant("p-2", SHARED, to="refuge"),
    ]
    for number in range(3):
        await t.outreach.publish("rosa", f"visit-{number}", contact=bedded_down())
        await t.clinic.publish("p-1", f"dose-{number}", assessment=dose(f"{number}mg"))
    await t.clinic.publish("p-2", "dose-9", assessment=dose("9mg"))
    for desk in (t.hostel, t.clinic, t.refuge):
        await desk.drain()
    await t.outreach.exclude("rosa", "hostel")
    await t.hostel.fetch(max_items=2)
    await t.hostel.fetch(max_items=2)
    await t.clinic.withdraw("p-2", grants[3])
    await t.refuge.fetch(lose=True)
    t.world.clock.advance(timedelta(hours=40))
    await t.hostel.fetch(max_items=2, lose=True)
    await t.outreach.withdraw("rosa", grants[1])


async def test_h4_all_of_ones_own_is_found_however_it_came_to_be_late(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owed, "_LOOK", 1)
    async with stage(tmp_path, authority) as world:
        t = await town(world)
        officers = await t.officers()
        await a_bad_month(t)
        seen = [await assert_found_plainly(t, officers)]
        for _ in range(3):
            world.clock.advance(timedelta(hours=35))
            seen.append(await assert_found_plainly(t, officers))
        await world.hub.rebuild()
        assert await assert_found_plainly(t, officers) == seen[-1]
        assert seen[0] == 0 and len(set(seen)) > 2, f"control: they became late one after another: {seen}"
        await t.clinic.drain()
        await t.hostel.drain()
        assert await assert_found_plainly(t, officers) < seen[-1], "what came back is late no more"
        del officers["refuge"]
        await depart(t.refuge, "UNKNOWN")
        assert await assert_found_plainly(t, officers) > 0, "nobody there could say: it stays late"
        await world.hub.rebuild()
        await assert_found_plainly(t, officers)


async def test_h4_who_left_and_said_owes_nothing(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        t = await town(world)
        officers = await t.officers()
        await a_bad_month(t)
        world.clock.advance(LATE)
        before = await assert_found_plainly(t, officers)
        del officers["refuge"]
        await depart(t.refuge, "ERASED")
        assert 0 < await assert_found_plainly(t, officers) < before


async def test_h4_a_data_folder_of_an_earlier_release_is_read_anew(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path, authority) as world:
        t = await town(world)
        officers = await t.officers()
        await a_bad_month(t)
        world.clock.advance(LATE)
        before = await assert_found_plainly(t, officers)

        def as_it_was(transaction: Any) -> None:
            sealed = transaction.get("position", projector._CELLS)
            opened = transaction.vault.open_cell(projector._POSITION_OWNER, projector._CELLS, sealed)
            for name in (OWED, TOLD, "position"):
                transaction.drop(name)
            transaction.put(
                "position", b"cells", transaction.vault.seal_cell(projector._POSITION_OWNER, b"cells", opened)
            )
            world.hub.projector.reset()

        await world.hub.ledger.run(as_it_was)
        assert await assert_found_plainly(t, officers) == before
