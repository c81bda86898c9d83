"""Two hubs over one database: two people are needed on both at once, and nothing is approved twice."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hub.bootstrap import running_hub
from oncetold.v1 import administration_service_pb2 as messages
from oncetold.v1 import agency_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from tests.administrators import Office, Person, founded
from tests.integration.loopback import Site, make_replica, make_site, operator_channel, refused
from tests.integration.office import NEEDED, REGISTER, agency
from tests.postgres import server

RACES = 12


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    database = server().create_database()
    one = make_site(tmp_path, server().url(database))
    yield one, make_replica(one, tmp_path / "other")
    server().drop_database(database)


async def test_what_is_proposed_at_one_is_approved_at_either_and_once(sites: tuple[Site, Site]) -> None:
    here, there = sites
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(running_hub(here.config))
        await stack.enter_async_context(running_hub(there.config))
        ours = await stack.enter_async_context(operator_channel(here))
        theirs = await stack.enter_async_context(operator_channel(there))
        agencies = AgencyServiceStub(theirs)
        await agencies.RegisterAgency(agency("before"))
        office, amina, bela = await founded(running, ours)
        other = Office(theirs, office.ledger_id)
        assert await refused(agencies.RegisterAgency(agency("after"))) == NEEDED, "at once, on every replica"

        carys = Person("carys")
        method = "oncetold.v1.AdministrationService.AddAdministrator"
        added = await office.propose(amina, method, office.adding(carys))
        await other.approve(bela, added)
        done = 0
        for number in range(RACES):
            proposal_id = await office.propose(amina, REGISTER, agency(f"agency-{number}"))
            words = await asyncio.gather(
                office.approval(bela, proposal_id), other.approval(carys, proposal_id)
            )
            outcomes = await asyncio.gather(
                office.stub.Approve(words[0]), other.stub.Approve(words[1]), return_exceptions=True
            )
            done += sum(isinstance(one, messages.ApproveResponse) for one in outcomes)
            found = await other.stub.GetProposal(messages.GetProposalRequest(proposal_id=proposal_id))
            assert found.proposal.state == messages.PROPOSAL_STATE_APPROVED
        assert done == RACES
        listed = await agencies.ListAgencies(agency_service_pb2.ListAgenciesRequest())
        assert len(listed.agencies) == RACES + 1
