"""A flood over the wire: what is refused and how, what goes on meanwhile, and adapters that keep to it."""

import asyncio
import gc
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub as HubClient
from adapters.kit.config import HubSettings
from adapters.kit.errors import HubRefused
from hub.bootstrap import RunningHub, running_hub
from hub.limit_settings import LimitSettings
from oncetold.v1 import (
    agreement_service_pb2,
    audit_service_pb2,
    erasure_service_pb2,
    registration_service_pb2,
)
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.erasure_service_pb2_grpc import ErasureServiceStub
from tests.integration.loopback import Site, adapter_channel, operator_channel, refusal
from tests.integration.story import Story, begin, fetch, grant, link, publish, request_id, withdraw

FEW = LimitSettings(
    calls_at_once=4, all_calls_at_once=6, calls_per_second=30, kibibytes_per_second=1024, seconds_in_advance=1
)
LIST = agreement_service_pb2.ListAgreementsRequest()
DUE = erasure_service_pb2.ListDueForErasureRequest()
"""Of the caller's own people, so that every answer is an entry."""


def limited(site: Site, limits: LimitSettings = FEW) -> Site:
    return replace(site, config=replace(site.config, limits=limits))


async def outcomes(channel: grpc.aio.Channel, calls: int) -> list[Message | grpc.aio.AioRpcError]:
    """So many reads, as many at the same moment as one connection carries easily: answers and refusals."""
    found: list[Message | grpc.aio.AioRpcError] = []
    left = iter(range(calls))

    async def caller() -> None:
        for _ in left:
            try:
                found.append(await ErasureServiceStub(channel).ListDueForErasure(DUE))
            except grpc.aio.AioRpcError as error:
                found.append(error)

    await asyncio.gather(*(caller() for _ in range(40)))
    return found


async def size(site: Site) -> int:
    async with operator_channel(site) as operator:
        return int((await AuditServiceStub(operator).GetLedger(audit_service_pb2.GetLedgerRequest())).size)


async def test_a_flood_is_refused_with_a_time_to_wait_and_leaves_nothing_behind(site: Site) -> None:
    async with running_hub(limited(site).config) as running:
        story = await begin(site)
        async with adapter_channel(site, running, story.hostel) as hostel:
            before, began = await size(site), time.monotonic()
            found = await outcomes(hostel, 200)
            share = FEW.calls_per_second * (FEW.seconds_in_advance + time.monotonic() - began) + 1
            refused = [one for one in found if isinstance(one, grpc.aio.AioRpcError)]
            answered = len(found) - len(refused)

            assert 4 <= answered <= share and refused
            assert await size(site) - before == answered
            for error in refused:
                assert refusal(error)[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
                assert told_to_wait(error) == int(refusal(error)[2]["retry_seconds"]) == 1
            await asyncio.sleep(1)
            await AgreementServiceStub(hostel).ListAgreements(LIST)


def told_to_wait(error: grpc.aio.AioRpcError) -> int:
    """The seconds of google.rpc.RetryInfo."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            pause = error_details_pb2.RetryInfo()
            assert status_pb2.Status.FromString(value).details[1].Unpack(pause)
            return int(pause.retry_delay.seconds)
    raise AssertionError("nothing says how long")


async def test_refusals_leave_the_collector_no_frames_to_clear_away(site: Site) -> None:
    """Else everybody who is let in waits while it does: 20 to 80 ms were measured."""
    async with running_hub(limited(site).config) as running:
        story = await begin(site)
        async with adapter_channel(site, running, story.hostel) as hostel:
            gc.collect()
            gc.set_debug(gc.DEBUG_SAVEALL)
            try:
                refused = [
                    one for one in await outcomes(hostel, 200) if isinstance(one, grpc.aio.AioRpcError)
                ]
                gc.collect()
                left = [one.f_code.co_name for one in gc.garbage if isinstance(one, FrameType)]
            finally:
                gc.set_debug(0)
                gc.garbage.clear()

    assert len(refused) > 100
    assert left == []


async def test_in_a_flood_withdrawals_and_retractions_go_on_and_so_do_others(site: Site) -> None:
    async with running_hub(limited(site).config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            grant_id = await grant(outreach)
            [disclosed] = (await fetch(hostel, story)).deliveries
            flooding = [asyncio.ensure_future(outcomes(one, 500)) for one in (outreach, hostel)]
            await asyncio.sleep(0.05)

            await withdraw(outreach, grant_id)
            [retracted] = (await fetch(hostel, story, acknowledge=disclosed.sequence)).deliveries

            assert retracted.WhichOneof("step") == "retract"
            answers = [one for many in await asyncio.gather(*flooding) for one in many]
            shed = sum(isinstance(one, grpc.aio.AioRpcError) for one in answers)
            assert shed > 100, "control: it was a flood"


async def test_fetches_that_wait_take_no_place(site: Site) -> None:
    async with running_hub(limited(site, replace(FEW, calls_at_once=1)).config) as running:
        story = await begin(site)
        async with adapter_channel(site, running, story.hostel) as hostel:
            waiting = asyncio.ensure_future(fetch(hostel, story, wait=20))
            while not running.hub.fetching:
                await asyncio.sleep(0.01)
            await AgreementServiceStub(hostel).ListAgreements(LIST)
            assert not waiting.done()
            await running.hub.stop()
            await waiting


async def test_an_adapter_waits_as_long_as_it_is_told_and_then_finishes(site: Site) -> None:
    async with running_hub(limited(site).config) as running:
        story = await begin(site)
        pauses: list[float] = []

        def many() -> None:
            settings = settings_of(site, running, story)
            patience = Backoff(attempts=None, first=0.01, longest=5, jitter=0.0)

            def paused(error: Exception) -> None:
                assert isinstance(error, HubRefused) and error.reason == "TOO_MANY_CALLS"
                pauses.append(error.pause)

            with HubClient.connect(settings) as hub:
                for number in range(45):
                    registering = registration_service_pb2.RegisterClientRequest(
                        request_id=request_id(), client_reference=f"hos-{number}"
                    )
                    patience.call(partial(hub.register, registering), on_pause=paused)

        began = time.monotonic()
        await asyncio.to_thread(many)
        assert pauses and set(pauses) == {1.0}
        assert time.monotonic() - began >= sum(pauses)


def settings_of(site: Site, running: RunningHub, story: Story) -> HubSettings:
    """How an agency's adapter finds this hub."""
    return HubSettings(
        address=f"localhost:{running.port}",
        certificate_file=Path(story.hostel.certificate),
        key_file=Path(story.hostel.key),
        ca_file=site.authority.certificate,
    )
