"""Four agencies that know one person, each sharing with the next: what each has, another might quote.

Beside that person each knows somebody whom only it knows, under a reference that all of them use.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import Message

from adapters.kit.assertions import Signer, Who
from consent_ledger.ledger import Entry, Transaction
from hub import pki
from hub.bootstrap import RunningHub, running_hub
from hub.rpc.authentication import ACTING_AGENCY
from hub.use_cases.place_pass import look_for_places
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    common_pb2,
    consent_service_pb2,
    emergency_service_pb2,
    erasure_service_pb2,
    place_service_pb2,
    record_service_pb2,
    registration_service_pb2,
    sharing_service_pb2,
    staff_service_pb2,
    task_service_pb2,
)
from tests.guard.cases_authority import LINES, PLACE, Its, asking, deciding, overriding
from tests.guard.contract import METHODS, path
from tests.integration.certificates import issuing
from tests.integration.loopback import Site, adapter_channel, bare, operator_channel, register
from tests.integration.quoting import OWN, WITH_HEALTH, a_record, everything_of
from tests.integration.story import PURPOSE, agreement, request_id, stamp
from tests.staff import NAVIGATOR, giving, needs_word, signer_of, working_with

NAMES = ("outreach", "hostel", "clinic", "council")
PARTNER = "partner"
"""Party to what is nobody else's business."""
LEAD, DESK = Who("lead-1", "SAFEGUARDING_LEAD"), Who("desk-1", "EMERGENCY_DESK", "EMERGENCY")
OFFICER = Who("officer-1", "DATA_PROTECTION_OFFICER")
"""Who asks where a call is for somebody in that role; elsewhere it is the navigator."""
OFFICERS = {"AuditService.ListRetractions", "AuditService.ListRegistrationOutliers"}
LEADS = {name for name in METHODS if name.startswith("SharingService.")}
M = TypeVar("M", bound=Message)


@dataclass
class Member:
    """One agency: its connection, and what is its own."""

    name: str
    credentials: pki.Credentials
    channel: grpc.aio.Channel
    signer: Signer
    its: Its

    async def ask(self, method: str, request: Message, answer: type[M]) -> M:
        """A call that has to be answered."""
        return answer.FromString(await self.raw(method, request))

    async def raw(self, method: str, request: Message) -> bytes:
        """A call's answer as it comes."""
        body = request.SerializeToString(deterministic=True)
        word = self.word(method, request)
        return cast(bytes, await bare(self.channel, path(method))(body, metadata=word))

    def word(self, method: str, request: Message) -> tuple[tuple[str, str], ...]:
        """Its word for who asks, where one is needed."""
        if not needs_word(path(method)):
            return ()
        who = DESK if method == "EmergencyService.OpenCard" else LEAD if method in LEADS else NAVIGATOR
        who = OFFICER if method in OFFICERS else who
        return self.signer.metadata(who, request)


