"""A small real world: one person, three agencies, every category, and everything that can go wrong."""

import asyncio
import io
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc

from hub import pki
from hub.config import TelemetrySettings, write_config
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    audit_service_pb2,
    common_pb2,
    consent_service_pb2,
    place_service_pb2,
    record_service_pb2,
    registration_service_pb2,
)
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.consent_service_pb2_grpc import ConsentServiceStub
from oncetold.v1.place_service_pb2_grpc import PlaceServiceStub
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.integration.loopback import Site, make_site, operator_channel, register
from tests.integration.story import PURPOSE, day_and_night, request_id, stamp
from tests.observability.collector import collector
from tests.observability.page import scrape
from tests.privacy import person, told
from tests.privacy.emergency import card_opened
from tests.privacy.evidence import Evidence, hub_process
from tests.privacy.failures import fail_in_every_way
from tests.privacy.partners import Partners
from tests.staff import NAVIGATOR, relate, signer_of

AGENCIES = ("outreach", "clinic", "hostel")


def channel_of(site: Site, port: int, credentials: pki.Credentials) -> grpc.aio.Channel:
    """An agency's connection."""
    tls = grpc.ssl_channel_credentials(
        site.authority.certificate.read_bytes(),
        credentials.key.read_bytes(),
        credentials.certificate.read_bytes(),
    )
    return grpc.aio.secure_channel(f"localhost:{port}", tls)


async def lived(folder: Path) -> Evidence:
    """The person's whole day; what it left behind."""
    evidence, log = Evidence(), io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with collector() as received:
            await _live(folder, evidence, received.port)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    evidence.spoken["adapters' log"] = log.getvalue().encode()
    for form in ("json", "text"):
        evidence.spoken[f"hub's log as {form}"] = (folder / f"log.{form}").read_bytes()
    evidence.measured["figures sent"] = b"".join(received.metrics)
    evidence.measured["spans sent"] = b"".join(received.spans)
    evidence.measured["beside them"] = b"".join(received.beside)
    evidence.errors["the hub's errors"] = (folder / "errors.txt").read_bytes()
    return evidence


async def _live(folder: Path, evidence: Evidence, collector_port: int) -> None:
    site = make_site(folder)
    told_to = TelemetrySettings("127.0.0.1:0", f"http://127.0.0.1:{collector_port}")
    site.config = replace(site.config, telemetry=told_to)
    write_config(site.config)
    data, partners = site.config.data, Partners(site, folder)
    with hub_process(data, folder, "first hub", evidence) as (process, partners.port):
        keys = {agency: await register(site, agency) for agency in AGENCIES}
        feeds = await _agree(site, keys)
        channels = {agency: channel_of(site, partners.port, keys[agency]) for agency in AGENCIES}
        await _meet(channels)
        published = await partners.publish(keys["outreach"], told.CaseFiles())
        assert (published.published, published.quarantined) == (told.SOUND, told.REFUSED)
        evidence.spoken["quarantine"] = partners.quarantine.read_bytes()
        grant_id = await _choose(channels)
        received = await partners.receive("clinic", keys["clinic"], feeds["clinic"])
        assert received.applied > len(told.CATEGORIES) and received.put_aside == 0
        assert (await partners.receive("hostel", keys["hostel"], feeds["hostel"])).applied == 0
        evidence.partners["clinic"] = partners.database("clinic").read_bytes()
        evidence.partners["hostel"] = partners.database("hostel").read_bytes()
        await _look(channels, feeds, keys["clinic"])
        await card_opened(site, channels, keys["clinic"])
        await fail_in_every_way(site, partners.port, channels, feeds, evidence)
        await partners.publish(keys["outreach"], told.CaseFiles(revised=True))
        await _protect(channels["outreach"], grant_id)
        assert (await partners.receive("clinic", keys["clinic"], feeds["clinic"])).retracted > 0
        for channel in channels.values():
            await channel.close()
        await asyncio.sleep(1.5)
        port = int((folder / "metrics.port").read_text())
        evidence.measured["page"] = await asyncio.to_thread(scrape, port)
        evidence.keep_files("running", data)
        evidence.keep_rows("running", Path(site.config.ledger))
        process.kill()
        process.wait()
        evidence.keep_files("killed", data)
    with hub_process(data, folder, "second hub", evidence) as (_, partners.port):
        await partners.receive("clinic", keys["clinic"], feeds["clinic"])
    evidence.keep_files("stopped", data)
    evidence.keep_rows("stopped", Path(site.config.ledger))
    evidence.keep_files("temporary", folder / "tmp")


