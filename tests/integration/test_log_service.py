"""The log as an agency asks for it: every position that an answer named is proved; asking leaves no entry."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from consent_ledger.errors import ProofRefused
from consent_ledger.log.checkpoint import OpenedCheckpoint, open_checkpoint
from consent_ledger.log.note import KeyType, Note, SigningKey, VerifierKey
from consent_ledger.log.proof import verify_proof
from consent_ledger.log.signing import signing_key
from consent_ledger.log.tree import leaf_hash, verify_consistency
from hub.bootstrap import RunningHub, running_hub
from oncetold.v1 import audit_service_pb2, common_pb2, log_service_pb2, registration_service_pb2
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.log_service_pb2_grpc import LogServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.integration.loopback import Site, adapter_channel, operator_channel, refused
from tests.integration.story import begin, request_id
from tests.vectors import oracle

PATIENT = Duration(seconds=10)
OUT_OF_RANGE = grpc.StatusCode.OUT_OF_RANGE
Consistency = log_service_pb2.GetConsistencyProofRequest
Listing = log_service_pb2.ListEntriesRequest


async def key_of(running: RunningHub) -> VerifierKey:
    ledger = running.hub.ledger
    return (await ledger.run(lambda transaction: signing_key(transaction, ledger.ledger_id))).verifier


async def size_now(running: RunningHub) -> int:
    return await running.hub.ledger.run(lambda transaction: transaction.size)


async def checkpoint(stub: Any, key: VerifierKey, **asked: Any) -> OpenedCheckpoint:
    answer = await stub.GetCheckpoint(log_service_pb2.GetCheckpointRequest(wait=PATIENT, **asked))
    opened = open_checkpoint(answer.checkpoint, key)
    assert opened.checkpoint.size == answer.size
    return opened


def position(running: RunningHub, index: int) -> common_pb2.LedgerPosition:
    return common_pb2.LedgerPosition(ledger_id=str(running.hub.ledger.ledger_id), index=index)


async def proof_of(stub: Any, at: common_pb2.LedgerPosition, **asked: Any) -> Any:
    return await stub.GetInclusionProof(
        log_service_pb2.GetInclusionProofRequest(position=at, wait=PATIENT, **asked)
    )


async def registered(channel: grpc.aio.Channel, reference: str) -> common_pb2.LedgerPosition:
    answer = await RegistrationServiceStub(channel).RegisterClient(
        registration_service_pb2.RegisterClientRequest(request_id=request_id(), client_reference=reference)
    )
    return answer.position


async def test_every_position_that_an_answer_named_is_proved(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        key = await key_of(running)
        async with adapter_channel(site, running, story.hostel) as channel:
            stub: Any = LogServiceStub(channel)
            for reference in ("a-1", "a-2", "a-3"):
                at = await registered(channel, reference)
                answer = await proof_of(stub, at)
                proof, opened = verify_proof(answer.proof, answer.entry, key)
                assert proof.index == at.index - 1
                assert opened.checkpoint.size >= at.index
            before = (await checkpoint(stub, key)).checkpoint
            entries = (await stub.ListEntries(Listing(first=1, limit=4096))).entries
            assert len(entries) == before.size
            assert oracle.root([leaf_hash(entry) for entry in entries]) == before.root
            await registered(channel, "a-4")
            after = (await checkpoint(stub, key, min_size=before.size + 1)).checkpoint
            found = await stub.GetConsistencyProof(Consistency(old_size=before.size))
            assert found.new_size == after.size
            verify_consistency(before.size, after.size, before.root, after.root, list(found.hashes))


async def test_every_wrong_pairing_of_entry_proof_and_index_is_refused(site: Site) -> None:
    async with running_hub(site.config) as running:
        await begin(site)
        key = await key_of(running)
        async with operator_channel(site) as channel:
            stub: Any = LogServiceStub(channel)
            size = (await checkpoint(stub, key, min_size=6)).checkpoint.size
            answers = [await proof_of(stub, position(running, index)) for index in range(1, size + 1)]
        for at, answer in enumerate(answers):
            for other, another in enumerate(answers):
                if at == other:
                    assert verify_proof(answer.proof, another.entry, key)[0].index == at
                    continue
                with pytest.raises(ProofRefused):
                    verify_proof(answer.proof, another.entry, key)
                moved = another.proof.replace(b"index %d\n" % other, b"index %d\n" % at)
                for entry in (answer.entry, another.entry):
                    with pytest.raises(ProofRefused):
                        verify_proof(moved, entry, key)


async def test_asking_leaves_no_entry(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        before = await size_now(running)
        key = await key_of(running)
        async with operator_channel(site) as channel:
            stub: Any = LogServiceStub(channel)
            await checkpoint(stub, key, min_size=before)
            await proof_of(stub, position(running, 1))
            await stub.ListEntries(Listing(first=1, limit=2))
            await stub.GetConsistencyProof(Consistency(old_size=1))
            await refused(stub.ListEntries(Listing(first=10_000, limit=2)))
            assert await size_now(running) == before
        async with adapter_channel(site, running, story.hostel) as channel:
            asked = audit_service_pb2.ListDisclosuresRequest(client_reference="nobody")
            await refused(AuditServiceStub(channel).ListDisclosures(asked))
        assert await size_now(running) == before + 1  # the control: other questions do, even in vain


async def test_what_is_not_there_is_refused_with_its_reason(site: Site) -> None:
    async with running_hub(site.config) as running:
        await begin(site)
        key = await key_of(running)
        async with operator_channel(site) as channel:
            stub: Any = LogServiceStub(channel)
            running.hub.log.witnesses_needed = 1
            beyond = (await checkpoint(stub, key, min_size=2)).checkpoint.size + 100
            elsewhere = common_pb2.LedgerPosition(ledger_id=str(uuid4()), index=1)
            checkpoint_asked = log_service_pb2.GetCheckpointRequest
            for asked, status, reason in (
                (lambda: proof_of(stub, elsewhere), grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
                (lambda: proof_of(stub, position(running, beyond)), OUT_OF_RANGE, "BEYOND_LEDGER"),
                (lambda: stub.ListEntries(Listing(first=beyond, limit=1)), OUT_OF_RANGE, "BEYOND_LEDGER"),
                (
                    lambda: stub.GetConsistencyProof(Consistency(old_size=1, new_size=beyond)),
                    OUT_OF_RANGE,
                    "BEYOND_LEDGER",
                ),
                (
                    lambda: stub.GetConsistencyProof(Consistency(old_size=2, new_size=1)),
                    grpc.StatusCode.INVALID_ARGUMENT,
                    "INVALID_FIELD",
                ),
                (
                    lambda: stub.GetCheckpoint(checkpoint_asked(min_size=beyond)),
                    grpc.StatusCode.UNAVAILABLE,
                    "NOT_YET_COVERED",
                ),
                (
                    lambda: stub.GetCheckpoint(checkpoint_asked(cosigned=True)),
                    grpc.StatusCode.UNAVAILABLE,
                    "NOT_YET_COVERED",
                ),
            ):
                found = await refused(asked())
                assert found[0] is status, reason
                assert found[1].removeprefix("ERROR_REASON_") == reason


async def test_whoever_waits_is_answered_as_soon_as_a_checkpoint_covers_it(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        key = await key_of(running)
        adapter = adapter_channel(site, running, story.hostel)
        async with adapter as channel, operator_channel(site) as operator:
            size = await size_now(running)
            await checkpoint(LogServiceStub(operator), key, min_size=size)
            waiting = asyncio.ensure_future(checkpoint(LogServiceStub(operator), key, min_size=size + 1))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await registered(channel, "a-1")
            assert (await waiting).checkpoint.size > size


async def test_a_cosigned_checkpoint_is_shown_once_there_is_one(site: Site) -> None:
    async with running_hub(site.config) as running:
        await begin(site)
        key = await key_of(running)
        running.hub.log.witnesses_needed = 1
        witness = SigningKey("north.example/witness", KeyType.COSIGNATURE, bytes(32))
        async with operator_channel(site) as channel:
            stub: Any = LogServiceStub(channel)
            opened = await checkpoint(stub, key, min_size=await size_now(running))
            line = witness.sign(opened.checkpoint.text, time=1)
            note = bytes(Note(opened.note.text, (*opened.note.lines, line)))
            running.hub.log.cosign(opened.checkpoint, note, enough=False)
            asked = log_service_pb2.GetCheckpointRequest(cosigned=True)
            assert (await refused(stub.GetCheckpoint(asked)))[0] is grpc.StatusCode.UNAVAILABLE
            assert (await stub.GetCheckpoint(log_service_pb2.GetCheckpointRequest())).checkpoint == note
            running.hub.log.cosign(opened.checkpoint, note, enough=True)
            answer = await proof_of(stub, position(running, 1), cosigned=True)
            found = verify_proof(answer.proof, answer.entry, key, [witness.verifier])[1]
            assert [one.key for one in found.cosigned] == [witness.verifier]


async def test_a_hub_that_stops_lets_whoever_waits_go(site: Site) -> None:
    async with operator_channel(site) as channel:
        async with running_hub(site.config):
            asked = log_service_pb2.GetCheckpointRequest(min_size=10_000, wait=Duration(seconds=30))
            waiting = asyncio.ensure_future(refused(LogServiceStub(channel).GetCheckpoint(asked)))
            await asyncio.sleep(0.3)
            stops = asyncio.get_running_loop().time()
        assert (await waiting)[0] is grpc.StatusCode.UNAVAILABLE
        assert asyncio.get_running_loop().time() - stops < 5
