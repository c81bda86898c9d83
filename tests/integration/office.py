"""A hub with its two administrators, and what they ask of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message

from hub.bootstrap import RunningHub, running_hub
from oncetold.v1 import administration_service_pb2 as messages
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    audit_service_pb2,
    certificate_service_pb2,
    common_pb2,
    operator_service_pb2,
    staff_service_pb2,
)
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from tests.administrators import AGENCIES, Office, Person, founded
from tests.clock import ManualClock
from tests.integration.loopback import Site, bare, operator_channel

Refusal = tuple[grpc.StatusCode, str, dict[str, str]]
REGISTER = f"{AGENCIES}.RegisterAgency"
NEEDED: Refusal = (grpc.StatusCode.FAILED_PRECONDITION, "TWO_PEOPLE_NEEDED", {})
NOT_THEIRS: Refusal = (grpc.StatusCode.UNAUTHENTICATED, "ADMINISTRATOR", {})
TOO_LATE: Refusal = (grpc.StatusCode.FAILED_PRECONDITION, "DECISION_STATE", {})
SAME: Refusal = (grpc.StatusCode.PERMISSION_DENIED, "SAME_PERSON", {})


@dataclass
class Place:
    """A hub that serves, its two administrators, and a third person who is none."""

    running: RunningHub
    clock: ManualClock
    office: Office
    amina: Person
    bela: Person

    @property
    def agencies(self) -> Any:
        return AgencyServiceStub(self.office.channel)

    async def known(self) -> set[str]:
        listed = await self.agencies.ListAgencies(agency_service_pb2.ListAgenciesRequest())
        return {one.agency_id for one in listed.agencies}

    async def size(self) -> int:
        ledger = await AuditServiceStub(self.office.channel).GetLedger(audit_service_pb2.GetLedgerRequest())
        return int(ledger.size)


@asynccontextmanager
async def serving(site: Site, clock: ManualClock) -> AsyncIterator[tuple[RunningHub, grpc.aio.Channel]]:
    async with running_hub(site.config, clock=clock) as running, operator_channel(site) as channel:
        yield running, channel


@asynccontextmanager
async def two(site: Site) -> AsyncIterator[Place]:
    clock = ManualClock()
    async with serving(site, clock) as (running, channel):
        office, amina, bela = await founded(running, channel)
        yield Place(running, clock, office, amina, bela)


def agency(agency_id: str = "northside", **fields: Any) -> agency_service_pb2.RegisterAgencyRequest:
    given = {"name": agency_id.title(), "controller_id": agency_id, **fields}
    return agency_service_pb2.RegisterAgencyRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        service_type=common_pb2.SERVICE_TYPE_HOSTEL,
        **given,
    )


def certificate(agency_id: str = "northside") -> agency_service_pb2.AuthoriseCertificateRequest:
    return agency_service_pb2.AuthoriseCertificateRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        uri=f"spiffe://hub/agency/{agency_id}/adapter/1",
        public_key_sha256=bytes(32),
    )


def leaving(agency_id: str = "northside") -> agency_service_pb2.DepartAgencyRequest:
    return agency_service_pb2.DepartAgencyRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        copies=agency_service_pb2.DEPARTED_COPIES_ERASED,
        records=agency_service_pb2.DEPARTED_RECORDS_KEPT,
        attested_by="dpo-1",
    )


async def direct(place: Place, method: str, request: Message) -> bytes:
    service, _, name = method.rpartition(".")
    answer: bytes = await bare(place.office.channel, f"/{service}/{name}")(request.SerializeToString())
    return answer


def agreement() -> agreement_service_pb2.DraftAgreementRequest:
    partnership = agreement_service_pb2.Agreement(
        agreement_id="partnership",
        title="Partnership",
        notice_id="notice-1",
        parties=[
            agreement_service_pb2.AgreementParty(
                agency_id=one,
                bases=[
                    agreement_service_pb2.PartyBasis(
                        purpose=common_pb2.PURPOSE_DIRECT_SUPPORT,
                        lawful_basis=common_pb2.LAWFUL_BASIS_A6_1_E,
                        article9=common_pb2.ARTICLE9_CONDITION_A9_2_H,
                    )
                ],
            )
            for one in ("northside", "harbour")
        ],
        rows=[
            agreement_service_pb2.AgreementRow(
                category=common_pb2.DATA_CATEGORY_IDENTITY,
                purpose=common_pb2.PURPOSE_DIRECT_SUPPORT,
                on_end=common_pb2.ON_END_RESTRICT,
            )
        ],
    )
    partnership.start_time.FromJsonString("2026-01-01T00:00:00Z")
    partnership.end_time.FromJsonString("2099-01-01T00:00:00Z")
    return agreement_service_pb2.DraftAgreementRequest(request_id=str(uuid4()), agreement=partnership)


def dpo() -> agency_service_pb2.Post:
    return agency_service_pb2.Post(
        kind=agency_service_pb2.POST_KIND_DATA_PROTECTION_OFFICER,
        staff_reference="dpo-1",
        telephone="01632 960001",
    )


def rotation(place: Place) -> Message:
    return operator_service_pb2.RotateKeysRequest(force=True)


def confirming() -> certificate_service_pb2.ConfirmEnrolmentRequest:
    return certificate_service_pb2.ConfirmEnrolmentRequest(
        request_id=str(uuid4()), agency_id="northside", words=["abandon"] * 6
    )


def assertion_key(agency_id: str, key_id: str) -> staff_service_pb2.AuthoriseAssertionKeyRequest:
    return staff_service_pb2.AuthoriseAssertionKeyRequest(
        request_id=str(uuid4()), agency_id=agency_id, key_id=key_id, public_key=Person("key").public
    )


EXAMPLES: dict[str, Any] = {
    "oncetold.v1.AdministrationService.AuthoriseWindDown": lambda _: messages.AuthoriseWindDownRequest(
        request_id=str(uuid4())
    ),
    REGISTER: lambda _: agency(),
    f"{AGENCIES}.AuthoriseCertificate": lambda _: certificate(),
    f"{AGENCIES}.Subscribe": lambda _: agency_service_pb2.SubscribeRequest(
        request_id=str(uuid4()),
        agency_id="northside",
        certificate_uri="spiffe://hub/agency/northside/adapter/1",
        service_type=common_pb2.SERVICE_TYPE_HOSTEL,
        purposes=[common_pb2.PURPOSE_DIRECT_SUPPORT],
        categories=[common_pb2.DATA_CATEGORY_IDENTITY],
    ),
    f"{AGENCIES}.AppointPost": lambda _: agency_service_pb2.AppointPostRequest(
        request_id=str(uuid4()), agency_id="northside", post=dpo()
    ),
    f"{AGENCIES}.AuthoriseWitness": lambda _: agency_service_pb2.AuthoriseWitnessRequest(
        request_id=str(uuid4()), agency_id="northside"
    ),
    f"{AGENCIES}.DepartAgency": lambda _: leaving(),
    "oncetold.v1.AgreementService.DraftAgreement": lambda _: agreement(),
    "oncetold.v1.OperatorService.RotateKeys": rotation,
    "oncetold.v1.AdministrationService.AddAdministrator": lambda place: place.office.adding(Person("carys")),
    "oncetold.v1.CertificateService.ConfirmEnrolment": lambda _: (
        certificate_service_pb2.ConfirmEnrolmentRequest(
            request_id=str(uuid4()), agency_id="northside", words=["abandon"] * 6
        )
    ),
    "oncetold.v1.StaffService.AuthoriseAssertionKey": lambda _: (
        staff_service_pb2.AuthoriseAssertionKeyRequest(
            request_id=str(uuid4()), agency_id="northside", key_id="key-1", public_key=bytes(32)
        )
    ),
    "oncetold.v1.AdministrationService.RatifyStop": lambda _: messages.RatifyStopRequest(
        request_id=str(uuid4()), index=1
    ),
    "oncetold.v1.AdministrationService.AcceptFileRoot": lambda _: messages.AcceptFileRootRequest(
        request_id=str(uuid4()), agency_id="northside", accepted_by="dpo-1"
    ),
}