class Area:
    """The agencies on one running hub."""

    def __init__(self, running: RunningHub, operator: grpc.aio.Channel) -> None:
        self.running = running
        self.operator = operator
        self.members: dict[str, Member] = {}

    @classmethod
    async def founded(cls, site: Site, stack: AsyncExitStack) -> "Area":
        """A new hub with its agencies; everything ends with the stack."""
        site = issuing(site)
        running = await stack.enter_async_context(running_hub(site.config))
        area = cls(running, await stack.enter_async_context(operator_channel(site)))
        credentials = {name: await register(site, name) for name in (*NAMES, PARTNER)}
        for name in (*NAMES, PARTNER):
            channel = await stack.enter_async_context(adapter_channel(site, running, credentials[name]))
            pem = credentials[name].certificate.read_bytes()
            signer = signer_of(name, running.hub.ledger.ledger_id, pem)
            area.members[name] = Member(name, credentials[name], channel, signer, cast(Its, None))
        for name in (*NAMES, PARTNER):
            await area._known_people(area.members[name])
        for name in NAMES:
            await area._linked(area.members[name])
        for name in NAMES:
            area.members[name].its = await area._owned(area.members[name])
        await area._comes_to_rest()
        return area

    def next(self, member: Member) -> Member:
        """With whom it shares."""
        return self.members[NAMES[(NAMES.index(member.name) + 1) % len(NAMES)]]

    def entries(self, after: int = 0) -> list[Entry]:
        """What stands in the ledger behind a position."""

        def read(transaction: Transaction) -> list[Entry]:
            return transaction.entries(after, 1_000_000)

        return self.running.hub.ledger.submit(read).result(60)

    def size(self) -> int:
        """How many entries there are."""
        return self.running.hub.ledger.submit(lambda transaction: transaction.size).result(60)

    async def operate(self, method: str, request: Message, acting: str = "") -> None:
        """The operator does something, for an agency if one is named."""
        metadata = ((ACTING_AGENCY, acting),) if acting else ()
        await bare(self.operator, path(method))(request.SerializeToString(), metadata=metadata)

    async def _comes_to_rest(self) -> None:
        """Nothing goes on beside the calls any more: what was protected has been looked for."""
        await look_for_places(self.running.hub)
        before = -1
        while (now := self.size()) != before:
            before = now
            await asyncio.sleep(0.5)

    async def _known_people(self, member: Member) -> None:
        """Somebody whom all know, somebody whom only it knows, and somebody it will have forgotten."""
        for reference in (reference_of(member.name), OWN, f"gone-{member.name}"):
            await member.ask(
                "RegistrationService.RegisterClient",
                registration_service_pb2.RegisterClientRequest(
                    request_id=request_id(), client_reference=reference
                ),
                registration_service_pb2.RegisterClientResponse,
            )
        desk = agency_service_pb2.Post(
            kind=agency_service_pb2.POST_KIND_TWENTY_FOUR_HOURS,
            staff_reference="desk",
            telephone="01632 960160",
        )
        await self.operate(
            "AgencyService.AppointPost",
            agency_service_pb2.AppointPostRequest(request_id=request_id(), agency_id=member.name, post=desk),
        )

    async def _linked(self, member: Member) -> None:
        """The person is one and the same at the next agency, under an agreement of the two."""
        other = self.next(member)
        await self._agreed(f"isa-{member.name}", member.name, other.name)
        made = await self._proposed(member, reference_of(member.name), other, reference_of(other.name))
        await member.ask(
            "RegistrationService.ConfirmLink",
            registration_service_pb2.ConfirmLinkRequest(request_id=request_id(), link_id=made.link_id),
            registration_service_pb2.ConfirmLinkResponse,
        )

    async def _proposed(self, member: Member, here: str, other: Member, there: str) -> Any:
        """A link that its maker has yet to confirm; its token is used."""
        made = await self._token(member, here)
        await other.ask(
            "RegistrationService.RedeemLinkToken",
            registration_service_pb2.RedeemLinkTokenRequest(
                request_id=request_id(), client_reference=there, token=made.token
            ),
            registration_service_pb2.RedeemLinkTokenResponse,
        )
        return made

    async def _agreed(self, agreement_id: str, *parties: str) -> None:
        drafted = agreement(WITH_HEALTH)
        drafted.agreement_id = agreement_id
        for party, name in zip(drafted.parties, parties, strict=True):
            party.agency_id = name
        await self.operate(
            "AgreementService.DraftAgreement",
            agreement_service_pb2.DraftAgreementRequest(request_id=request_id(), agreement=drafted),
        )
        for name in parties:
            signing = agreement_service_pb2.SignAgreementRequest(
                request_id=request_id(), agreement_id=agreement_id, version=1
            )
            await self.operate("AgreementService.SignAgreement", signing, name)

    async def _token(self, member: Member, reference: str) -> Any:
        return await member.ask(
            "RegistrationService.CreateLinkToken",
            registration_service_pb2.CreateLinkTokenRequest(
                request_id=request_id(), client_reference=reference
            ),
            registration_service_pb2.CreateLinkTokenResponse,
        )

    async def _grant(self, member: Member, reference: str) -> str:
        now = datetime.now(UTC)
        given = consent_service_pb2.Grant(
            client_reference=reference,
            scope=consent_service_pb2.Scope(
                purposes=[PURPOSE], categories=WITH_HEALTH, agency_id=self.next(member).name
            ),
            confidentiality_basis=common_pb2.CONFIDENTIALITY_BASIS_EXPLICIT_CONSENT,
            capture_method=common_pb2.CAPTURE_METHOD_ESIGNATURE,
            notice_id="notice-1",
            given_time=stamp(now),
            effective_until_time=stamp(now + timedelta(days=30)),
            asked_alone=True,
            service_offered_anyway=True,
            told_may_refuse=True,
        )
        recorded = await member.ask(
            "ConsentService.RecordGrant",
            consent_service_pb2.RecordGrantRequest(request_id=request_id(), grant=given),
            consent_service_pb2.RecordGrantResponse,
        )
        return str(recorded.grant_id)

    async def _owned(self, member: Member) -> Its:
        """One of everything that it may have, of its own making."""
        reference = reference_of(member.name)
        sealed = f"own-{member.name}"
        await self._agreed(sealed, member.name, PARTNER)
        feed_id = await self._feed(member)
        record_id, shared = f"visit-{member.name}", f"shared-{member.name}"
        await self._published(member, reference, shared)
        await self._published(member, OWN, record_id)
        await self._grant(member, reference)
        task_id = await self._task(member)
        token = await self._proposed(member, reference, self.members[PARTNER], reference_of(PARTNER))
        excluded = await member.ask(
            "ConsentService.RecordExclusion",
            consent_service_pb2.RecordExclusionRequest(
                request_id=request_id(), client_reference=OWN, category=common_pb2.DATA_CATEGORY_FAMILY
            ),
            consent_service_pb2.RecordExclusionResponse,
        )
        marked = await member.ask(
            "ConsentService.PlaceMarker",
            consent_service_pb2.PlaceMarkerRequest(
                request_id=request_id(),
                client_reference=OWN,
                kind=consent_service_pb2.MARKER_KIND_SERIOUS_HARM,
                record_id=record_id,
            ),
            consent_service_pb2.PlaceMarkerResponse,
        )
        held = await member.ask(
            "ErasureService.PlaceHold",
            erasure_service_pb2.PlaceHoldRequest(
                request_id=request_id(),
                scope=everything_of(reference),
                ground=erasure_service_pb2.HOLD_GROUND_LEGAL_CLAIMS,
                review_time=stamp(datetime.now(UTC) + timedelta(days=90)),
            ),
            erasure_service_pb2.PlaceHoldResponse,
        )
        erased = await member.ask(
            "ErasureService.Erase",
            erasure_service_pb2.EraseRequest(
                request_id=request_id(),
                scope=everything_of(f"gone-{member.name}"),
                ground=erasure_service_pb2.ERASURE_GROUND_OBJECTION,
            ),
            erasure_service_pb2.EraseResponse,
        )
        related = await member.ask(
            "StaffService.RecordRelationship",
            working_with(reference, request_id()),
            staff_service_pb2.RecordRelationshipResponse,
        )
        decided = await self._decided(member)
        return Its(
            reference,
            record_id,
            token.link_id,
            token.token,
            await self._grant(member, OWN),
            excluded.exclusion_id,
            marked.marker_id,
            feed_id,
            sealed,
            member.name,
            task_id,
            held.hold_id,
            erased.erasure_id,
            related.relationship_id,
            key_sha256=member.credentials.public_key_sha256,
            **decided,
        )

    async def _decided(self, member: Member) -> dict[str, str]:
        """What people decided there about somebody whom only it knows; a place, and a card."""
        for who in (LEAD, DESK, OFFICER):
            await self.operate("StaffService.GiveRole", giving(request_id(), who), member.name)
        await member.ask(
            "StaffService.RecordRelationship",
            working_with(OWN, request_id(), LEAD),
            staff_service_pb2.RecordRelationshipResponse,
        )
        for reference in (reference_of(member.name), OWN):
            asked = await member.ask(
                "SharingService.RequestSharing", asking(reference), sharing_service_pb2.RequestSharingResponse
            )
        override = await member.ask(
            "SharingService.RequestOverride",
            overriding(OWN, PARTNER),
            sharing_service_pb2.RequestOverrideResponse,
        )
        decision = await member.ask(
            "SharingService.DecideInEmergency",
            deciding(OWN, PARTNER),
            sharing_service_pb2.DecideInEmergencyResponse,
        )
        protected = await member.ask(
            "PlaceService.ProtectPlace",
            place_service_pb2.ProtectPlaceRequest(request_id=request_id(), client_reference=OWN, place=PLACE),
            place_service_pb2.ProtectPlaceResponse,
        )
        card = emergency_service_pb2.AgreeCardRequest(
            request_id=request_id(), client_reference=reference_of(member.name), lines=LINES, asked_alone=True
        )
        card.agreed_time.FromDatetime(datetime.now(UTC) - timedelta(hours=1))
        await member.ask("EmergencyService.AgreeCard", card, emergency_service_pb2.AgreeCardResponse)
        opening = emergency_service_pb2.OpenCardRequest(
            reason=emergency_service_pb2.CARD_REASON_OVERDOSE_OR_COLLAPSE,
            client_reference=reference_of(member.name),
        )
        await member.ask("EmergencyService.OpenCard", opening, emergency_service_pb2.OpenCardResponse)
        return {
            "sharing_request_id": asked.sharing_request_id,
            "override_id": override.override_id,
            "decision_id": decision.decision_id,
            "place_id": protected.place_id,
        }

    async def _published(self, member: Member, reference: str, record_id: str) -> None:
        record = a_record(reference)
        record.record_id = record_id
        await member.ask(
            "RecordService.PublishRecords",
            record_service_pb2.PublishRecordsRequest(request_id=request_id(), records=[record]),
            record_service_pb2.PublishRecordsResponse,
        )

    async def _feed(self, member: Member) -> str:
        subscribing = agency_service_pb2.SubscribeRequest(
            request_id=request_id(),
            agency_id=member.name,
            certificate_uri=member.credentials.uri or "",
            service_type=common_pb2.SERVICE_TYPE_HOSTEL,
            purposes=[PURPOSE],
            categories=WITH_HEALTH,
        )
        raw = await bare(self.operator, path("AgencyService.Subscribe"))(subscribing.SerializeToString())
        return str(agency_service_pb2.SubscribeResponse.FromString(raw).feed_id)

    async def _task(self, member: Member) -> str:
        """Something that somebody there has to look at."""
        reference = reference_of(member.name)
        await member.ask(
            "ConsentService.WithdrawGrant",
            consent_service_pb2.WithdrawGrantRequest(
                request_id=request_id(),
                client_reference=reference,
                grant_id=await self._grant(member, reference),
            ),
            consent_service_pb2.WithdrawGrantResponse,
        )
        listed = await member.ask(
            "TaskService.ListTasks",
            task_service_pb2.ListTasksRequest(client_reference=reference),
            task_service_pb2.ListTasksResponse,
        )
        return str(listed.tasks[0].task_id)


def reference_of(agency: str) -> str:
    """Each agency's own reference to the person whom all know."""
    return f"{agency}-7"
