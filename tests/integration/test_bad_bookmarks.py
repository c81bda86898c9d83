"""Bookmarks, receipts and stores that are another's, old or invented: no half of an effect is left."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from consent_ledger.access import Accessed, AccessKind, read_access_entry
from hub import pki
from hub.bootstrap import RunningHub, running_hub
from oncetold.v1 import audit_service_pb2, common_pb2, delivery_service_pb2
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from tests.integration.loopback import Site, adapter_channel, make_site, refusal
from tests.integration.officer import taken_back
from tests.integration.story import Story, begin, fetch, grant, link, publish, request_id, stamp, withdraw

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
LOOKED_AT = ["live-rows", "no-version-history", "no-search-index", "no-backups"]


@dataclass
class Place:
    """One running hub with two agencies that share, and the hostel's connection to it."""

    site: Site
    running: RunningHub
    story: Story
    outreach: grpc.aio.Channel
    hostel: grpc.aio.Channel

    async def status(self) -> audit_service_pb2.GetFeedStatusResponse:
        request = audit_service_pb2.GetFeedStatusRequest(feed_id=self.story.feed_id)
        answer: audit_service_pb2.GetFeedStatusResponse = await AuditServiceStub(self.hostel).GetFeedStatus(
            request
        )
        return answer

    async def reconcile(
        self, *holdings: delivery_service_pb2.Holding, **fields: Any
    ) -> delivery_service_pb2.ReconcileHoldingsResponse:
        request = delivery_service_pb2.ReconcileHoldingsRequest(
            **{
                "request_id": request_id(),
                "feed_id": self.story.feed_id,
                "page": 1,
                "last_page": True,
                "holdings": holdings,
                **fields,
            }
        )
        answer: delivery_service_pb2.ReconcileHoldingsResponse = await DeliveryServiceStub(
            self.hostel
        ).ReconcileHoldings(request)
        return answer

    async def retraction(self) -> delivery_service_pb2.Delivery:
        """Something is told, then taken back: the item that takes it back, not acknowledged."""
        await publish(self.outreach)
        grant_id = await grant(self.outreach)
        [told] = (await fetch(self.hostel, self.story)).deliveries
        await withdraw(self.outreach, grant_id)
        [gone] = (await fetch(self.hostel, self.story, told.sequence)).deliveries
        return gone

    def receipt(
        self, gone: delivery_service_pb2.Delivery, *, key: pki.Credentials | None = None, **changed: Any
    ) -> delivery_service_pb2.RetractionReceipt:
        """What the hostel's adapter signs; `changed` fields are signed too."""
        said: dict[str, Any] = {
            "feed_id": self.story.feed_id,
            "epoch": 1,
            "sequence": gone.sequence,
            "fragment_id": gone.retract.fragment_id,
            "delivery_sha256": hashlib.sha256(gone.SerializeToString(deterministic=True)).digest(),
            "outcome": delivery_service_pb2.RETRACTION_OUTCOME_ERASED,
            "looked_at": LOOKED_AT,
            "done_time": stamp(datetime.now(UTC)),
        }
        statement = delivery_service_pb2.RetractionStatement(**{**said, **changed})
        signed = statement.SerializeToString(deterministic=True)
        private = serialization.load_pem_private_key(
            (key or self.story.hostel).key.read_bytes(), password=None
        )
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        return delivery_service_pb2.RetractionReceipt(
            sequence=statement.sequence,
            statement=signed,
            signature=private.sign(signed, ec.ECDSA(hashes.SHA256())),
        )

    def accesses(self, after: int) -> list[Accessed | None]:
        found = self.running.hub.ledger.submit(lambda transaction: transaction.entries(after)).result(10)
        return [read_access_entry(entry) for entry in found]

    def size(self) -> int:
        return self.running.hub.ledger.submit(lambda transaction: transaction.size).result(10)

    async def refused(self, call: Any, status: grpc.StatusCode, reason: str) -> dict[str, str]:
        """The call has to be refused, on record where a use case refused it, saying nothing of anybody."""
        before = self.size()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
        found = refusal(failure.value)
        assert found[:2] == (status, reason)
        told = repr((failure.value.details(), failure.value.trailing_metadata()))
        assert "hos-3" not in told and "out-7" not in told and "Traceback" not in told
        recorded = [(one.kind, one.code) for one in self.accesses(before) if one is not None]
        assert len(recorded) == self.size() - before
        assert recorded in ([], [(AccessKind.REFUSED, reason)])
        return found[2]


@asynccontextmanager
async def place(site: Site) -> AsyncIterator[Place]:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            yield Place(site, running, story, outreach, hostel)


