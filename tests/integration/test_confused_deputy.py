"""An agency that quotes another's references and ids is told exactly what it is told of inventions."""

from datetime import timedelta

import grpc
import pytest
from google.protobuf.message import Message

from hub.bootstrap import running_hub
from oncetold.v1 import (
    audit_service_pb2,
    common_pb2,
    consent_service_pb2,
    erasure_service_pb2,
    registration_service_pb2,
    task_service_pb2,
)
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.consent_service_pb2_grpc import ConsentServiceStub
from oncetold.v1.erasure_service_pb2_grpc import ErasureServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from oncetold.v1.task_service_pb2_grpc import TaskServiceStub
from tests.integration.loopback import Site, adapter_channel, bare, operator_channel, refusal, register
from tests.integration.quoting import (
    ANSWERED,
    INVENTED,
    NOW,
    OWN,
    QUOTING,
    WITH_HEALTH,
    Quoted,
    everything_of,
)
from tests.integration.story import (
    begin,
    grant,
    link,
    publish,
    request_id,
    stamp,
    withdraw,
)


async def told(channel: grpc.aio.Channel, method: str, request: Message) -> tuple[object, ...]:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await bare(channel, f"/oncetold.v1.{method.replace('.', '/')}")(request.SerializeToString())
    return (*refusal(failure.value), failure.value.details(), failure.value.trailing_metadata())


async def answered(
    channel: grpc.aio.Channel, method: str, request: Message, response: type[Message], its: Quoted
) -> str:
    """The answer without what was quoted and where the look stands in the ledger."""
    raw = await bare(channel, f"/oncetold.v1.{method.replace('.', '/')}")(request.SerializeToString())
    message = response.FromString(raw)
    for place in ("access", "position"):
        if place in message.DESCRIPTOR.fields_by_name:
            message.ClearField(place)
    return str(message).replace(its.agreement_id, "").replace(its.reference, "")


async def test_what_is_anothers_is_refused_like_what_is_not_there(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site, WITH_HEALTH)
        clinic = await register(site, "clinic")
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
            adapter_channel(site, running, clinic) as stranger,
            operator_channel(site) as operator,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            task_id = await a_task(outreach)
            theirs = await quoted(outreach, story.feed_id, await grant(outreach), task_id)
            await RegistrationServiceStub(stranger).RegisterClient(
                registration_service_pb2.RegisterClientRequest(request_id=request_id(), client_reference=OWN)
            )

            async def size() -> int:
                return int(
                    (await AuditServiceStub(operator).GetLedger(audit_service_pb2.GetLedgerRequest())).size
                )

            for method, quoting in QUOTING.items():
                before = await size()
                of_theirs = await told(stranger, method, quoting(theirs))
                between = await size()
                of_inventions = await told(stranger, method, quoting(INVENTED))

                assert of_theirs == of_inventions, method
                assert between - before == await size() - between, f"{method} grows the ledger differently"

            for method, (quoting, response) in ANSWERED.items():
                before = await size()
                said_of_theirs = await answered(stranger, method, quoting(theirs), response, theirs)
                between = await size()
                said_of_inventions = await answered(stranger, method, quoting(INVENTED), response, INVENTED)

                assert said_of_theirs == said_of_inventions, method
                assert between - before == await size() - between, f"{method} grows the ledger differently"


async def a_task(outreach: grpc.aio.Channel) -> str:
    """Something that somebody at the outreach team has to look at."""
    await withdraw(outreach, await grant(outreach, WITH_HEALTH))
    [task] = (await TaskServiceStub(outreach).ListTasks(task_service_pb2.ListTasksRequest())).tasks
    return str(task.task_id)


async def quoted(outreach: grpc.aio.Channel, feed_id: str, grant_id: str, task_id: str) -> Quoted:
    """What the outreach team has, as somebody else might have learned it."""
    consents = ConsentServiceStub(outreach)
    excluded = await consents.RecordExclusion(
        consent_service_pb2.RecordExclusionRequest(
            request_id=request_id(), client_reference="out-7", category=common_pb2.DATA_CATEGORY_FAMILY
        )
    )
    marked = await consents.PlaceMarker(
        consent_service_pb2.PlaceMarkerRequest(
            request_id=request_id(),
            client_reference="out-7",
            kind=consent_service_pb2.MARKER_KIND_SERIOUS_HARM,
            record_id="visit-1",
        )
    )
    registrations = RegistrationServiceStub(outreach)
    token = await registrations.CreateLinkToken(
        registration_service_pb2.CreateLinkTokenRequest(request_id=request_id(), client_reference="out-7")
    )
    await registrations.UndoLink(
        registration_service_pb2.UndoLinkRequest(request_id=request_id(), link_id=token.link_id)
    )
    erasures = ErasureServiceStub(outreach)
    held = await erasures.PlaceHold(
        erasure_service_pb2.PlaceHoldRequest(
            request_id=request_id(),
            scope=everything_of("out-7"),
            ground=erasure_service_pb2.HOLD_GROUND_LEGAL_CLAIMS,
            review_time=stamp(NOW + timedelta(days=90)),
        )
    )
    await RegistrationServiceStub(outreach).RegisterClient(
        registration_service_pb2.RegisterClientRequest(request_id=request_id(), client_reference="out-8")
    )
    erased = await erasures.Erase(
        erasure_service_pb2.EraseRequest(
            request_id=request_id(),
            scope=everything_of("out-8"),
            ground=erasure_service_pb2.ERASURE_GROUND_OBJECTION,
        )
    )
    return Quoted(
        "out-7",
        "visit-1",
        token.link_id,
        token.token,
        grant_id,
        excluded.exclusion_id,
        marked.marker_id,
        feed_id,
        "isa-1",
        "outreach",
        task_id,
        held.hold_id,
        erased.erasure_id,
    )
