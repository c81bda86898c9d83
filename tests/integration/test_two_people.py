"""Two people change agencies, keys and policy: over the hub's socket, as the operator's tools do it."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
import pytest

from consent_ledger.administration import Act
from hub.rpc.rules import TWO_PEOPLE
from hub.use_cases.proposals import OPEN_FOR
from oncetold.v1 import administration_service_pb2 as messages
from oncetold.v1 import (
    agency_service_pb2,
    operator_service_pb2,
)
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.operator_service_pb2_grpc import OperatorServiceStub
from tests.administrators import AGENCIES, Office, Person, founded
from tests.clock import ManualClock
from tests.integration.loopback import Site, refused
from tests.integration.office import (
    EXAMPLES,
    NEEDED,
    NOT_THEIRS,
    REGISTER,
    SAME,
    TOO_LATE,
    agency,
    certificate,
    direct,
    dpo,
    leaving,
    rotation,
    serving,
    two,
)


async def test_one_proposes_another_approves_and_it_is_done_in_one_step(site: Site) -> None:
    async with two(site) as place:
        request = agency()
        assert await refused(place.agencies.RegisterAgency(request)) == NEEDED
        proposal_id = await place.office.propose(place.amina, REGISTER, request)
        assert await place.known() == set(), "a proposal does nothing yet"
        before = await place.size()
        answer = await place.office.approve(place.bela, proposal_id)

        assert await place.known() == {"northside"}
        assert await place.size() == before + 2, "the approval and what it did, and nothing between them"
        done = agency_service_pb2.RegisterAgencyResponse.FromString(answer.answer)
        assert (answer.method, done.position.index) == (REGISTER, before + 2)
        again = await place.agencies.RegisterAgency(request)
        assert again == done, "whoever makes that very call again gets its answer"
        other = agency(name="Another")
        other.request_id = request.request_id
        assert (await refused(place.agencies.RegisterAgency(other)))[1] == "REQUEST_ID_REUSED"


async def test_nobody_approves_what_they_proposed(site: Site) -> None:
    async with two(site) as place:
        proposal_id = await place.office.propose(place.amina, REGISTER, agency())
        assert await refused(place.office.approve(place.amina, proposal_id)) == SAME
        assert await place.known() == set()
        await place.office.approve(place.bela, proposal_id)


async def test_a_forged_signature_is_refused_and_does_nothing(site: Site) -> None:
    async with two(site) as place:
        office, mallory = place.office, Person("mallory")
        proposal_id = await office.propose(place.amina, REGISTER, agency())
        forger = Person("bela", mallory.seed)
        refusals = [
            await refused(office.approve(forger, proposal_id)),
            await refused(office.approve(mallory, proposal_id)),
            await refused(office.approve(place.bela, proposal_id, signature=bytes(64))),
            await refused(office.propose(Person("amina", mallory.seed), REGISTER, agency("other"))),
            await refused(
                office.stub.Propose(_under(office.proposal(place.amina, REGISTER, agency()), "DepartAgency"))
            ),
            await refused(
                office.approve(
                    place.bela,
                    proposal_id,
                    signature=await office.word(place.bela, Act.WITHDRAW, proposal_id),
                )
            ),
        ]

        assert refusals[:4] == [NOT_THEIRS] * 4
        assert refusals[4][1] in ("INVALID_FIELD", "UNKNOWN_FIELD"), "its body is no such request"
        assert refusals[5] == NOT_THEIRS, "signed for another act"
        assert await place.known() == set()
        await office.approve(place.bela, proposal_id)


def _under(proposal: messages.ProposeRequest, name: str) -> messages.ProposeRequest:
    """The same signature under another call's name."""
    proposal.method = f"{AGENCIES}.{name}"
    return proposal