async def _agree(site: Site, keys: dict[str, pki.Credentials]) -> dict[str, str]:
    basis = agreement_service_pb2.PartyBasis(
        purpose=PURPOSE,
        lawful_basis=common_pb2.LAWFUL_BASIS_A6_1_E,
        article9=common_pb2.ARTICLE9_CONDITION_A9_2_H,
        article10=common_pb2.ARTICLE10_CONDITION_OFFICIAL_AUTHORITY,
    )
    now = datetime.now(UTC)
    agreement = agreement_service_pb2.Agreement(
        agreement_id="isa-1",
        title="Street, clinic and hostel",
        parties=[
            agreement_service_pb2.AgreementParty(agency_id=agency, bases=[basis]) for agency in AGENCIES
        ],
        rows=[
            agreement_service_pb2.AgreementRow(
                category=category, purpose=PURPOSE, on_end=common_pb2.ON_END_ERASE
            )
            for category in told.CATEGORIES
        ],
        start_time=stamp(now - timedelta(days=1)),
        end_time=stamp(now + timedelta(days=365)),
        notice_id="notice-1",
    )
    feeds = {}
    async with operator_channel(site) as channel:
        for agency in ("clinic", "hostel"):
            await AgencyServiceStub(channel).AppointPost(day_and_night(agency))
            feed = await AgencyServiceStub(channel).Subscribe(
                agency_service_pb2.SubscribeRequest(
                    request_id=request_id(),
                    agency_id=agency,
                    certificate_uri=keys[agency].uri or "",
                    service_type=common_pb2.SERVICE_TYPE_HOSTEL,
                    purposes=[PURPOSE],
                    categories=told.CATEGORIES,
                )
            )
            feeds[agency] = feed.feed_id
        agreements = AgreementServiceStub(channel)
        await agreements.DraftAgreement(
            agreement_service_pb2.DraftAgreementRequest(request_id=request_id(), agreement=agreement)
        )
        for agency in AGENCIES:
            await agreements.SignAgreement(
                agreement_service_pb2.SignAgreementRequest(
                    request_id=request_id(), agreement_id="isa-1", version=1
                ),
                metadata=(("oncetold-agency", agency),),
            )
    return feeds


async def _meet(channels: dict[str, grpc.aio.Channel]) -> None:
    """Everybody registers the person, with all that matching may use; the links are by token."""
    stubs = {agency: RegistrationServiceStub(channel) for agency, channel in channels.items()}
    details = registration_service_pb2.MatchingDetails(
        nhs_number=person.NHS_NUMBER,
        birth_date=person.BIRTH_DATE,
        given_name=person.GIVEN,
        family_name=person.FAMILY,
        former_family_names=[person.FORMER],
        former_nhs_numbers=[person.FORMER_NUMBER],
    )
    known = [*person.REFERENCES.items(), ("outreach", person.OTHER_REFERENCE)]
    for agency, reference in known:
        await stubs[agency].RegisterClient(
            registration_service_pb2.RegisterClientRequest(
                request_id=request_id(),
                client_reference=reference,
                matching_details=None if reference == person.OTHER_REFERENCE else details,
            )
        )
    for agency in ("clinic", "hostel"):
        made = await stubs["outreach"].CreateLinkToken(
            registration_service_pb2.CreateLinkTokenRequest(
                request_id=request_id(), client_reference=person.REFERENCES["outreach"]
            )
        )
        await stubs[agency].RedeemLinkToken(
            registration_service_pb2.RedeemLinkTokenRequest(
                request_id=request_id(), client_reference=person.REFERENCES[agency], token=made.token
            )
        )
        await stubs["outreach"].ConfirmLink(
            registration_service_pb2.ConfirmLinkRequest(request_id=request_id(), link_id=made.link_id)
        )


