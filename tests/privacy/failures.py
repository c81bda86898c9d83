"""Calls that are refused or fail, each with the person's words where they do not belong."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from oncetold.v1 import common_pb2, delivery_service_pb2, record_service_pb2, records_pb2
from oncetold.v1 import consent_service_pb2 as consent
from oncetold.v1 import registration_service_pb2 as registration
from oncetold.v1.consent_service_pb2_grpc import ConsentServiceStub
from oncetold.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.integration.loopback import Site, bare, operator_channel
from tests.integration.story import request_id, stamp
from tests.privacy import person
from tests.privacy.evidence import Evidence
from tests.privacy.hub_process import FAILS_IN_ITS_SERVICER, FAILS_IN_ITS_USE_CASE

OURS = person.REFERENCES["outreach"]
_REGISTER = "/oncetold.v1.RegistrationService/RegisterClient"


def _registering(**changed: Any) -> registration.RegisterClientRequest:
    asked: dict[str, Any] = {"request_id": request_id(), "client_reference": OURS, **changed}
    return registration.RegisterClientRequest(**asked)


def _record(**changed: Any) -> record_service_pb2.PublishRecordsRequest:
    record = record_service_pb2.Record(
        record_id=person.RECORD_ID.format(99),
        revision=1,
        client_reference=OURS,
        service_type=common_pb2.SERVICE_TYPE_HOSTEL,
        occurred_time=stamp(datetime.now(UTC)),
        source_system="case-files",
        content=records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=True)),
    )
    for name, value in changed.items():
        if isinstance(value, str | int):
            setattr(record, name, value)
        else:
            getattr(record, name).CopyFrom(value)
    return record_service_pb2.PublishRecordsRequest(request_id=request_id(), records=[record])


def _unknown_field() -> registration.RegisterClientRequest:
    newer, name = _registering(), person.FAMILY.encode()
    newer.MergeFromString(b"\xba\x3e" + bytes([len(name)]) + name)
    return newer


def _reused(stub: RegistrationServiceStub) -> tuple[Any, Any]:
    first = _registering(request_id=person.REQUEST_ID)
    second = _registering(request_id=person.REQUEST_ID, client_reference=person.OTHER_REFERENCE)
    return stub.RegisterClient(first), stub.RegisterClient(second)


async def fail_in_every_way(
    site: Site,
    port: int,
    channels: dict[str, grpc.aio.Channel],
    feeds: dict[str, str],
    evidence: Evidence,
) -> None:
    """Makes each call, keeps what it was told, and sees that the next one works."""
    outreach, hostel = channels["outreach"], channels["hostel"]
    clients, theirs = RegistrationServiceStub(outreach), RegistrationServiceStub(hostel)
    choices, records = ConsentServiceStub(outreach), RecordServiceStub(outreach)
    deliveries = DeliveryServiceStub(hostel)
    for reference in (FAILS_IN_ITS_SERVICER, FAILS_IN_ITS_USE_CASE):
        await clients.RegisterClient(_registering(client_reference=reference))
    accepted, reused = _reused(clients)
    await accepted
    details = registration.MatchingDetails
    name = f"{person.GIVEN} {person.FAMILY}"
    free_text = records_pb2.Note(text=common_pb2.FreeText(text=person.NOTE))
    released = [common_pb2.DATA_CATEGORY_OWN_STORY]
    words = records_pb2.Note(text=common_pb2.FreeText(text=person.NOTE + "\0", released_categories=released))
    narrative = records_pb2.RecordContent(note=free_text)
    spoiled = records_pb2.RecordContent(note=words)
    somebody = consent.PersonAtAgency(agency_id="hostel", staff_reference=person.STAFF_REFERENCE + " ")
    calls: dict[str, Awaitable[object]] = {
        "a name for a reference": clients.RegisterClient(_registering(client_reference=name)),
        "an NHS number with spaces": clients.RegisterClient(
            _registering(matching_details=details(nhs_number="943 476 5919"))
        ),
        "a name with a control": clients.RegisterClient(
            _registering(matching_details=details(given_name=person.GIVEN + "\0"))
        ),
        "a birthday that is none": clients.RegisterClient(
            _registering(matching_details=details(birth_date="1931-02-31"))
        ),
        "a name for a request id": clients.RegisterClient(_registering(request_id=name)),
        "an unknown field": clients.RegisterClient(_unknown_field()),
        "a reused request id": reused,
        "another's reference": theirs.CreateLinkToken(
            registration.CreateLinkTokenRequest(request_id=request_id(), client_reference=OURS)
        ),
        "words not released": records.PublishRecords(_record(content=narrative)),
        "words with a control": records.PublishRecords(_record(content=spoiled)),
        "an old revision": records.PublishRecords(_record(revision=7)),
        "a future day": records.PublishRecords(
            _record(occurred_time=stamp(datetime.now(UTC) + timedelta(days=2)))
        ),
        "a reference never registered": records.PublishRecords(_record(client_reference=person.FAMILY)),
        "somebody badly named": choices.RecordExclusion(
            consent.RecordExclusionRequest(request_id=request_id(), client_reference=OURS, person=somebody)
        ),
        "no such grant": choices.WithdrawGrant(
            consent.WithdrawGrantRequest(
                request_id=request_id(), client_reference=OURS, grant_id=str(uuid4())
            )
        ),
        "a feed that is a name": deliveries.FetchDeliveries(
            delivery_service_pb2.FetchDeliveriesRequest(feed_id=person.FAMILY, epoch=1, max_items=1)
        ),
        "another's feed": deliveries.FetchDeliveries(
            delivery_service_pb2.FetchDeliveriesRequest(feed_id=feeds["clinic"], epoch=1, max_items=1)
        ),
        "too long": bare(outreach, _REGISTER)(person.NOTE.encode() * 20_000),
        "far too long": bare(outreach, _REGISTER)(person.NOTE.encode() * 60_000),
        "no message at all": bare(outreach, _REGISTER)(person.FAMILY.encode()),
        "not UTF-8": bare(outreach, _REGISTER)(b"\x12\x0d" + person.FAMILY.encode() + b"\xff"),
        "no such method": bare(outreach, f"/oncetold.v1.RegistrationService/{person.FAMILY}")(b""),
        "too much metadata": clients.RegisterClient(_registering(), metadata=(("note", person.NOTE * 300),)),
        "a handler that raises": choices.ListChoices(
            consent.ListChoicesRequest(client_reference=FAILS_IN_ITS_SERVICER)
        ),
        "a use case that raises": choices.RecordStatus(
            consent.RecordStatusRequest(
                request_id=request_id(),
                client_reference=FAILS_IN_ITS_USE_CASE,
                status=consent.PERSON_STATUS_DATA_OPT_OUT,
            )
        ),
    }
    for what, call in calls.items():
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
        evidence.keep_error(what, failure.value)
        await clients.RegisterClient(_registering())
    async with operator_channel(site) as operator:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await bare(operator, _REGISTER)(b"", metadata=(("oncetold-agency", person.FAMILY),))
        evidence.keep_error("an agency named like a person", failure.value)
