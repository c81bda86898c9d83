"""What is recorded through one call is told by the next, field by field."""

from datetime import UTC, datetime, timedelta

import grpc

from hub.bootstrap import running_hub
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    audit_service_pb2,
    common_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    record_service_pb2,
    records_pb2,
    registration_service_pb2,
)
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.consent_service_pb2_grpc import ConsentServiceStub
from oncetold.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.integration.loopback import Site, adapter_channel, operator_channel, refused
from tests.integration.story import (
    CATEGORIES,
    PURPOSE,
    agreement,
    begin,
    fetch,
    grant,
    link,
    publish,
    request_id,
    stamp,
    withdraw,
)


async def test_agencies_feeds_and_agreements_are_listed_as_they_were_recorded(site: Site) -> None:
    async with running_hub(site.config) as running, operator_channel(site) as operator:
        story = await begin(site)
        agencies = (
            await AgencyServiceStub(operator).ListAgencies(agency_service_pb2.ListAgenciesRequest())
        ).agencies
        assert [agency.agency_id for agency in agencies] == ["hostel", "outreach"]
        hostel = agencies[0]
        assert (hostel.name, hostel.controller_id) == ("Hostel", "hostel")
        assert hostel.service_type == common_pb2.SERVICE_TYPE_HOSTEL
        assert list(hostel.certificate_uris) == [story.hostel.uri]
        [feed] = hostel.feeds
        assert (feed.feed_id, feed.certificate_uri) == (story.feed_id, story.hostel.uri)
        assert list(feed.purposes) == [PURPOSE]
        assert sorted(feed.categories) == sorted(CATEGORIES)

        async with adapter_channel(site, running, story.hostel) as channel:
            request = agreement_service_pb2.ListAgreementsRequest()
            [state] = (await AgreementServiceStub(channel).ListAgreements(request)).agreements
        assert (state.version, list(state.signed_by)) == (1, ["hostel", "outreach"])
        assert state.in_force and not state.terminated
        drafted = agreement()
        for name in ("start_time", "end_time"):
            getattr(drafted, name).CopyFrom(getattr(state.agreement, name))
        assert state.agreement == drafted