async def _choose(channels: dict[str, grpc.aio.Channel]) -> str:
    """A yes for the clinic; a no and two exclusions, one of somebody at the hostel."""
    stub, now = ConsentServiceStub(channels["outreach"]), datetime.now(UTC)
    common: dict[str, Any] = {"request_id": request_id(), "client_reference": person.REFERENCES["outreach"]}
    granted = await stub.RecordGrant(
        consent_service_pb2.RecordGrantRequest(
            request_id=request_id(),
            grant=consent_service_pb2.Grant(
                client_reference=person.REFERENCES["outreach"],
                scope=consent_service_pb2.Scope(
                    purposes=[PURPOSE], categories=told.CATEGORIES, agency_id="clinic"
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
    await stub.RecordRefusal(
        consent_service_pb2.RecordRefusalRequest(
            **common, scope=consent_service_pb2.Scope(agency_id="hostel")
        )
    )
    somebody = consent_service_pb2.PersonAtAgency(agency_id="hostel", staff_reference=person.STAFF_REFERENCE)
    await stub.RecordExclusion(consent_service_pb2.RecordExclusionRequest(**common, person=somebody))
    return str(granted.grant_id)


async def _look(
    channels: dict[str, grpc.aio.Channel], feeds: dict[str, str], clinic: pki.Credentials
) -> None:
    """Everything that can be asked about what was told."""
    ledger = await AuditServiceStub(channels["clinic"]).GetLedger(audit_service_pb2.GetLedgerRequest())
    signer = signer_of("clinic", UUID(ledger.ledger_id), clinic.certificate.read_bytes())
    await relate(channels["clinic"], person.REFERENCES["clinic"])
    ours = person.REFERENCES["outreach"]
    asked = record_service_pb2.GetHistoryRequest(
        feed_id=feeds["clinic"], client_reference=person.REFERENCES["clinic"]
    )
    history = await RecordServiceStub(channels["clinic"]).GetHistory(
        asked, metadata=signer.metadata(NAVIGATOR, asked)
    )
    assert len(history.elements) > len(told.CATEGORIES)
    audit = AuditServiceStub(channels["outreach"])
    for agency in ("clinic", "hostel"):
        await audit.ExplainDecision(
            audit_service_pb2.ExplainDecisionRequest(
                record_id=person.RECORD_ID.format(4), recipient_agency_id=agency, purpose=PURPOSE
            )
        )
    await audit.ListDisclosures(audit_service_pb2.ListDisclosuresRequest(client_reference=ours))
    choices = consent_service_pb2.ListChoicesRequest(client_reference=ours)
    await ConsentServiceStub(channels["outreach"]).ListChoices(choices)


async def _protect(outreach: grpc.aio.Channel, grant_id: str) -> None:
    """A place, markers, a status, and the yes taken back."""
    stub, ours = ConsentServiceStub(outreach), person.REFERENCES["outreach"]
    await PlaceServiceStub(outreach).ProtectPlace(
        place_service_pb2.ProtectPlaceRequest(
            request_id=request_id(),
            client_reference=ours,
            place=place_service_pb2.ProtectedPlace(
                lines=[person.ADDRESS], names=[person.REFUGE], postcode=person.POSTCODE
            ),
        )
    )
    places = place_service_pb2.ListPlacesRequest(client_reference=ours)
    assert (await PlaceServiceStub(outreach).ListPlaces(places)).places[0].place.names == [person.REFUGE]
    for kind, record_id in (
        (consent_service_pb2.MARKER_KIND_PROTECTED_ADDRESS, ""),
        (consent_service_pb2.MARKER_KIND_SERIOUS_HARM, person.RECORD_ID.format(7)),
    ):
        await stub.PlaceMarker(
            consent_service_pb2.PlaceMarkerRequest(
                request_id=request_id(), client_reference=ours, kind=kind, record_id=record_id
            )
        )
    await stub.RecordStatus(
        consent_service_pb2.RecordStatusRequest(
            request_id=request_id(),
            client_reference=ours,
            status=consent_service_pb2.PERSON_STATUS_DATA_OPT_OUT,
        )
    )
    await stub.WithdrawGrant(
        consent_service_pb2.WithdrawGrantRequest(
            request_id=request_id(), client_reference=ours, grant_id=grant_id
        )
    )
