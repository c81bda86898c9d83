"""AdministrationService: who administers the hub, and what two of them decide together."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from consent_ledger.errors import Refused
from hub.projections import administration as standing
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call, Handler, Run, code_of, message_class, parsed
from hub.rpc.rules import TWO_PEOPLE
from hub.use_cases import administration, proposals
from hub.use_cases.hub import Hub, Repeated, Request
from hub.use_cases.work import Caller, Work
from oncetold.v1 import administration_service_pb2 as messages

_NOT_REHEARSED = frozenset({"oncetold.v1.OperatorService.RotateKeys"})
"""Trying it would do it: the key provider makes an object."""


class _Method(NamedTuple):
    """A call that two people make: how it is read, and the code that makes it."""

    descriptor: MethodDescriptor
    handler: Handler


class _Caught(Exception):
    """A call went as far as its one use case, which has not run."""

    def __init__(self, request: Request, use: Callable[[Work], Any]) -> None:
        super().__init__()
        self.request = request
        self.use = use


class AdministrationServicer(Servicer):
    """Nothing here is about clients."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._methods: dict[str, _Method] = {}

    def may_make(self, servicers: Mapping[ServiceDescriptor, object]) -> None:
        """Takes the calls that proposals are about from the servicers that make them."""
        self._methods = {
            method.full_name: _Method(method, code_of(servicer, method))
            for service, servicer in servicers.items()
            for method in service.methods
            if method.full_name in TWO_PEOPLE
        }

    @property
    def _ledger_id(self) -> UUID:
        return self._hub.ledger.ledger_id

    async def EnrolAdministrator(
        self, request: messages.EnrolAdministratorRequest, call: Call
    ) -> messages.EnrolAdministratorResponse:
        def written(enrolled: tuple[int, bool]) -> messages.EnrolAdministratorResponse:
            index, founded = enrolled
            return messages.EnrolAdministratorResponse(position=self.position(index), founded=founded)

        return await self.once(
            call,
            request,
            written,
            administration.enrol,
            ledger_id=self._ledger_id,
            code=request.code,
            name=request.name,
            public_key=request.public_key,
            signature=request.signature,
        )

    async def AddAdministrator(
        self, request: messages.AddAdministratorRequest, call: Call
    ) -> messages.AddAdministratorResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.AddAdministratorResponse(position=self.position(index)),
            administration.add,
            ledger_id=self._ledger_id,
            name=request.name,
            public_key=request.public_key,
            signature=request.signature,
        )

    async def EndAdministrator(
        self, request: messages.EndAdministratorRequest, call: Call
    ) -> messages.EndAdministratorResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.EndAdministratorResponse(position=self.position(index)),
            administration.end,
            ledger_id=self._ledger_id,
            name=request.name,
            by=request.administrator,
            signature=request.signature,
        )

    async def ListAdministrators(
        self, request: messages.ListAdministratorsRequest, call: Call
    ) -> messages.ListAdministratorsResponse:
        known = await self.ask(call, administration.standing)
        return messages.ListAdministratorsResponse(
            administrators=[
                messages.Administrator(
                    name=one.name,
                    public_key=one.public_key,
                    position=self.position(one.position),
                    ended=one.ended is not None,
                )
                for one in sorted(known.administrators.values(), key=lambda one: one.name)
            ],
            founded=known.founded,
            file_root_accepted=known.file_root_accepted is not None,
        )

    async def Propose(self, request: messages.ProposeRequest, call: Call) -> messages.ProposeResponse:
        caught = await self._caught(request, call)

        def written(proposed: tuple[int, datetime]) -> messages.ProposeResponse:
            index, until = proposed
            return messages.ProposeResponse(position=self.position(index), until_time=codec.timestamp(until))

        return await self.once(
            call,
            request,
            written,
            proposals.propose,
            ledger_id=self._ledger_id,
            proposal_id=translate.uuid(request, "proposal_id"),
            method=request.method,
            body=request.body,
            signed=_signed(request),
            rehearsed=None if request.method in _NOT_REHEARSED else caught.use,
        )

    async def _caught(self, request: messages.ProposeRequest, call: Call) -> _Caught:
        """The proposed call, checked as any call is, up to its use case. Raises Refused."""

        async def run(
            attempt: Request, use_case: Callable[..., Any], caller: Caller, *args: Any, **kwargs: Any
        ) -> None:
            raise _Caught(attempt, lambda work: use_case(work, caller, *args, **kwargs))

        try:
            await self._make(request.method, request.body, call, run)
        except _Caught as caught:
            return caught
        raise AssertionError("a call that two people make has one use case, and runs it by `once`")

    async def Approve(self, request: messages.ApproveRequest, call: Call) -> messages.ApproveResponse:
        call = replace(call, caller=replace(call.caller, agency_id=None))
        proposal_id = translate.uuid(request, "proposal_id")
        found = await self.ask(call, proposals.stored, proposal_id=proposal_id)
        body: bytes = request.SerializeToString(deterministic=True)

        async def run(
            attempt: Request, use_case: Callable[..., Any], caller: Caller, *args: Any, **kwargs: Any
        ) -> Any | Repeated:
            # Remembered under the approval's own id as well: a repeat of either gets the first answer.
            approval = replace(
                attempt, method=call.method, request_id=request.request_id, body=body, two_people=False
            )
            approve = partial(
                proposals.approve,
                ledger_id=self._ledger_id,
                proposal_id=proposal_id,
                signed=_signed(request),
                request=attempt,
                use=lambda work: use_case(work, caller, *args, **kwargs),
            )
            return await self._hub.execute_once(approval, approve, caller)

        answer = await self._make(found.proposal.method, found.body, call, run)
        return messages.ApproveResponse(
            method=found.proposal.method, answer=answer.SerializeToString(deterministic=True)
        )

    async def _make(self, name: str, body: bytes, call: Call, run: Run) -> Message:
        """Makes a stored call with `run` in the hub's place. Raises Refused."""
        method = self._methods.get(name)
        if method is None:
            raise Refused("INVALID_FIELD", field="method", rule="one that two people make")
        request = parsed(message_class(method.descriptor.input_type), body, self._hub.ledger.clock.now())
        operator = Caller(agency_id=None, operator=True)
        response_class = message_class(method.descriptor.output_type)
        answer = await method.handler(request, Call(operator, name, response_class, run))
        assert isinstance(answer, Message)
        return answer

    async def WithdrawProposal(
        self, request: messages.WithdrawProposalRequest, call: Call
    ) -> messages.WithdrawProposalResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.WithdrawProposalResponse(position=self.position(index)),
            proposals.withdraw,
            ledger_id=self._ledger_id,
            proposal_id=translate.uuid(request, "proposal_id"),
            signed=_signed(request),
        )

    async def GetProposal(
        self, request: messages.GetProposalRequest, call: Call
    ) -> messages.GetProposalResponse:
        found = await self.ask(call, proposals.stored, proposal_id=translate.uuid(request, "proposal_id"))
        return messages.GetProposalResponse(proposal=self._proposal(found.proposal), body=found.body)

    async def ListProposals(
        self, request: messages.ListProposalsRequest, call: Call
    ) -> messages.ListProposalsResponse:
        waiting, stops = await self.ask(call, proposals.waiting)
        return messages.ListProposalsResponse(
            proposals=[self._proposal(one) for one in waiting],
            stops=[
                messages.Stop(
                    position=self.position(one.position),
                    recorded_time=codec.timestamp(one.at),
                    kind=one.topic,
                )
                for one in stops
            ],
        )

    async def RatifyStop(
        self, request: messages.RatifyStopRequest, call: Call
    ) -> messages.RatifyStopResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.RatifyStopResponse(position=self.position(index)),
            administration.ratify_stop,
            position=request.index,
        )

    async def AcceptFileRoot(
        self, request: messages.AcceptFileRootRequest, call: Call
    ) -> messages.AcceptFileRootResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.AcceptFileRootResponse(position=self.position(index)),
            administration.accept_file_root,
            agency_id=request.agency_id,
            accepted_by=request.accepted_by,
        )

    async def AuthoriseWindDown(
        self, request: messages.AuthoriseWindDownRequest, call: Call
    ) -> messages.AuthoriseWindDownResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.AuthoriseWindDownResponse(position=self.position(index)),
            administration.authorise_wind_down,
        )

    def _proposal(self, proposal: standing.Proposal) -> messages.Proposal:
        return messages.Proposal(
            proposal_id=str(proposal.proposal_id),
            method=proposal.method,
            administrator=proposal.by,
            position=self.position(proposal.position),
            until_time=codec.timestamp(proposal.until),
            state=translate.number(messages.ProposalState, proposal.state),
        )


def _signed(
    request: messages.ProposeRequest | messages.ApproveRequest | messages.WithdrawProposalRequest,
) -> proposals.Signed:
    return proposals.Signed(request.administrator, request.signature)
