"""A withdrawal against fetches that run and wait: behind its place in the ledger nothing is disclosed."""

import asyncio
import itertools
import random

import grpc

from hub.bootstrap import running_hub
from oncetold.v1 import delivery_service_pb2, registration_service_pb2
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.integration.loopback import Site, adapter_channel
from tests.integration.story import Story, begin, fetch, grant, link, publish, request_id, withdraw

ROUNDS = 25
PROMPTLY = 5.0
"""Seconds; a fetch that nobody woke would answer after its whole wait of 20."""


def gives(answer: delivery_service_pb2.FetchDeliveriesResponse) -> bool:
    return any(item.HasField("disclose") for item in answer.deliveries)


def takes(answer: delivery_service_pb2.FetchDeliveriesResponse) -> bool:
    return any(item.HasField("retract") for item in answer.deliveries)


def last(answer: delivery_service_pb2.FetchDeliveriesResponse, before: int) -> int:
    return max((item.sequence for item in answer.deliveries), default=before)


async def others_write(channel: grpc.aio.Channel, stop: asyncio.Event) -> None:
    """Traffic of the same agency that concerns nobody here."""
    for number in itertools.count():
        if stop.is_set():
            return
        await RegistrationServiceStub(channel).RegisterClient(
            registration_service_pb2.RegisterClientRequest(
                request_id=request_id(), client_reference=f"other-{number}-{request_id()}"
            )
        )


async def test_no_fetch_recorded_behind_a_withdrawal_discloses(site: Site) -> None:
    dice = random.Random(20261122)
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            acknowledged, sides = 0, set()
            for _ in range(ROUNDS):
                grant_id = await grant(outreach)

                async def fetched(pause: float, acknowledge: int) -> tuple[bool, int, int]:
                    await asyncio.sleep(pause)
                    answer = await fetch(hostel, story, acknowledge)
                    return gives(answer), answer.access.index, last(answer, acknowledge)

                racing = asyncio.create_task(fetched(dice.uniform(0, 0.02), acknowledged))
                await asyncio.sleep(dice.uniform(0, 0.02))
                withdrawn = await withdraw(outreach, grant_id)
                disclosed, place, acknowledged = await racing

                sides.add(place < withdrawn)
                assert disclosed == (place < withdrawn)
                answer = await fetch(hostel, story, acknowledged)
                assert takes(answer) == disclosed and not gives(answer)
                acknowledged = last(answer, acknowledged)
            assert sides == {True, False}, "the race has to be won by either side now and then"


async def test_a_waiting_fetch_hears_of_a_withdrawal_promptly_while_others_write(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            stop = asyncio.Event()
            noise = [asyncio.create_task(others_write(outreach, stop)) for _ in range(4)]
            acknowledged = 0
            try:
                for _ in range(ROUNDS):
                    acknowledged = await emptied(hostel, story, acknowledged)
                    waiting = asyncio.create_task(fetch(hostel, story, acknowledged, wait=20))
                    await asyncio.sleep(0.01)
                    grant_id = await grant(outreach)
                    async with asyncio.timeout(PROMPTLY):
                        acknowledged = last(await waiting, acknowledged)

                    acknowledged = await emptied(hostel, story, acknowledged)
                    waiting = asyncio.create_task(fetch(hostel, story, acknowledged, wait=20))
                    await asyncio.sleep(0.01)
                    await withdraw(outreach, grant_id)
                    async with asyncio.timeout(PROMPTLY):
                        answer = await waiting
                    assert takes(answer)
                    acknowledged = last(answer, acknowledged)
            finally:
                stop.set()
                await asyncio.gather(*noise)


async def emptied(hostel: grpc.aio.Channel, story: Story, acknowledged: int) -> int:
    """Acknowledges, and fetches until there is nothing: only then does a fetch wait."""
    while True:
        answer = await fetch(hostel, story, acknowledged)
        if not answer.deliveries:
            return acknowledged
        acknowledged = last(answer, acknowledged)
