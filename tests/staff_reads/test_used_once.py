"""An assertion is good once: after a restart, when projections are made anew, and at another replica too."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest

from adapters.kit.assertions import METADATA, Signer
from consent_ledger.access import AccessKind
from hub.bootstrap import running_hub
from hub.projections.assertions import ASSERTIONS
from oncetold.v1 import record_service_pb2, staff_service_pb2
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from tests.integration.loopback import (
    Site,
    adapter_channel,
    make_replica,
    make_site,
    operator_channel,
    refused,
)
from tests.integration.story import Story, begin, grant, link, publish
from tests.invariants.ledger import accesses
from tests.postgres import server
from tests.staff import NAVIGATOR, key_of, new_request_id, signer_of
from tests.staff_reads.asking import KEYWORKER, breaks_glass, give, sees
from tests.twins.cast import cast
from tests.twins.stage import Authority, stage


async def test_used_is_used_after_a_restart(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    async with running_hub(site.config) as running:
        story, signer, word = await _a_used_word(site, running)
    async with running_hub(site.config) as running, adapter_channel(site, running, story.hostel) as hostel:
        assert (await refused(_again(hostel, story, word)))[2].get("rule") == "used"
        answer = await _again(hostel, story, signer.assertion(NAVIGATOR, _asked(story)))
        assert len(answer.elements) == 1, "control"


async def test_used_is_used_when_every_projection_is_made_anew(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    async with running_hub(site.config) as running:
        story, _, word = await _a_used_word(site, running)
        await running.hub.rebuild()
        async with adapter_channel(site, running, story.hostel) as hostel:
            assert (await refused(_again(hostel, story, word)))[2].get("rule") == "used"


async def _a_used_word(site: Site, running: Any) -> tuple[Story, Signer, str]:
    story = await begin(site)
    ledger_id = running.hub.ledger.ledger_id
    signer = signer_of("hostel", ledger_id, story.hostel.certificate.read_bytes())
    async with (
        adapter_channel(site, running, story.outreach) as outreach,
        adapter_channel(site, running, story.hostel) as hostel,
    ):
        await link(outreach, hostel)
        await publish(outreach)
        await grant(outreach)
        word = signer.assertion(NAVIGATOR, _asked(story))
        assert len((await _again(hostel, story, word)).elements) == 1
    return story, signer, word


def _asked(story: Story) -> record_service_pb2.GetHistoryRequest:
    return record_service_pb2.GetHistoryRequest(feed_id=story.feed_id, client_reference="hos-3")


async def _again(channel: grpc.aio.Channel, story: Story, word: str) -> record_service_pb2.GetHistoryResponse:
    answer: record_service_pb2.GetHistoryResponse = await RecordServiceStub(channel).GetHistory(
        _asked(story), metadata=((METADATA, word),)
    )
    return answer


async def test_roles_and_relationships_end_when_they_are_said_to(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    async with running_hub(site.config) as running:
        story, signer, _ = await _a_used_word(site, running)
        async with operator_channel(site), adapter_channel(site, running, story.hostel) as hostel:
            staff = StaffServiceStub(hostel)

            async def limit() -> str:
                answer = await _again(hostel, story, signer.assertion(NAVIGATOR, _asked(story)))
                name = record_service_pb2.ReadingLimit.Name(answer.narrowed)
                return f"{name.removeprefix('READING_LIMIT_')} {len(answer.elements)}"

            assert await limit() == "FULL 1"
            navigator = staff_service_pb2.STAFF_ROLE_NAVIGATOR
            await staff.EndRole(
                staff_service_pb2.EndRoleRequest(
                    request_id=new_request_id(), staff_reference="nav-1", role=navigator
                )
            )
            assert await limit() == "NO_ROLE 0"
            ahead = running.hub.ledger.clock.now() + timedelta(seconds=1.5)
            request = staff_service_pb2.GiveRoleRequest(
                request_id=new_request_id(), staff_reference="nav-1", role=navigator
            )
            request.until_time.FromDatetime(ahead)
            await staff.GiveRole(request)
            assert await limit() == "FULL 1"
            while running.hub.ledger.clock.now() <= ahead:
                await asyncio.sleep(0.1)
            assert await limit() == "NO_ROLE 0"


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """Two hubs' folders over one ledger in PostgreSQL."""
    database = server().create_database()
    one = make_site(tmp_path, server().url(database))
    yield one, make_replica(one, tmp_path / "other")
    server().drop_database(database)


async def test_used_at_one_hub_is_used_at_the_other(sites: tuple[Site, Site]) -> None:
    async with running_hub(sites[0].config) as one, running_hub(sites[1].config) as other:
        story, signer, word = await _a_used_word(sites[0], one)
        async with adapter_channel(sites[1], other, story.hostel) as hostel:
            # No pause: the other hub has hardly heard of it.
            assert (await refused(_again(hostel, story, word)))[2].get("rule") == "used"
            fresh = signer.assertion(NAVIGATOR, _asked(story))
            assert len((await _again(hostel, story, fresh)).elements) == 1, "control"
        async with adapter_channel(sites[0], one, story.hostel) as hostel:
            assert (await refused(_again(hostel, story, fresh)))[2].get("rule") == "used"


async def test_of_many_calls_with_one_word_at_once_one_is_answered(sites: tuple[Site, Site]) -> None:
    async with running_hub(sites[0].config) as one, running_hub(sites[1].config) as other:
        story, signer, _ = await _a_used_word(sites[0], one)
        async with (
            adapter_channel(sites[0], one, story.hostel) as here,
            adapter_channel(sites[1], other, story.hostel) as there,
        ):
            for _ in range(5):
                word = signer.assertion(NAVIGATOR, _asked(story))
                calls = [_again(channel, story, word) for channel in (here, there) * 4]
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                answered = [one for one in outcomes if not isinstance(one, BaseException)]
                assert len(answered) == 1 and len(outcomes) == 8


async def test_what_is_long_over_is_not_kept(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)

        async def kept() -> int:
            looked = world.hub.ledger.submit(lambda it: len(it.scan(ASSERTIONS, b"", limit=100)))
            return await asyncio.wrap_future(looked)

        for _ in range(3):
            await c.hostel.history("room-4")
        await c.hostel.feed_status()
        assert await kept() == 3
        world.clock.advance(timedelta(minutes=15))
        await c.hostel.history("room-4")
        await c.hostel.feed_status()
        assert await kept() == 1


async def test_the_agencys_word_is_kept_with_what_it_was_used_for(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await give(c.hostel, KEYWORKER)
        before = await world.size()
        await sees(c.hostel, KEYWORKER, "room-4")
        await breaks_glass(c.hostel, KEYWORKER, "room-4")
        await c.hostel.refused(sees(c.hostel, KEYWORKER, "room-99"))
        await c.hostel.feed_status()

        kept = [entry for _, entry in await accesses(world, before)]

        assert [one.kind for one in kept] == [AccessKind.READ, AccessKind.ASSERTED, AccessKind.REFUSED]
        for one in kept:
            key = key_of("hostel").public_key()
            unjudged = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
            claims = jwt.decode(one.assertion, key, algorithms=["EdDSA"], options=unjudged)  # type: ignore[arg-type]
            assert (claims["iss"], claims["sub"], claims["role"]) == ("hostel", "key-1", "KEYWORKER")
        assert len({one.assertion for one in kept}) == 3