async def test_a_bookmark_of_another_hub_is_nobodys_here(site: Site, tmp_path: Path) -> None:
    async with place(site) as here, place(make_site(tmp_path / "other")) as there:
        await publish(there.outreach)
        await grant(there.outreach)
        [told] = (await fetch(there.hostel, there.story)).deliveries
        # The adapter of the other hub's feed, pointed at this hub.
        strayed = fetch(here.hostel, there.story, told.sequence)
        assert await here.refused(strayed, NOT_FOUND, "NOT_FOUND") == {}
        # Only its feed's id mended: its sequence was never sent here.
        mended = fetch(here.hostel, here.story, told.sequence)
        assert await here.refused(mended, INVALID, "NEVER_SENT") == {}
        before = await here.status()
        assert (before.sent, before.acknowledged) == (0, 0)
        # The next call works, in both places.
        await publish(here.outreach)
        await grant(here.outreach)
        assert len((await fetch(here.hostel, here.story)).deliveries) == 1
        assert not (await fetch(there.hostel, there.story, told.sequence)).deliveries


async def test_an_acknowledgement_of_what_was_never_sent_takes_no_receipt_either(site: Site) -> None:
    async with place(site) as here:
        gone = await here.retraction()
        signed = here.receipt(gone)
        ahead = fetch(here.hostel, here.story, gone.sequence + 1, receipts=[signed])
        assert await here.refused(ahead, INVALID, "NEVER_SENT") == {}
        standing = await here.status()
        assert (standing.acknowledged, standing.open_retractions) == (gone.sequence - 1, 1)
        assert not (await fetch(here.hostel, here.story, gone.sequence, receipts=[signed])).deliveries
        standing = await here.status()
        assert (standing.acknowledged, standing.open_retractions) == (gone.sequence, 0)


async def test_an_acknowledgement_that_runs_back_asks_for_a_reconciliation(site: Site) -> None:
    async with place(site) as here:
        gone = await here.retraction()
        back = fetch(here.hostel, here.story, gone.sequence - 2)
        assert await here.refused(back, PRECONDITION, "EPOCH_CHANGED") == {"epoch": "1"}
        assert [
            one.sequence for one in (await fetch(here.hostel, here.story, gone.sequence - 1)).deliveries
        ] == [gone.sequence]


async def test_a_receipt_that_is_not_the_callers_own_word_changes_nothing(site: Site) -> None:
    async with place(site) as here:
        gone = await here.retraction()
        sound = here.receipt(gone)
        torn = delivery_service_pb2.RetractionReceipt()
        torn.CopyFrom(sound)
        torn.signature = sound.signature[:-1] + bytes([sound.signature[-1] ^ 1])
        swapped = delivery_service_pb2.RetractionReceipt()
        swapped.CopyFrom(sound)
        swapped.statement = here.receipt(gone, looked_at=["live-rows"]).statement
        no_signature = delivery_service_pb2.RetractionReceipt()
        no_signature.CopyFrom(sound)
        no_signature.signature = b"\x30"
        bad = {
            "another's key": here.receipt(gone, key=here.story.outreach),
            "a signature with one bit turned": torn,
            "a signature of another statement": swapped,
            "a signature that is none": no_signature,
            "another feed's": here.receipt(gone, feed_id=str(uuid4())),
            "another fragment's": here.receipt(gone, fragment_id=str(uuid4())),
            "another epoch's": here.receipt(gone, epoch=2),
            "for something that was told, not taken back": here.receipt(gone, sequence=gone.sequence - 1),
            "for a number never sent": here.receipt(gone, sequence=gone.sequence + 7),
            "over other bytes": here.receipt(gone, delivery_sha256=bytes(32)),
            "a basis kept that is none": here.receipt(
                gone, outcome=delivery_service_pb2.RETRACTION_OUTCOME_RETAINED_OWN_BASIS
            ),
        }
        for name, forged in bad.items():
            # Beside a sound one: neither is taken.
            call = fetch(here.hostel, here.story, gone.sequence, receipts=[sound, forged])
            assert await here.refused(call, INVALID, "BAD_RECEIPT") == {}, name
            standing = await here.status()
            assert (standing.acknowledged, standing.open_retractions) == (gone.sequence - 1, 1), name
        await fetch(here.hostel, here.story, gone.sequence, receipts=[sound])
        assert (await here.status()).receipted_retractions == 1


async def test_a_receipt_of_another_agencys_retraction_is_refused(site: Site, tmp_path: Path) -> None:
    """Two hubs, so two retractions under one number: the one's receipt is no word about the other."""
    async with place(site) as here, place(make_site(tmp_path / "other")) as there:
        gone, theirs = await here.retraction(), await there.retraction()
        assert gone.sequence == theirs.sequence
        strayed = here.receipt(theirs, feed_id=there.story.feed_id)
        call = fetch(here.hostel, here.story, gone.sequence, receipts=[strayed])
        assert await here.refused(call, INVALID, "BAD_RECEIPT") == {}
        renamed = here.receipt(theirs)
        call = fetch(here.hostel, here.story, gone.sequence, receipts=[renamed])
        assert await here.refused(call, INVALID, "BAD_RECEIPT") == {}
        # The hostel's word, brought by the outreach team's connection.
        stolen = fetch(here.outreach, here.story, gone.sequence, receipts=[here.receipt(gone)])
        await here.refused(stolen, INVALID, "BAD_RECEIPT")
        assert (await here.status()).open_retractions == 1
        await fetch(here.hostel, here.story, gone.sequence, receipts=[here.receipt(gone)])
        assert (await here.status()).open_retractions == 0


