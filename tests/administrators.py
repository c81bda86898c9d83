"""People who administer a hub, with keys of their own, as they speak over its local socket."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import grpc
from google.protobuf.message import Message

from consent_ledger import administration
from consent_ledger.administration import Act
from hub.bootstrap import RunningHub
from hub.use_cases.administration import issue_codes
from hub.use_cases.work import Caller
from oncetold.v1 import administration_service_pb2 as messages
from oncetold.v1.administration_service_pb2_grpc import AdministrationServiceStub

AGENCIES = "oncetold.v1.AgencyService"


@dataclass
class Person:
    """One administrator."""

    name: str
    seed: bytes = field(default_factory=lambda: uuid4().bytes + uuid4().bytes)

    @property
    def public(self) -> bytes:
        return administration.public_key_of(self.seed)


class Office:
    """The hub's administration as its people use it: one channel, everybody's keys."""

    def __init__(self, channel: grpc.aio.Channel, ledger_id: UUID) -> None:
        self.channel = channel
        self.ledger_id = ledger_id
        self.stub = AdministrationServiceStub(channel)

    async def enrol(self, person: Person, code: str, **changed: Any) -> messages.EnrolAdministratorResponse:
        statement = administration.enrolment(self.ledger_id, person.name, person.public)
        asked: dict[str, Any] = {
            "request_id": str(uuid4()),
            "code": code,
            "name": person.name,
            "public_key": person.public,
            "signature": administration.sign(person.seed, statement),
        }
        answer: messages.EnrolAdministratorResponse = await self.stub.EnrolAdministrator(
            messages.EnrolAdministratorRequest(**{**asked, **changed})
        )
        return answer

    def adding(self, person: Person) -> messages.AddAdministratorRequest:
        """What is asked to have somebody enrolled without a code, with their own signature."""
        statement = administration.enrolment(self.ledger_id, person.name, person.public)
        return messages.AddAdministratorRequest(
            request_id=str(uuid4()),
            name=person.name,
            public_key=person.public,
            signature=administration.sign(person.seed, statement),
        )

    def proposal(self, person: Person, method: str, request: Message, **changed: Any) -> Any:
        """What is sent to propose a request, signed."""
        proposal_id = changed.pop("proposal_id", uuid4())
        body = request.SerializeToString(deterministic=True)
        statement = administration.about_proposal(
            Act.PROPOSE, self.ledger_id, person.name, proposal_id=proposal_id, method=method, body=body
        )
        asked: dict[str, Any] = {
            "request_id": str(uuid4()),
            "proposal_id": str(proposal_id),
            "method": method,
            "body": body,
            "administrator": person.name,
            "signature": administration.sign(person.seed, statement),
        }
        return messages.ProposeRequest(**{**asked, **changed})

    async def propose(self, person: Person, method: str, request: Message, **changed: Any) -> str:
        """Proposes; the proposal's id."""
        asked = self.proposal(person, method, request, **changed)
        await self.stub.Propose(asked)
        return str(asked.proposal_id)

    async def word(self, person: Person, act: Act, proposal_id: str) -> bytes:
        """The person's signature of an act on a proposal, as it stands."""
        found = await self.stub.GetProposal(messages.GetProposalRequest(proposal_id=proposal_id))
        statement = administration.about_proposal(
            act,
            self.ledger_id,
            person.name,
            proposal_id=UUID(proposal_id),
            method=found.proposal.method,
            body=found.body,
        )
        return administration.sign(person.seed, statement)

    async def approval(self, person: Person, proposal_id: str, **changed: Any) -> messages.ApproveRequest:
        """What is sent to approve, signed."""
        asked: dict[str, Any] = {
            "request_id": str(uuid4()),
            "proposal_id": proposal_id,
            "administrator": person.name,
            "signature": await self.word(person, Act.APPROVE, proposal_id),
        }
        return messages.ApproveRequest(**{**asked, **changed})

    async def approve(self, person: Person, proposal_id: str, **changed: Any) -> messages.ApproveResponse:
        answer: messages.ApproveResponse = await self.stub.Approve(
            await self.approval(person, proposal_id, **changed)
        )
        return answer

    async def end(self, person: Person, by: Person) -> None:
        await self.stub.EndAdministrator(
            messages.EndAdministratorRequest(
                request_id=str(uuid4()),
                name=person.name,
                administrator=by.name,
                signature=administration.sign(
                    by.seed, administration.ending(self.ledger_id, by.name, person.name)
                ),
            )
        )


async def new_codes(running: RunningHub) -> list[str]:
    """A new pair, as whoever holds the lease makes it."""
    operator, ledger_id = Caller(agency_id=None, operator=True), running.hub.ledger.ledger_id
    codes, _, _ = await running.hub.execute(issue_codes, operator, ledger_id=ledger_id)
    return codes


async def founded(running: RunningHub, channel: grpc.aio.Channel) -> tuple[Office, Person, Person]:
    """A hub whose two administrators have enrolled."""
    office = Office(channel, running.hub.ledger.ledger_id)
    first, second = Person("amina"), Person("bela")
    for person, code in zip((first, second), await new_codes(running), strict=True):
        await office.enrol(person, code)
    return office, first, second