async def test_every_kind_of_choice_is_listed_with_its_state(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            stub = ConsentServiceStub(outreach)
            grant_id = await grant(outreach)
            await withdraw(outreach, grant_id)
            scope = consent_service_pb2.Scope(service_type=common_pb2.SERVICE_TYPE_HOUSING)
            await stub.RecordRefusal(
                consent_service_pb2.RecordRefusalRequest(
                    request_id=request_id(), client_reference="out-7", scope=scope
                )
            )
            excluded = await stub.RecordExclusion(
                consent_service_pb2.RecordExclusionRequest(
                    request_id=request_id(),
                    client_reference="out-7",
                    category=common_pb2.DATA_CATEGORY_FAMILY,
                )
            )
            await stub.LiftExclusion(
                consent_service_pb2.LiftExclusionRequest(
                    request_id=request_id(), client_reference="out-7", exclusion_id=excluded.exclusion_id
                )
            )
            await stub.PlaceMarker(
                consent_service_pb2.PlaceMarkerRequest(
                    request_id=request_id(),
                    client_reference="out-7",
                    kind=consent_service_pb2.MARKER_KIND_PROTECTED_ADDRESS,
                )
            )

            found = await stub.ListChoices(consent_service_pb2.ListChoicesRequest(client_reference="out-7"))

            told = {choice.WhichOneof("kind"): choice for choice in found.choices}
            assert told.keys() == {"grant", "refusal", "exclusion", "marker"}
            assert told["grant"].choice_id == grant_id
            assert told["grant"].state == consent_service_pb2.CHOICE_STATE_WITHDRAWN
            assert not told["grant"].weak
            assert told["grant"].grant.scope.agency_id == "hostel"
            assert told["grant"].grant.notice_id == "notice-1"
            assert told["refusal"].refusal == scope
            assert told["exclusion"].exclusion == "category"
            assert told["exclusion"].state == consent_service_pb2.CHOICE_STATE_LIFTED
            assert told["marker"].marker == consent_service_pb2.MARKER_KIND_PROTECTED_ADDRESS
            assert told["marker"].state == consent_service_pb2.CHOICE_STATE_ACTIVE
            assert found.access.index > 0


async def test_a_marker_on_a_record_names_the_record_and_one_on_an_address_does_not(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with adapter_channel(site, running, story.outreach) as outreach:
            for kind, record_id in (
                (consent_service_pb2.MARKER_KIND_SERIOUS_HARM, ""),
                (consent_service_pb2.MARKER_KIND_PROTECTED_ADDRESS, "visit-1"),
            ):
                request = consent_service_pb2.PlaceMarkerRequest(
                    request_id=request_id(), client_reference="out-7", kind=kind, record_id=record_id
                )
                status, reason, details = await refused(ConsentServiceStub(outreach).PlaceMarker(request))
                assert (status, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
                assert details["field"] == "record_id"


async def test_a_decision_is_explained_to_its_origin(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            question = audit_service_pb2.ExplainDecisionRequest(
                record_id="visit-1", recipient_agency_id="hostel", purpose=PURPOSE
            )
            audit = AuditServiceStub(outreach)
            [before] = (await audit.ExplainDecision(question)).explanations
            assert before.verdict == audit_service_pb2.VERDICT_DENY
            assert before.reason and before.sentence.endswith(".")
            grant_id = await grant(outreach)

            [after] = (await audit.ExplainDecision(question)).explanations

            assert (after.verdict, after.reason) == (audit_service_pb2.VERDICT_PERMIT, "")
            assert list(after.categories) == [common_pb2.DATA_CATEGORY_ACCOMMODATION]
            assert grant_id in after.relied_on and "isa-1" in after.relied_on


async def test_a_revision_that_is_not_the_next_is_told_which_one_is(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            record = record_service_pb2.Record(
                record_id="visit-1",
                revision=7,
                client_reference="out-7",
                service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
                occurred_time=stamp(datetime.now(UTC) - timedelta(hours=1)),
                source_system="test",
                content=records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=False)),
            )
            request = record_service_pb2.PublishRecordsRequest(request_id=request_id(), records=[record])

            outcome = await refused(RecordServiceStub(outreach).PublishRecords(request))

            assert outcome == (grpc.StatusCode.ABORTED, "STALE_REVISION", {"expected": "2"})


async def test_an_adapter_restored_from_a_backup_reconciles_and_gets_what_it_lacks(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            await grant(outreach)
            [sent] = (await fetch(hostel, story)).deliveries
            await fetch(hostel, story, sent.sequence)

            behind = await refused(fetch(hostel, story, 0))
            assert behind == (grpc.StatusCode.FAILED_PRECONDITION, "EPOCH_CHANGED", {"epoch": "1"})
            beyond = await refused(fetch(hostel, story, sent.sequence + 5))
            assert beyond == (grpc.StatusCode.INVALID_ARGUMENT, "NEVER_SENT", {})
            request = delivery_service_pb2.ReconcileHoldingsRequest(
                request_id=request_id(), feed_id=story.feed_id, page=1, last_page=True
            )
            stub = DeliveryServiceStub(hostel)
            answer = await stub.ReconcileHoldings(request)
            assert await stub.ReconcileHoldings(request) == answer
            assert answer.epoch == 2

            again = await stub.FetchDeliveries(
                delivery_service_pb2.FetchDeliveriesRequest(
                    feed_id=story.feed_id, epoch=2, acknowledge=answer.acknowledge, max_items=64
                )
            )

            [resent] = again.deliveries
            assert resent.disclose == sent.disclose and resent.sequence > sent.sequence


async def test_involvement_and_lead_are_never_ones_own_word(site: Site) -> None:
    async with running_hub(site.config) as running, operator_channel(site) as operator:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            lead = registration_service_pb2.AppointLeadRequest(
                request_id=request_id(), client_reference="out-7", agency_id="outreach"
            )
            opened = registration_service_pb2.OpenInvolvementRequest(
                request_id=request_id(),
                client_reference="hos-3",
                agency_id="hostel",
                ground=registration_service_pb2.INVOLVEMENT_GROUND_REFERRAL,
            )
            denied = (grpc.StatusCode.PERMISSION_DENIED, "SELF_CONFIRMATION", dict[str, str]())
            assert await refused(RegistrationServiceStub(outreach).AppointLead(lead)) == denied
            assert await refused(RegistrationServiceStub(hostel).OpenInvolvement(opened)) == denied

            acting = (("oncetold-agency", "outreach"),)
            appointed = await RegistrationServiceStub(operator).AppointLead(lead, metadata=acting)
            opened.client_reference = "out-7"
            opened.ground = registration_service_pb2.INVOLVEMENT_GROUND_LEAD
            involved = await RegistrationServiceStub(outreach).OpenInvolvement(opened)

            assert involved.position.index > appointed.position.index
