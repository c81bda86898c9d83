"""Two hubs serve one ledger in PostgreSQL: what is told at one counts at the other."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from consent_ledger.errors import LedgerExists, LedgerInUse
from hub.__main__ import app
from hub.bootstrap import RunningHub, create_hub, running_hub
from hub.config import write_config
from oncetold.v1.record_service_pb2 import GetHistoryRequest
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from tests.integration.loopback import Site, adapter_channel, make_replica, make_site, refused
from tests.integration.story import Story, begin, fetch, grant, link, publish, withdraw
from tests.postgres import Server, server

SOON = 10.0
"""Seconds within which one that waits is woken, on a machine that does much else."""


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    database = server().create_database()
    one = make_site(tmp_path, server().url(database))
    yield one, make_replica(one, tmp_path / "other")
    server().drop_database(database)


@dataclass
class Both:
    """Two hubs that serve, a story told at the first, and where its agencies connect: each at one."""

    one: RunningHub
    other: RunningHub
    story: Story
    outreach: grpc.aio.Channel
    hostel: grpc.aio.Channel


@asynccontextmanager
async def serving(sites: tuple[Site, Site]) -> AsyncIterator[Both]:
    """The street team at the first hub, the hostel at the other."""
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(running_hub(site.config)) for site in sites]
        story = await begin(sites[0])
        outreach = await stack.enter_async_context(adapter_channel(sites[0], one, story.outreach))
        hostel = await stack.enter_async_context(adapter_channel(sites[1], other, story.hostel))
        await link(outreach, hostel)
        yield Both(one, other, story, outreach, hostel)


async def test_what_is_told_at_one_hub_is_fetched_from_the_other(sites: tuple[Site, Site]) -> None:
    async with serving(sites) as both:
        await grant(both.outreach)
        await publish(both.outreach)
        answer = await fetch(both.hostel, both.story)
        assert [one.WhichOneof("step") for one in answer.deliveries] == ["disclose"]
        assert (both.one.hub.ledger.ledger_id, answer.access.ledger_id) == (
            both.other.hub.ledger.ledger_id,
            str(both.one.hub.ledger.ledger_id),
        )


async def test_a_fetch_that_waits_at_one_hub_is_woken_by_the_other(sites: tuple[Site, Site]) -> None:
    async with serving(sites) as both:
        grant_id = await grant(both.outreach)
        begun = time.monotonic()
        fetching = asyncio.ensure_future(fetch(both.hostel, both.story, wait=25))
        await asyncio.sleep(0.5)
        assert not fetching.done()
        await publish(both.outreach)
        answer = await fetching
        assert len(answer.deliveries) == 1
        assert time.monotonic() - begun < SOON

        applied = answer.deliveries[-1].sequence
        assert not (await fetch(both.hostel, both.story, applied)).deliveries
        begun = time.monotonic()
        fetching = asyncio.ensure_future(fetch(both.hostel, both.story, applied, wait=25))
        await asyncio.sleep(0.5)
        assert not fetching.done()
        await withdraw(both.outreach, grant_id)
        answer = await fetching
        assert [one.WhichOneof("step") for one in answer.deliveries] == ["retract"]
        assert time.monotonic() - begun < SOON


async def test_a_read_behind_a_withdrawal_at_the_other_hub_gives_nothing(sites: tuple[Site, Site]) -> None:
    async with serving(sites) as both:
        history = GetHistoryRequest(feed_id=both.story.feed_id, client_reference="hos-3")
        given = 0
        await publish(both.outreach)
        for _ in range(5):
            grant_id = await grant(both.outreach)
            given += len((await RecordServiceStub(both.hostel).GetHistory(history)).elements)
            await withdraw(both.outreach, grant_id)
            # No pause: the other hub has hardly heard of it.
            answer = await RecordServiceStub(both.hostel).GetHistory(history)
            assert len(answer.elements) == 0
        assert given > 0


async def test_two_hubs_are_never_served_from_one_folder(sites: tuple[Site, Site]) -> None:
    async with running_hub(sites[0].config):
        with pytest.raises(LedgerInUse):
            async with running_hub(sites[0].config):
                raise AssertionError("both serve")
    async with running_hub(sites[0].config):
        pass


async def test_one_hub_rebuilds_what_is_derived_beneath_the_other(sites: tuple[Site, Site]) -> None:
    async with serving(sites) as both:
        grant_id = await grant(both.outreach)
        await publish(both.outreach)
        await fetch(both.hostel, both.story)
        # The other has read all there is, so that nothing new makes it look.
        await both.other.hub.look(lambda transaction: None)
        # Dropped, and half-way made anew: the other can trust neither what is there nor what it remembers.
        await both.one.hub.ledger.run(both.one.hub.projector.drop)
        await both.one.hub.ledger.run(lambda transaction: both.one.hub.projector.catch_up(transaction, 3))
        assert not (await fetch(both.hostel, both.story, 1)).deliveries
        await withdraw(both.outreach, grant_id)
        answer = await fetch(both.hostel, both.story, 1)
        assert [(one.sequence, one.WhichOneof("step")) for one in answer.deliveries] == [(2, "retract")]
        for running in (both.one, both.other):
            await running.hub.look(lambda transaction: None)
        assert both.other.hub.projector.index.position == both.one.hub.projector.index.position > 0


def test_the_command_line_is_one_more_replica(sites: tuple[Site, Site]) -> None:
    for site in sites:
        write_config(site.config)

    def oncetold(site: Site, *words: str) -> str:
        result = CliRunner().invoke(app, ["--data", str(site.config.data), *words])
        assert result.exit_code == 0, result.output
        return result.output

    oncetold(sites[0], "agency", "add", "hostel", "--name", "Hostel", "--service-type", "HOSTEL")
    assert "hostel" in oncetold(sites[1], "agency", "list")
    assert "each as it was appended" in oncetold(sites[1], "ledger", "check")
    assert "nothing to do" in oncetold(sites[1], "ledger", "upgrade")


def test_a_ledger_is_made_once_whoever_makes_it(sites: tuple[Site, Site]) -> None:
    with pytest.raises(LedgerExists):
        create_hub(sites[1].config)


async def test_a_hub_outlives_its_database_server(tmp_path: Path) -> None:
    """It says so while the server is away, and serves again when it is back, those who wait too."""
    own = Server()
    try:
        one = make_site(tmp_path, own.url(own.create_database()))
        async with serving((one, make_replica(one, tmp_path / "other"))) as both:
            grant_id = await grant(both.outreach)
            await publish(both.outreach)
            [told] = (await fetch(both.hostel, both.story)).deliveries
            await asyncio.to_thread(own.kill)
            for channel in (both.outreach, both.hostel):
                status, reason, _ = await refused(fetch(channel, both.story, told.sequence))
                assert (status, reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
            await asyncio.to_thread(own.start)
            assert not (await fetch(both.hostel, both.story, told.sequence)).deliveries
            begun = time.monotonic()
            fetching = asyncio.ensure_future(fetch(both.hostel, both.story, told.sequence, wait=25))
            await asyncio.sleep(0.5)
            await withdraw(both.outreach, grant_id)
            assert [one.WhichOneof("step") for one in (await fetching).deliveries] == ["retract"]
            # It listens again: a wait that nobody woke would have ended with its time.
            assert time.monotonic() - begun < 2 * SOON
    finally:
        await asyncio.to_thread(own.stop)
