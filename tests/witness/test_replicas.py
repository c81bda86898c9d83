"""Two hubs over one ledger in PostgreSQL: witnesses dial either; a database that was cut back is refused."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.kit.proofs import Checkpoint, TrustRule
from adapters.witness.dialling import Dialling
from adapters.witness.signer import Witness, new_key
from consent_ledger.errors import LedgerRolledBack
from hub.bootstrap import RunningHub, running_hub
from hub.config import LogSettings
from oncetold.v1 import agency_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.log_service_pb2 import GetCheckpointRequest
from oncetold.v1.log_service_pb2_grpc import LogServiceStub
from tests.integration.loopback import Site, make_replica, make_site, operator_channel, register
from tests.postgres import server
from tests.witness.partners import connected, ledger_key


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    database = server().create_database()
    one = make_site(tmp_path, server().url(database))
    other = make_replica(one, tmp_path / "other")
    for site in (one, other):
        site.config = replace(site.config, log=LogSettings(witnesses_needed=2))
    yield one, other
    server().drop_database(database)


async def dialling(site: Site, running: RunningHub, name: str, folder: Path) -> Dialling:
    """An agency's witness at one of the hubs."""
    credentials = await register(site, name)
    key = new_key(folder / name, f"{name}.example/witness")
    request = agency_service_pb2.AuthoriseWitnessRequest(
        request_id=str(uuid4()), agency_id=name, verifier_key=str(key)
    )
    async with operator_channel(site) as operator:
        await AgencyServiceStub(operator).AuthoriseWitness(request)
    ledger = await ledger_key(running)
    return Dialling(connected(site, running.port, credentials), Witness(folder / name, [ledger]), ledger)


async def cosigned(site: Site) -> Checkpoint | None:
    async with operator_channel(site) as channel:
        try:
            answer = await LogServiceStub(channel).GetCheckpoint(GetCheckpointRequest(cosigned=True))
        except Exception as error:  # noqa: BLE001 - which one, is what is asked
            assert "NOT_YET_COVERED" in str(error) or "too few witnesses" in str(error)
            return None
    return Checkpoint.parse(answer.checkpoint)


async def test_witnesses_of_two_hubs_sign_the_same_checkpoints(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        hubs = [await stack.enter_async_context(running_hub(site.config)) for site in sites]
        both = [
            await dialling(site, running, name, tmp_path)
            for site, running, name in zip(sites, hubs, ("north", "south"), strict=True)
        ]
        rule = TrustRule(await ledger_key(hubs[0]), tuple(one._witness.key for one in both), 2)
        sizes = []
        for number in range(2):
            await register(sites[number], f"more-{number}")
            size = await hubs[0].hub.ledger.run(lambda transaction: transaction.size)
            async with asyncio.timeout(40):
                while True:
                    await asyncio.gather(*(asyncio.to_thread(one.step, 1) for one in both))
                    found = [await cosigned(site) for site in sites]
                    if all(one is not None and one.size >= size for one in found):
                        break
            sizes.append(max(rule.believed(bytes(one)).size for one in found if one is not None))
        assert sizes == sorted(set(sizes))


async def test_a_database_that_failed_over_to_an_older_state_is_refused(sites: tuple[Site, Site]) -> None:
    """What PostgreSQL's own replicas may do, and what none of its rows tells (FAULTS 7)."""
    one = sites[0]
    async with running_hub(one.config) as running:
        await register(one, "first")
        await signed(running)
    name = one.config.ledger.split("/")[3].split("?")[0]
    older = server().create_database(name)
    try:
        async with running_hub(one.config) as running:
            await register(one, "second")
            await signed(running)
        moved = replace(one.config, ledger=server().url(older))
        with pytest.raises(LedgerRolledBack, match="new-origin"):
            async with running_hub(moved):
                raise AssertionError("an older database was served")
    finally:
        server().drop_database(older)


async def signed(running: RunningHub) -> None:
    size = await running.hub.ledger.run(lambda transaction: transaction.size)
    async with asyncio.timeout(20):
        while (newest := running.hub.log.newest) is None or newest.checkpoint.size < size:
            await asyncio.sleep(0.05)
