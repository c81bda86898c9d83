"""The hub gathers cosignatures: all witnesses sign the same checkpoint; who is away holds nobody up."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.kit.errors import HubRefused
from adapters.kit.log_watcher import LogWatcher
from adapters.kit.notes import CosignerKey, SignatureLine, SignedNote, cosigned_text
from adapters.kit.proofs import TrustRule, check_proof
from consent_ledger.errors import Refused
from consent_ledger.log.signing import signing_key
from hub.use_cases import witnesses
from hub.use_cases.work import Caller
from oncetold.v1.common_pb2 import LedgerPosition
from oncetold.v1.log_service_pb2 import GetCheckpointRequest
from oncetold.v1.log_service_pb2_grpc import LogServiceStub
from oncetold.v1.witness_service_pb2 import AddCosignatureRequest, AwaitCheckpointRequest
from oncetold.v1.witness_service_pb2_grpc import WitnessServiceStub
from tests.integration.loopback import operator_channel, refusal
from tests.twins.stage import Authority, Stage, stage
from tests.unit.adapters.merkle import ToyLog
from tests.witness.partners import Partner, authorise, ledger_key, partner


async def newest(world: Stage, *, cosigned: bool = False) -> bytes:
    async with operator_channel(world.site) as channel:
        request = GetCheckpointRequest(cosigned=cosigned)
        return bytes((await LogServiceStub(channel).GetCheckpoint(request)).checkpoint)


async def eventually(look: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await look():
            await asyncio.sleep(0.05)


async def signed_up(world: Stage) -> None:
    """The newest checkpoint covers the whole ledger."""
    log = world.hub.log

    async def covered() -> bool:
        size = await world.hub.ledger.run(lambda transaction: transaction.size)
        return log.newest is not None and log.newest.checkpoint.size == size

    await eventually(covered)


async def rule_of(world: Stage, *partners: Partner, needed: int) -> TrustRule:
    return TrustRule(await ledger_key(world.running), tuple(one.witness.key for one in partners), needed)


async def test_two_witnesses_sign_the_same_checkpoint_and_its_proofs_verify(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 2
        north, south = [await partner(world, name, tmp_path) for name in ("north", "south")]
        await signed_up(world)
        await asyncio.gather(north.step(), south.step())

        rule = await rule_of(world, north, south, needed=2)
        cosigned = rule.believed(await newest(world, cosigned=True))
        assert cosigned.size == rule.believed(await newest(world)).size
        watcher = LogWatcher(north.hub, rule, tmp_path / "ledger.checkpoint")
        position = LedgerPosition(ledger_id=str(world.hub.ledger.ledger_id), index=2)
        proof, entry = await asyncio.to_thread(watcher.prove, position)
        assert check_proof(proof, entry, 2, rule).size == cosigned.size


async def test_while_the_ledger_grows_all_are_offered_one_checkpoint_after_another(tmp_path: Path) -> None:
    """Each is given the same one, however much came in between; or no two would ever sign the same."""
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 2
        north, south = [await partner(world, name, tmp_path) for name in ("north", "south")]
        sizes = []
        for number in range(4):
            await signed_up(world)
            await north.step()
            await world.agency(f"more-{number}", "HOSTEL")
            await signed_up(world)
            await south.step()
            rule = await rule_of(world, north, south, needed=2)
            sizes.append(rule.believed(await newest(world, cosigned=True)).size)
        assert sizes == sorted(set(sizes)), "each round's checkpoint is cosigned by both"


async def test_a_witness_that_is_away_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "LIVE_SECONDS", 0.2)
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 1
        north, south = [await partner(world, name, tmp_path) for name in ("north", "south")]
        await signed_up(world)
        await asyncio.gather(north.step(), south.step())
        await asyncio.sleep(0.3)  # south is not heard of any more
        for number in range(2):
            await world.agency(f"more-{number}", "HOSTEL")
            await signed_up(world)
            assert await north.step()
            rule = await rule_of(world, north, needed=1)
            assert (
                rule.believed(await newest(world, cosigned=True)).size
                == rule.believed(await newest(world)).size
            )


async def test_a_witness_that_is_slow_holds_the_others_up_for_a_round_and_no_longer(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        north, south = [await partner(world, name, tmp_path) for name in ("north", "south")]
        await signed_up(world)
        await asyncio.gather(north.step(), south.step())
        await world.agency("more", "HOSTEL")
        await signed_up(world)
        # South has asked and does not answer.
        offer = await asyncio.to_thread(
            south.hub.await_checkpoint, AwaitCheckpointRequest(old_size=_size(south))
        )
        assert offer.checkpoint
        assert await north.step()
        await world.agency("even-more", "HOSTEL")
        await signed_up(world)
        assert not await north.step(wait_seconds=0)
        world.clock.advance(timedelta(seconds=witnesses.ROUND_SECONDS))
        assert await north.step(wait_seconds=0)


def _size(one: Partner) -> int:
    latest = one.witness.latest(one.dialling._ledger.name)
    assert latest is not None
    return latest.size


async def test_the_hub_waits_for_a_checkpoint_and_answers_at_once_when_it_comes(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        north = await partner(world, "north", tmp_path)
        await signed_up(world)
        await north.step()
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiting = asyncio.create_task(north.step(wait_seconds=15))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await world.agency("more", "HOSTEL")
        assert await waiting
        assert loop.time() - began < 8


async def test_cosignatures_survive_a_restart_of_the_hub(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    async with stage(tmp_path, authority) as world:
        world.hub.log.witnesses_needed = 1
        north = await partner(world, "north", tmp_path)
        await signed_up(world)
        await north.step()
        before = await newest(world, cosigned=True)
        restarted = witnesses.Witnesses(world.hub)
        world.hub.log._cosigned = world.hub.log._lines = None
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await newest(world, cosigned=True)
        assert refusal(refused.value)[1] == "NOT_YET_COVERED"
        await restarted.load()
        assert await newest(world, cosigned=True) == before


async def test_a_key_that_was_taken_back_counts_no_more(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 1
        north = await partner(world, "north", tmp_path)
        await signed_up(world)
        await north.step()
        await authorise(world, "north", "")
        with pytest.raises(HubRefused, match="UNKNOWN_WITNESS"):
            await north.step()


async def test_only_who_was_authorised_may_ask_or_add(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        stranger = await partner(world, "north", tmp_path, authorised=False)
        await signed_up(world)
        with pytest.raises(HubRefused, match="UNKNOWN_WITNESS"):
            await stranger.step()
        async with operator_channel(world.site) as operator:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await WitnessServiceStub(operator).AwaitCheckpoint(AwaitCheckpointRequest())
        assert refusal(refused.value)[1] == "UNKNOWN_CERTIFICATE"


async def test_a_bad_cosignature_is_refused_and_a_repeat_changes_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 1
        north = await partner(world, "north", tmp_path)
        await signed_up(world)
        shown = world.hub.log.newest
        size, text = shown.checkpoint.size, shown.checkpoint.text.encode()
        own = CosignerKey.parse((tmp_path / "north" / "witness.key").read_text().strip())
        good = own.cosign(text, 1_790_000_000)
        # Signed truly at time 0, which says nothing about when.
        private = Ed25519PrivateKey.from_private_bytes(_seed(tmp_path / "north" / "witness.key"))
        zero = SignatureLine(good.name, good.key_id, bytes(8) + private.sign(cosigned_text(text, 0)))
        stranger = CosignerKey("north.example/witness", bytes(32)).cosign(text, 1_790_000_000)
        smaller = own.cosign(text.replace(f"\n{size}\n".encode(), f"\n{size - 1}\n".encode()), 1_790_000_000)
        bad = [f"{zero}\n", f"{stranger}\n", f"{smaller}\n", f"{good}", f"{good}\n{good}\n", "words\n"]
        for line in bad:
            with pytest.raises(HubRefused, match="BAD_COSIGNATURE"):
                await _add(north, size, line)
        with pytest.raises(HubRefused, match="BAD_COSIGNATURE"):
            await _add(north, size - 1, f"{good}\n")
        with pytest.raises(HubRefused, match="BEYOND_LEDGER"):
            await _add(north, size + 1, f"{good}\n")
        with pytest.raises(grpc.aio.AioRpcError):
            await newest(world, cosigned=True)

        await north.step()
        rule = await rule_of(world, north, needed=1)
        first = rule.believed(await newest(world, cosigned=True))
        await _add(north, size, f"{good}\n")
        await _add(north, size, f"{good}\n")
        again = rule.believed(await newest(world, cosigned=True))
        assert (first.size, again.size, len(again.note.signatures)) == (size, size, 2)
        assert again.note.signed_by(own.public) == 1_790_000_000


def _seed(path: Path) -> bytes:
    return base64.b64decode(path.read_text().split("+", 4)[4])[1:]


async def _add(one: Partner, size: int, line: str) -> None:
    await asyncio.to_thread(
        one.hub.add_cosignature, AddCosignatureRequest(size=size, cosignature=line.encode())
    )


async def test_a_witness_that_signed_more_than_there_is_is_told_so(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        north = await partner(world, "north", tmp_path)
        await signed_up(world)
        with pytest.raises(HubRefused, match="BEYOND_LEDGER size="):
            await asyncio.to_thread(north.hub.await_checkpoint, AwaitCheckpointRequest(old_size=10_000))


async def test_how_far_behind_each_witness_is(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        north = await partner(world, "north", tmp_path)
        await partner(world, "south", tmp_path)
        await partner(world, "west", tmp_path, authorised=False)
        await signed_up(world)
        await north.step()
        world.clock.advance(timedelta(hours=2))

        found = await world.hub.look(world.hub.witnesses.standing)
        assert [one.agency_id for one in found] == ["north", "south"]
        assert found[0].behind_seconds == 7200
        assert 0 <= found[1].behind_seconds < 600


async def test_asking_and_signing_leave_no_entry(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        north = await partner(world, "north", tmp_path)
        await signed_up(world)
        before = await world.hub.ledger.run(lambda transaction: transaction.size)
        await north.step()
        with suppress(HubRefused):
            await _add(north, before, "words\n")
        await newest(world)
        assert await world.hub.ledger.run(lambda transaction: transaction.size) == before


async def test_a_caller_whose_certificate_was_replaced_cannot_cosign(tmp_path: Path) -> None:
    """Whom the door let in may have lost its certificate since; it is looked at again where it counts."""
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        await partner(world, "north", tmp_path)
        await partner(world, "south", tmp_path)
        await signed_up(world)
        uri = world.desks["north"].credentials.uri
        for caller in (
            Caller(agency_id="north", certificate_uri=uri, public_key_der=b"another key"),
            Caller(agency_id="south", certificate_uri=uri, public_key_der=b"another key"),
            Caller(agency_id="north", certificate_uri=None, public_key_der=None),
        ):
            with pytest.raises(Refused) as refused:
                await world.hub.witnesses.await_checkpoint(caller, 0, timedelta(0))
            assert refused.value.code == "UNKNOWN_CERTIFICATE"


async def test_a_departed_agency_is_no_witness_and_nobody_waits_for_it(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        await partner(world, "north", tmp_path)
        await partner(world, "south", tmp_path)
        world.hub.projector.index.agencies["north"].departed = object()

        found = await world.hub.look(world.hub.witnesses.standing)
        assert [one.agency_id for one in found] == ["south"]


async def test_one_witness_is_not_enough_where_two_are_asked_for(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 2
        north, south = [await partner(world, name, tmp_path) for name in ("north", "south")]
        await signed_up(world)
        await north.step()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await newest(world, cosigned=True)
        assert refusal(refused.value)[1] == "NOT_YET_COVERED"

        offer = await asyncio.to_thread(south.hub.await_checkpoint, AwaitCheckpointRequest())
        assert len(SignedNote.parse(offer.checkpoint).signatures) == 1, "the log's own, nobody else's"
        await south.step()
        assert await newest(world, cosigned=True)


async def test_two_witnesses_in_one_house_are_one(tmp_path: Path) -> None:
    """Two services of one controller: whoever leans on it leans on both."""
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 2
        names = ("north", "northside", "south")
        north, northside, south = [await partner(world, name, tmp_path) for name in names]
        world.hub.projector.index.agencies["northside"].controller_id = "north"
        await signed_up(world)
        await north.step()
        await northside.step()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await newest(world, cosigned=True)
        assert refusal(refused.value)[1] == "NOT_YET_COVERED"
        await south.step()
        assert await newest(world, cosigned=True)


async def test_where_none_is_asked_for_the_newest_is_answered(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        await signed_up(world)
        assert await newest(world, cosigned=True) == await newest(world)


async def test_the_log_cannot_be_its_own_witness(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 1
        north = await partner(world, "north", tmp_path)
        ledger = world.hub.ledger
        own = await ledger.run(lambda transaction: signing_key(transaction, ledger.ledger_id))
        alias = CosignerKey("north.example/witness", own.seed)
        await authorise(world, "north", str(alias.public))
        await signed_up(world)
        await asyncio.to_thread(north.hub.await_checkpoint, AwaitCheckpointRequest())
        shown = world.hub.log.newest.checkpoint
        await _add(north, shown.size, f"{alias.cosign(shown.text.encode(), 1_790_000_000)}\n")
        with pytest.raises(grpc.aio.AioRpcError):
            await newest(world, cosigned=True)


async def test_what_was_gathered_under_another_origin_is_not_shown(tmp_path: Path) -> None:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        world.hub.log.witnesses_needed = 1
        note = ToyLog(origin="oncetold.org/ledger/elsewhere").grow(3).checkpoint()
        await world.hub.ledger.run(
            lambda transaction: transaction.write_state(witnesses.COSIGNED_STATE, note)
        )
        await witnesses.Witnesses(world.hub).load()
        assert world.hub.log.cosigned is None