async def test_an_old_approval_approves_nothing_else(site: Site) -> None:
    async with two(site) as place:
        office, request = place.office, agency()
        first = await office.propose(place.amina, REGISTER, request)
        approval = await office.approval(place.bela, first)
        done = await office.stub.Approve(approval)
        same = agency("northside")  # the same words, another attempt
        second = await office.propose(place.amina, REGISTER, same)
        replayed = messages.ApproveRequest(
            request_id=str(uuid4()), proposal_id=second, administrator="bela", signature=approval.signature
        )

        assert await refused(office.stub.Approve(replayed)) == NOT_THEIRS
        assert await office.stub.Approve(approval) == done, "its own repeat"
        approval.request_id = str(uuid4())
        assert await refused(office.stub.Approve(approval)) == TOO_LATE, "never twice"
        proposed_again = office.proposal(place.amina, REGISTER, request)
        proposed_again.proposal_id = first
        assert await refused(office.stub.Propose(proposed_again)) == NOT_THEIRS
        replay = office.proposal(place.amina, REGISTER, same, proposal_id=UUID(first))
        assert (await refused(office.stub.Propose(replay)))[1] == "ALREADY_EXISTS"


async def test_what_the_ledger_no_longer_allows_is_refused_with_its_own_reason(site: Site) -> None:
    async with two(site) as place:
        office = place.office
        await office.approve(place.bela, await office.propose(place.amina, REGISTER, agency()))
        waiting = await office.propose(place.amina, f"{AGENCIES}.AuthoriseCertificate", certificate())
        gone = await office.propose(place.bela, f"{AGENCIES}.DepartAgency", leaving())
        await office.approve(place.amina, gone)
        before = await place.size()
        refusal = await refused(office.approve(place.bela, waiting))

        assert refusal[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "AGENCY_DEPARTED")
        assert await place.size() == before + 1, "the refusal alone: no approval without what it approves"
        found = await office.stub.GetProposal(messages.GetProposalRequest(proposal_id=waiting))
        assert found.proposal.state == messages.PROPOSAL_STATE_OPEN


async def test_what_cannot_be_done_is_not_even_proposed(site: Site) -> None:
    async with two(site) as place:
        refusal = await refused(
            place.office.propose(place.amina, f"{AGENCIES}.AuthoriseCertificate", certificate("nobody"))
        )
        listed = await place.office.stub.ListProposals(messages.ListProposalsRequest())

        assert refusal[1] == "UNKNOWN_AGENCY"
        assert not listed.proposals
        badly = agency_service_pb2.RegisterAgencyRequest(request_id=str(uuid4()), agency_id="Not An Id")
        assert (await refused(place.office.propose(place.amina, REGISTER, badly)))[1] == "INVALID_FIELD"
        accept = f"{REGISTER.rpartition('.')[0].replace('Agency', 'Operator')}.AcceptClock"
        request = operator_service_pb2.AcceptClockRequest()
        assert (await refused(place.office.propose(place.amina, accept, request)))[1] == "INVALID_FIELD"


async def test_what_was_done_while_the_hub_was_founded_is_not_done_again_by_a_proposal(site: Site) -> None:
    async with serving(site, ManualClock()) as (running, channel):
        agencies = AgencyServiceStub(channel)
        await agencies.RegisterAgency(agency())
        appoint = agency_service_pb2.AppointPostRequest(
            request_id=str(uuid4()), agency_id="northside", post=dpo()
        )
        await agencies.AppointPost(appoint)
        office, amina, bela = await founded(running, channel)
        again = await office.propose(amina, f"{AGENCIES}.AppointPost", appoint)
        assert await refused(office.approve(bela, again)) == TOO_LATE
        appoint.post.staff_reference = "dpo-2"
        other = await office.propose(amina, f"{AGENCIES}.AppointPost", appoint)
        assert (await refused(office.approve(bela, other)))[1] == "REQUEST_ID_REUSED"
        listed = await agencies.ListAgencies(agency_service_pb2.ListAgenciesRequest())
        assert [post.staff_reference for post in listed.agencies[0].posts] == ["dpo-1"]


