"""Two agencies that share under an agreement, and one person known to both, over the wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc

from hub import pki
from hub.rpc.authentication import ACTING_AGENCY
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    common_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    record_service_pb2,
    records_pb2,
    registration_service_pb2,
)
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.consent_service_pb2_grpc import ConsentServiceStub
from oncetold.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.integration.loopback import Site, operator_channel, register
from tests.staff import relate

PURPOSE = common_pb2.PURPOSE_DIRECT_SUPPORT
Categories = Sequence[common_pb2.DataCategory.ValueType]
CATEGORIES = (common_pb2.DATA_CATEGORY_ACCOMMODATION, common_pb2.DATA_CATEGORY_SERVICE_CONTACT)


def request_id() -> str:
    return str(uuid4())


def stamp(moment: datetime) -> Any:
    request = record_service_pb2.Record()
    request.occurred_time.FromDatetime(moment)
    return request.occurred_time


@dataclass
class Story:
    """`outreach` tells, `hostel` receives; each has its own reference to the person."""

    outreach: pki.Credentials
    hostel: pki.Credentials
    feed_id: str


async def begin(site: Site, categories: Categories = CATEGORIES) -> Story:
    """Agencies, certificates, a feed for the hostel and a signed agreement."""
    outreach, hostel = await register(site, "outreach"), await register(site, "hostel")
    assert hostel.uri is not None
    async with operator_channel(site) as channel:
        await AgencyServiceStub(channel).AppointPost(day_and_night("hostel"))
        feed = await AgencyServiceStub(channel).Subscribe(
            agency_service_pb2.SubscribeRequest(
                request_id=request_id(),
                agency_id="hostel",
                certificate_uri=hostel.uri,
                service_type=common_pb2.SERVICE_TYPE_HOSTEL,
                purposes=[PURPOSE],
                categories=categories,
            )
        )
        agreements = AgreementServiceStub(channel)
        await agreements.DraftAgreement(
            agreement_service_pb2.DraftAgreementRequest(
                request_id=request_id(), agreement=agreement(categories)
            )
        )
        for agency_id in ("outreach", "hostel"):
            await agreements.SignAgreement(
                agreement_service_pb2.SignAgreementRequest(
                    request_id=request_id(), agreement_id="isa-1", version=1
                ),
                metadata=((ACTING_AGENCY, agency_id),),
            )
    return Story(outreach, hostel, feed.feed_id)


def day_and_night(agency_id: str) -> agency_service_pb2.AppointPostRequest:
    """Appoints the number without which no feed is opened."""
    post = agency_service_pb2.Post(
        kind=agency_service_pb2.POST_KIND_TWENTY_FOUR_HOURS, staff_reference="desk", telephone="01632 960160"
    )
    return agency_service_pb2.AppointPostRequest(request_id=request_id(), agency_id=agency_id, post=post)


def agreement(categories: Categories = CATEGORIES) -> agreement_service_pb2.Agreement:
    basis = agreement_service_pb2.PartyBasis(
        purpose=PURPOSE,
        lawful_basis=common_pb2.LAWFUL_BASIS_A6_1_E,
        article9=common_pb2.ARTICLE9_CONDITION_A9_2_H,
        article10=common_pb2.ARTICLE10_CONDITION_OFFICIAL_AUTHORITY,
    )
    now = datetime.now(UTC)
    return agreement_service_pb2.Agreement(
        agreement_id="isa-1",
        title="Street to hostel",
        parties=[
            agreement_service_pb2.AgreementParty(agency_id=agency_id, bases=[basis])
            for agency_id in ("outreach", "hostel")
        ],
        rows=[
            agreement_service_pb2.AgreementRow(
                category=category, purpose=PURPOSE, on_end=common_pb2.ON_END_ERASE
            )
            for category in categories
        ],
        start_time=stamp(now - timedelta(days=1)),
        end_time=stamp(now + timedelta(days=365)),
        notice_id="notice-1",
    )


async def link(outreach: grpc.aio.Channel, hostel: grpc.aio.Channel) -> None:
    """Both register the person, and both say that it is one person."""
    theirs, ours = RegistrationServiceStub(outreach), RegistrationServiceStub(hostel)
    for stub, channel, reference in ((theirs, outreach, "out-7"), (ours, hostel, "hos-3")):
        await stub.RegisterClient(
            registration_service_pb2.RegisterClientRequest(
                request_id=request_id(), client_reference=reference
            )
        )
        await relate(channel, reference)
    made = await theirs.CreateLinkToken(
        registration_service_pb2.CreateLinkTokenRequest(request_id=request_id(), client_reference="out-7")
    )
    await ours.RedeemLinkToken(
        registration_service_pb2.RedeemLinkTokenRequest(
            request_id=request_id(), client_reference="hos-3", token=made.token
        )
    )
    await theirs.ConfirmLink(
        registration_service_pb2.ConfirmLinkRequest(request_id=request_id(), link_id=made.link_id)
    )


async def publish(outreach: grpc.aio.Channel) -> None:
    """The outreach team met the person, bedded down."""
    record = record_service_pb2.Record(
        record_id="visit-1",
        revision=1,
        client_reference="out-7",
        service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
        occurred_time=stamp(datetime.now(UTC) - timedelta(hours=2)),
        source_system="test",
        content=records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=True)),
    )
    await RecordServiceStub(outreach).PublishRecords(
        record_service_pb2.PublishRecordsRequest(request_id=request_id(), records=[record])
    )


async def grant(outreach: grpc.aio.Channel, categories: Categories = CATEGORIES) -> str:
    """The person says yes to the hostel; returns the grant's id."""
    now = datetime.now(UTC)
    recorded = await ConsentServiceStub(outreach).RecordGrant(
        consent_service_pb2.RecordGrantRequest(
            request_id=request_id(),
            grant=consent_service_pb2.Grant(
                client_reference="out-7",
                scope=consent_service_pb2.Scope(
                    purposes=[PURPOSE], categories=categories, agency_id="hostel"
                ),
                confidentiality_basis=common_pb2.CONFIDENTIALITY_BASIS_EXPLICIT_CONSENT,
                capture_method=common_pb2.CAPTURE_METHOD_ESIGNATURE,
                notice_id="notice-1",
                given_time=stamp(now),
                effective_until_time=stamp(now + timedelta(days=30)),
                asked_alone=True,
                service_offered_anyway=True,
                told_may_refuse=True,
            ),
        )
    )
    return str(recorded.grant_id)


async def withdraw(outreach: grpc.aio.Channel, grant_id: str) -> int:
    """The person says no after all; returns where in the ledger."""
    withdrawn = await ConsentServiceStub(outreach).WithdrawGrant(
        consent_service_pb2.WithdrawGrantRequest(
            request_id=request_id(), client_reference="out-7", grant_id=grant_id
        )
    )
    return int(withdrawn.position.index)


async def fetch(
    hostel: grpc.aio.Channel, story: Story, acknowledge: int = 0, wait: float = 0, **more: Any
) -> delivery_service_pb2.FetchDeliveriesResponse:
    """One fetch by the hostel's adapter."""
    request = delivery_service_pb2.FetchDeliveriesRequest(
        **{
            "feed_id": story.feed_id,
            "epoch": 1,
            "acknowledge": acknowledge,
            "max_items": 64,
            **more,
        }
    )
    request.wait.FromMilliseconds(int(wait * 1000))
    answer: delivery_service_pb2.FetchDeliveriesResponse = await DeliveryServiceStub(hostel).FetchDeliveries(
        request
    )
    return answer
