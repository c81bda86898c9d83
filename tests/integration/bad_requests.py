"""Requests that have to be refused: who sends them, what they say, and what is told of them.

Each holds `SECRET` wherever a person's words could stand, so that the test sees it repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from google.protobuf.message import Message

from oncetold.v1 import (
    agreement_service_pb2,
    common_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    record_service_pb2,
    records_pb2,
    registration_service_pb2,
)
from tests.integration.story import CATEGORIES, PURPOSE, agreement, request_id, stamp

SECRET = "Zebedee"
USED = str(uuid4())
"""A request id that was used before, for another reference."""

REGISTER = "RegistrationService.RegisterClient"
PUBLISH = "RecordService.PublishRecords"
GRANT = "ConsentService.RecordGrant"
REFUSE = "ConsentService.RecordRefusal"
EXCLUDE = "ConsentService.RecordExclusion"
DRAFT = "AgreementService.DraftAgreement"
FETCH = "DeliveryService.FetchDeliveries"
RECONCILE = "DeliveryService.ReconcileHoldings"
HISTORY = "RecordService.GetHistory"
STATUS = "AuditService.GetFeedStatus"

Change = Callable[[Any], object]


@dataclass(frozen=True)
class Bad:
    """One request. `entries` counts what the ledger may grow by: a refusal by a use case is recorded (I15),
    one of the front door's is not."""

    name: str
    method: str
    request: Callable[["Known"], Message | bytes]
    status: str
    reason: str
    details: dict[str, str] = field(default_factory=dict)
    who: str = "outreach"
    entries: int = 0


@dataclass(frozen=True)
class Known:
    """Ids of the served hub."""

    feed_id: str
    grant_id: str


def registering(change: Change = lambda _: None, **fields: Any) -> Callable[[Known], Message]:
    def made(_: Known) -> Message:
        request = registration_service_pb2.RegisterClientRequest(
            **{"request_id": request_id(), "client_reference": "out-7", **fields}
        )
        change(request)
        return request

    return made


def details(**fields: str) -> Callable[[Known], Message]:
    sound = {"nhs_number": "9434765919", "birth_date": "1987-02-28", "given_name": "A", "family_name": "B"}
    return registering(matching_details=registration_service_pb2.MatchingDetails(**{**sound, **fields}))


def publishing(change: Change) -> Callable[[Known], Message]:
    """One sound record but for the change; it holds answers, an address, words and a stay."""

    def made(_: Known) -> Message:
        coding = common_pb2.Coding(system="test:codes", code=SECRET)
        record = record_service_pb2.Record(
            record_id="visit-9",
            revision=1,
            client_reference="out-7",
            service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
            occurred_time=stamp(datetime.now(UTC) - timedelta(hours=2)),
            source_system="test",
            content=records_pb2.RecordContent(
                contact=records_pb2.Contact(
                    place=records_pb2.Place(address_line=SECRET),
                    details=[
                        common_pb2.CategorisedAnswer(
                            category=common_pb2.DATA_CATEGORY_FAMILY, question=coding, date="2026-02-28"
                        )
                    ],
                    narrative=common_pb2.FreeText(
                        text=SECRET, released_categories=[common_pb2.DATA_CATEGORY_OWN_STORY]
                    ),
                )
            ),
        )
        change(record)
        return record_service_pb2.PublishRecordsRequest(request_id=request_id(), records=[record])

    return made


def staying(start: str, end: str) -> Callable[[Known], Message]:
    episode = records_pb2.ServiceEpisode(start_date=start, end_date=end)
    return publishing(lambda r: r.content.CopyFrom(records_pb2.RecordContent(service_episode=episode)))


def granting(change: Change) -> Callable[[Known], Message]:
    def made(_: Known) -> Message:
        now = datetime.now(UTC)
        grant = consent_service_pb2.Grant(
            client_reference="out-7",
            scope=consent_service_pb2.Scope(purposes=[PURPOSE], categories=CATEGORIES, agency_id="hostel"),
            confidentiality_basis=common_pb2.CONFIDENTIALITY_BASIS_EXPLICIT_CONSENT,
            capture_method=common_pb2.CAPTURE_METHOD_ESIGNATURE,
            notice_id="notice-1",
            given_time=stamp(now),
            effective_until_time=stamp(now + timedelta(days=30)),
        )
        change(grant)
        return consent_service_pb2.RecordGrantRequest(request_id=request_id(), grant=grant)

    return made


def drafting(change: Change) -> Callable[[Known], Message]:
    def made(_: Known) -> Message:
        drafted = agreement()
        drafted.agreement_id, drafted.title = "isa-2", SECRET
        change(drafted)
        return agreement_service_pb2.DraftAgreementRequest(request_id=request_id(), agreement=drafted)

    return made


def with_council(*lawful_bases: common_pb2.LawfulBasis.ValueType) -> Callable[[Known], Message]:
    """An agreement whose second party is a public authority, with these bases for one purpose."""
    bases = [agreement_service_pb2.PartyBasis(purpose=PURPOSE, lawful_basis=one) for one in lawful_bases]
    council = agreement_service_pb2.AgreementParty(agency_id="council", bases=bases)
    return drafting(lambda a: a.parties[1].CopyFrom(council))


def fetching(feed_id: str | None = None, **fields: Any) -> Callable[[Known], Message]:
    return lambda known: delivery_service_pb2.FetchDeliveriesRequest(
        **{"feed_id": feed_id or known.feed_id, "epoch": 1, "max_items": 64, **fields}
    )


def with_unknown(message: Any) -> None:
    """Appends field 999, as a newer or hostile sender might."""
    message.MergeFromString(b"\xba\x3e" + bytes([len(SECRET)]) + SECRET.encode())


def later(days: float) -> Any:
    return stamp(datetime.now(UTC) + timedelta(days=days))