async def test_a_proposal_outlives_a_restart(site: Site) -> None:
    async with two(site) as place:
        proposal_id = await place.office.propose(place.amina, REGISTER, agency())
        bela, clock = place.bela, place.clock
    async with serving(site, clock) as (running, channel):
        office = Office(channel, running.hub.ledger.ledger_id)
        assert await refused(AgencyServiceStub(channel).RegisterAgency(agency())) == NEEDED
        await office.approve(bela, proposal_id)
        listed = await AgencyServiceStub(channel).ListAgencies(agency_service_pb2.ListAgenciesRequest())
        assert [one.agency_id for one in listed.agencies] == ["northside"]


async def test_a_proposal_can_be_approved_for_seven_days(site: Site) -> None:
    async with two(site) as place:
        late = await place.office.propose(place.amina, REGISTER, agency("late"))
        place.clock.advance(OPEN_FOR - timedelta(seconds=1))
        in_time = await place.office.propose(place.amina, REGISTER, agency("in-time"))
        place.clock.advance(timedelta(seconds=1))

        assert await refused(place.office.approve(place.bela, late)) == TOO_LATE
        listed = await place.office.stub.ListProposals(messages.ListProposalsRequest())
        assert [one.proposal_id for one in listed.proposals] == [in_time]
        await place.office.approve(place.bela, in_time)
        assert await place.known() == {"in-time"}


async def test_a_proposal_is_taken_back(site: Site) -> None:
    async with two(site) as place:
        office = place.office
        proposal_id = await office.propose(place.amina, REGISTER, agency())
        request = messages.WithdrawProposalRequest(
            request_id=str(uuid4()),
            proposal_id=proposal_id,
            administrator="amina",
            signature=await office.word(place.amina, Act.WITHDRAW, proposal_id),
        )
        await office.stub.WithdrawProposal(request)

        assert await refused(office.approve(place.bela, proposal_id)) == TOO_LATE
        assert await place.known() == set()


@pytest.mark.parametrize("method", sorted(TWO_PEOPLE))
async def test_every_such_call_is_refused_to_one_person_and_kept_by_a_proposal(
    site: Site, method: str
) -> None:
    async with two(site) as place:
        request = EXAMPLES[method](place)
        before = await place.size()
        refusal = await refused(direct(place, method, request))

        assert refusal == NEEDED
        assert await place.size() == before + 1, "the refusal, and nothing else"
        # Proposed, it does nothing yet either: it is kept, or refused for what it would be refused for.
        try:
            await place.office.propose(place.amina, method, request)
        except grpc.aio.AioRpcError as error:
            assert "TWO_PEOPLE" not in str(error.trailing_metadata())
        assert await place.size() == before + 2


def test_every_such_call_has_an_example() -> None:
    assert set(EXAMPLES) == TWO_PEOPLE


async def test_two_people_begin_a_key_epoch_and_the_hub_goes_on_with_it_alone(site: Site) -> None:
    async with two(site) as place:
        method, office = "oncetold.v1.OperatorService.RotateKeys", place.office
        proposal_id = await office.propose(place.amina, method, rotation(place))
        operator = OperatorServiceStub(office.channel)
        going_on = operator_service_pb2.RotateKeysRequest()
        assert (await operator.RotateKeys(going_on)).remaining == 0, "proposing began nothing"
        answer = await office.approve(place.bela, proposal_id)
        begun = operator_service_pb2.RotateKeysResponse.FromString(answer.answer)
        assert begun.remaining > 0
        rotated = await operator.RotateKeys(going_on)
        while rotated.remaining:
            rotated = await operator.RotateKeys(going_on)
        assert rotated.HasField("gone_time")


async def test_two_approvals_at_once_do_it_once(site: Site) -> None:
    async with two(site) as place:
        office, carys = place.office, Person("carys")
        adding = office.adding(carys)
        method = "oncetold.v1.AdministrationService.AddAdministrator"
        await office.approve(place.bela, await office.propose(place.amina, method, adding))
        proposal_id = await office.propose(place.amina, REGISTER, agency())
        before = await place.size()
        outcomes = await asyncio.gather(
            office.approve(place.bela, proposal_id),
            office.approve(carys, proposal_id),
            return_exceptions=True,
        )

        assert sum(isinstance(one, messages.ApproveResponse) for one in outcomes) == 1
        assert await place.size() == before + 3, "an approval, what it did, a refusal"
