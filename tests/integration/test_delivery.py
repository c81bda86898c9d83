"""A record told once reaches the other agency, and leaves it again when the person says so."""

import asyncio
import hashlib
from datetime import UTC, datetime

import grpc
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub import pki
from hub.bootstrap import running_hub
from oncetold.v1 import (
    audit_service_pb2,
    common_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    record_service_pb2,
    records_pb2,
)
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.consent_service_pb2_grpc import ConsentServiceStub
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from tests.integration.loopback import Site, adapter_channel, refused
from tests.integration.officer import taken_back
from tests.integration.story import (
    Story,
    begin,
    fetch,
    grant,
    link,
    publish,
    request_id,
    stamp,
    withdraw,
)

Outcome = tuple[grpc.StatusCode, str, dict[str, str]]


def receipt(
    story: Story, delivery: delivery_service_pb2.Delivery, key: pki.Credentials, **changed: object
) -> delivery_service_pb2.RetractionReceipt:
    """What an adapter signs after it removed a fragment."""
    statement = delivery_service_pb2.RetractionStatement(
        feed_id=story.feed_id,
        epoch=1,
        sequence=delivery.sequence,
        fragment_id=delivery.retract.fragment_id,
        delivery_sha256=hashlib.sha256(delivery.SerializeToString(deterministic=True)).digest(),
        outcome=delivery_service_pb2.RETRACTION_OUTCOME_ERASED,
        looked_at=["live-rows", "version-history", "no-search-index"],
        not_looked_at=["backups-until:2026-12-24"],
        done_time=stamp(datetime.now(UTC)),
    )
    for name, value in changed.items():
        setattr(statement, name, value)
    private = serialization.load_pem_private_key(key.key.read_bytes(), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    signed = statement.SerializeToString(deterministic=True)
    return delivery_service_pb2.RetractionReceipt(
        sequence=delivery.sequence,
        statement=signed,
        signature=private.sign(signed, ec.ECDSA(hashes.SHA256())),
    )


async def test_told_once_it_arrives_with_its_terms_and_leaves_with_a_receipt(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            assert not (await fetch(hostel, story)).deliveries
            grant_id = await grant(outreach)

            [sent] = (await fetch(hostel, story)).deliveries
            assert sent.client_reference == "hos-3"
            assert sent.disclose.content == records_pb2.RecordContent(
                contact=records_pb2.Contact(bedded_down=True)
            )
            assert list(sent.disclose.categories) == [common_pb2.DATA_CATEGORY_ACCOMMODATION]
            assert sent.disclose.envelope.origin_agency_id == "outreach"
            [purpose] = sent.disclose.terms.purposes
            assert purpose.agreement_id == "isa-1"
            history = await RecordServiceStub(hostel).GetHistory(
                record_service_pb2.GetHistoryRequest(feed_id=story.feed_id, client_reference="hos-3")
            )
            assert list(history.elements) == [sent.disclose] and history.reminder

            assert not (await fetch(hostel, story, sent.sequence)).deliveries
            await withdraw(outreach, grant_id)
            [gone] = (await fetch(hostel, story, sent.sequence)).deliveries
            assert gone.retract.fragment_id == sent.disclose.fragment_id
            signed = receipt(story, gone, story.hostel)
            assert not (await fetch(hostel, story, gone.sequence, receipts=[signed])).deliveries

            status = await AuditServiceStub(hostel).GetFeedStatus(
                audit_service_pb2.GetFeedStatusRequest(feed_id=story.feed_id)
            )
            assert (status.held, status.open_retractions, status.receipted_retractions) == (0, 0, 1)
            left = await AuditServiceStub(outreach).ListDisclosures(
                audit_service_pb2.ListDisclosuresRequest(client_reference="out-7")
            )
            assert [line.step for line in left.disclosures] == ["DISCLOSE", "READ"]
            [taken] = await taken_back(site, running, story.outreach, "out-7")
            assert (taken.step, taken.outcome) == ("RETRACT", delivery_service_pb2.RETRACTION_OUTCOME_ERASED)
            assert list(taken.looked_at) == ["live-rows", "version-history", "no-search-index"]
            assert list(taken.not_looked_at) == ["backups-until:2026-12-24"]
            assert {line.recipient_agency_id for line in (*left.disclosures, taken)} == {"hostel"}


@pytest.mark.parametrize(
    "changed",
    [
        {"sequence": 77},
        {"epoch": 2},
        {"feed_id": "3b8a5a4e-5d0e-4c7e-8b7d-2f1c6a9e0d11"},
        {"fragment_id": "not an id"},
        {"delivery_sha256": bytes(32)},
        {"outcome": delivery_service_pb2.RETRACTION_OUTCOME_RETAINED_OWN_BASIS},
        {"own_basis": common_pb2.LAWFUL_BASIS_A6_1_C},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_receipt_over_anything_else_than_what_was_sent_is_refused(
    site: Site, changed: dict[str, object]
) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            gone = await sent_and_withdrawn(story, outreach, hostel)
            forged = receipt(story, gone, story.hostel, **changed)
            outcome = await refused(fetch(hostel, story, gone.sequence, receipts=[forged]))
            assert outcome == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_RECEIPT", {})
            others = receipt(story, gone, story.outreach)
            outcome = await refused(fetch(hostel, story, gone.sequence, receipts=[others]))
            assert outcome[1] == "BAD_RECEIPT"


async def sent_and_withdrawn(
    story: Story, outreach: grpc.aio.Channel, hostel: grpc.aio.Channel
) -> delivery_service_pb2.Delivery:
    """Everything up to the retraction."""
    await link(outreach, hostel)
    await publish(outreach)
    grant_id = await grant(outreach)
    [sent] = (await fetch(hostel, story)).deliveries
    await fetch(hostel, story, sent.sequence)
    await withdraw(outreach, grant_id)
    [gone] = (await fetch(hostel, story, sent.sequence)).deliveries
    return gone


async def test_a_waiting_fetch_answers_as_soon_as_something_is_permitted(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            waiting = asyncio.create_task(fetch(hostel, story, wait=20))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            outcome = await refused(fetch(hostel, story))
            assert outcome == (grpc.StatusCode.ABORTED, "FETCH_IN_PROGRESS", {})

            await grant(outreach)

            async with asyncio.timeout(5):
                assert len((await waiting).deliveries) == 1


async def test_a_caller_that_goes_away_while_waiting_leaves_the_feed_free(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with adapter_channel(site, running, story.hostel) as hostel:
            waiting = asyncio.create_task(fetch(hostel, story, wait=20))
            await asyncio.sleep(0.2)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await asyncio.sleep(0.2)

            assert not (await fetch(hostel, story)).deliveries


async def test_a_hub_that_stops_answers_whoever_waits(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        channel = adapter_channel(site, running, story.hostel)
        hostel = await channel.__aenter__()
        waiting = asyncio.create_task(fetch(hostel, story, wait=20))
        await asyncio.sleep(0.2)
    try:
        async with asyncio.timeout(2):
            answer = await waiting
        assert not answer.deliveries and answer.access.index > 0
    finally:
        await channel.__aexit__(None, None, None)


async def test_another_agencys_feed_reference_and_choices_are_not_there(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            grant_id = await grant(outreach)
            not_found: Outcome = (grpc.StatusCode.NOT_FOUND, "NOT_FOUND", {})
            unregistered: Outcome = (grpc.StatusCode.NOT_FOUND, "REFERENCE_NOT_REGISTERED", {})

            assert await refused(fetch(outreach, story)) == not_found
            status = audit_service_pb2.GetFeedStatusRequest(feed_id=story.feed_id)
            assert await refused(AuditServiceStub(outreach).GetFeedStatus(status)) == not_found
            choices = consent_service_pb2.ListChoicesRequest(client_reference="out-7")
            assert await refused(ConsentServiceStub(hostel).ListChoices(choices)) == unregistered
            lifted = consent_service_pb2.LiftExclusionRequest(
                request_id=request_id(), client_reference="hos-3", exclusion_id=grant_id
            )
            assert await refused(ConsentServiceStub(hostel).LiftExclusion(lifted)) == not_found
            listed = await ConsentServiceStub(outreach).ListChoices(choices)
            assert [choice.choice_id for choice in listed.choices] == [grant_id]
            assert listed.choices[0].state == consent_service_pb2.CHOICE_STATE_ACTIVE


async def test_a_batch_with_one_bad_record_publishes_none(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await grant(outreach)
            note = records_pb2.Note(text=common_pb2.FreeText(text="What she told me"))
            records = [
                record_service_pb2.Record(
                    record_id=f"visit-{number}",
                    revision=1,
                    client_reference="out-7",
                    service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
                    occurred_time=stamp(datetime.now(UTC)),
                    source_system="test",
                    content=content,
                )
                for number, content in enumerate(
                    (
                        records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=True)),
                        records_pb2.RecordContent(note=note),
                    )
                )
            ]
            outcome = await refused(
                RecordServiceStub(outreach).PublishRecords(
                    record_service_pb2.PublishRecordsRequest(request_id=request_id(), records=records)
                )
            )
            assert outcome == (
                grpc.StatusCode.INVALID_ARGUMENT,
                "FREE_TEXT_NOT_RELEASED",
                {"field": "records[1].content.note.text"},
            )
            assert not (await fetch(hostel, story)).deliveries
