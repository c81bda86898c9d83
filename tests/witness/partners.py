"""Witnesses as agencies run them, over mutual TLS against a hub on loopback."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from adapters.kit.client import Hub
from adapters.kit.config import HubSettings
from adapters.kit.notes import VerifierKey
from adapters.witness.dialling import Dialling
from adapters.witness.signer import Witness, new_key
from consent_ledger.log.signing import signing_key
from hub import pki
from hub.bootstrap import RunningHub
from oncetold.v1 import agency_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from tests.integration.loopback import Site, operator_channel
from tests.twins.stage import Stage


async def ledger_key(running: RunningHub) -> VerifierKey:
    """The ledger's public key, as its operator hands it to whoever checks it."""
    ledger = running.hub.ledger
    key = await ledger.run(lambda transaction: signing_key(transaction, ledger.ledger_id))
    return VerifierKey.parse(str(key.verifier))


def connected(site: Site, port: int | None, credentials: pki.Credentials) -> Hub:
    """The kit's own connection."""
    return Hub.connect(
        HubSettings(f"localhost:{port}", site.authority.certificate, credentials.certificate, credentials.key)
    )


@dataclass
class Partner:
    """One agency's witness; each step is one long poll, on a thread of its own as in its own process."""

    agency_id: str
    witness: Witness
    hub: Hub
    dialling: Dialling

    async def step(self, wait_seconds: int = 1) -> bool:
        return await asyncio.to_thread(self.dialling.step, wait_seconds)


async def partner(world: Stage, agency_id: str, folder: Path, *, authorised: bool = True) -> Partner:
    """An agency with a witness, whose key the operator authorised."""
    desk = await world.agency(agency_id, "HOSTEL")
    key = new_key(folder / agency_id, f"{agency_id}.example/witness")
    ledger = await ledger_key(world.running)
    witness = Witness(folder / agency_id, [ledger])
    if authorised:
        await authorise(world, agency_id, str(key))
    hub = connected(world.site, world.running.port, desk.credentials)
    return Partner(agency_id, witness, hub, Dialling(hub, witness, ledger))


async def authorise(world: Stage, agency_id: str, key: str) -> None:
    """The operator's word; an empty key ends it."""
    request = agency_service_pb2.AuthoriseWitnessRequest(
        request_id=world.request_id(), agency_id=agency_id, verifier_key=key
    )
    async with operator_channel(world.site) as operator:
        await AgencyServiceStub(operator).AuthoriseWitness(request)