async def test_a_replayed_receipt_changes_nothing_and_a_later_word_does_not_undo_the_first(
    site: Site,
) -> None:
    async with place(site) as here:
        gone = await here.retraction()
        signed = here.receipt(gone)
        await fetch(here.hostel, here.story, gone.sequence, receipts=[signed])
        # The answer was lost: the adapter sends the same again. Then somebody says something else.
        for again in (signed, signed, _kept(here, gone)):
            assert not (await fetch(here.hostel, here.story, gone.sequence, receipts=[again])).deliveries
            standing = await here.status()
            assert (standing.open_retractions, standing.receipted_retractions) == (0, 1)
        assert await _outcome(here) == "RETRACTION_OUTCOME_ERASED"
        # In a new epoch the old statement is about another sending.
        await here.reconcile(bookmark=gone.sequence)
        call = fetch(here.hostel, here.story, gone.sequence, epoch=2, receipts=[here.receipt(gone, epoch=2)])
        assert await here.refused(call, INVALID, "BAD_RECEIPT") == {}


def _kept(here: Place, gone: delivery_service_pb2.Delivery) -> delivery_service_pb2.RetractionReceipt:
    return here.receipt(
        gone,
        outcome=delivery_service_pb2.RETRACTION_OUTCOME_RETAINED_OWN_BASIS,
        own_basis=common_pb2.LAWFUL_BASIS_A6_1_C,
    )


async def _outcome(here: Place) -> str:
    """How the street team sees the retraction of what it told."""
    lines = await taken_back(here.site, here.running, here.story.outreach, "out-7")
    [outcome] = {line.outcome for line in lines}
    return delivery_service_pb2.RetractionOutcome.Name(outcome)


async def test_another_hubs_store_is_taken_back_and_replaced_by_what_belongs_there(
    site: Site, tmp_path: Path
) -> None:
    async with place(site) as here, place(make_site(tmp_path / "other")) as there:
        for one in (here, there):
            await publish(one.outreach)
            await grant(one.outreach)
        [ours] = (await fetch(here.hostel, here.story)).deliveries
        [theirs] = (await fetch(there.hostel, there.story)).deliveries
        await fetch(here.hostel, here.story, ours.sequence)
        foreign = delivery_service_pb2.Holding(
            fragment_id=theirs.disclose.fragment_id,
            etag=theirs.disclose.etag,
            client_reference=theirs.client_reference,
        )
        nobodys = delivery_service_pb2.Holding(
            fragment_id=theirs.disclose.fragment_id, etag=theirs.disclose.etag, client_reference="hos-77"
        )
        strayed = here.reconcile(foreign, feed_id=there.story.feed_id)
        assert await here.refused(strayed, NOT_FOUND, "NOT_FOUND") == {}
        ahead = here.reconcile(foreign, bookmark=ours.sequence + 5)
        await here.refused(ahead, INVALID, "INVALID_FIELD")
        unknown = here.reconcile(foreign, nobodys, bookmark=ours.sequence)
        await here.refused(unknown, NOT_FOUND, "REFERENCE_NOT_REGISTERED")
        later_page = here.reconcile(foreign, page=2, bookmark=ours.sequence)
        await here.refused(later_page, INVALID, "INVALID_FIELD")
        # Nothing of a refused report stays: the epoch goes on, and nothing is taken back or told again.
        standing = await here.status()
        assert (standing.epoch, standing.held) == (1, 1)
        assert not (await fetch(here.hostel, here.story, ours.sequence)).deliveries

        taken = await here.reconcile(foreign, bookmark=ours.sequence)
        answer = await fetch(here.hostel, here.story, taken.acknowledge, epoch=taken.epoch)
        gone, told = answer.deliveries
        assert gone.retract.fragment_id == theirs.disclose.fragment_id
        assert told.disclose.fragment_id == ours.disclose.fragment_id
        signed = here.receipt(gone, epoch=taken.epoch)
        last = await fetch(here.hostel, here.story, told.sequence, epoch=taken.epoch, receipts=[signed])
        assert not last.deliveries
        standing = await here.status()
        assert (standing.epoch, standing.held, standing.open_retractions) == (2, 1, 0)
        # The other hub has noticed nothing.
        assert not (await fetch(there.hostel, there.story, theirs.sequence)).deliveries
