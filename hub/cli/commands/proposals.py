"""`oncetold proposals`: what waits for a second administrator, and what one person stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass

from hub.cli.administrators import key_file, read_key
from hub.cli.command import Json, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.output import console, moment, position, show, show_rows
from oncetold.v1.administration_service_pb2 import (
    ApproveRequest,
    GetProposalRequest,
    GetProposalResponse,
    ListProposalsRequest,
    ProposalState,
    RatifyStopRequest,
    WithdrawProposalRequest,
)
from oncetold.v1.audit_service_pb2 import GetLedgerRequest

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

    from consent_ledger.administration import Act

commands = group("proposals", "What waits for a second administrator.")

Id = Annotated[str, typer.Argument(metavar="PROPOSAL", help="The proposal's id.")]
As = Annotated[
    str, typer.Option("--as", metavar="NAME", help="The administrator that you are.", show_default=False)
]
Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Your key's file. Unset: ~/.oncetold/NAME.key."),
]
ROTATE = "RotateKeys"


@command(commands, "list", example="oncetold --data ./hub proposals list")
def list_proposals(context: typer.Context, as_json: Json = False) -> None:
    """Lists what can be approved, and stops that two administrators have not stood by yet."""
    request = ListProposalsRequest()
    answer = ask(data_folder(context), lambda hub: hub.administration.ListProposals, request)
    rows: list[dict[str, object]] = [
        {
            "proposal_id": one.proposal_id,
            "what": one.method.rpartition(".")[2],
            "by": one.administrator,
            "until": moment(one.until_time),
        }
        for one in answer.proposals
    ]
    stops = [
        {"position": one.position.index, "what": one.kind, "time": moment(one.recorded_time)}
        for one in answer.stops
    ]
    if as_json:
        show({"proposals": rows, "stops": stops}, [], as_json=True)
        return
    columns = {"proposal_id": "Proposal", "what": "What", "by": "Proposed by", "until": "Until"}
    show_rows("proposals", rows, columns, nothing="Nothing waits for an approval.", as_json=False)
    if stops:
        console().print("\nStopped by one person; two stand by it with: oncetold proposals ratify POSITION")
        columns = {"position": "Position", "what": "What", "time": "When"}
        show_rows("stops", stops, columns, nothing="", as_json=False)


@command(commands, "show", example="oncetold --data ./hub proposals show 0f6a4d38-…")
def show_proposal(context: typer.Context, proposal_id: Id, as_json: Json = False) -> None:
    """Shows what a proposal would do, word for word. Read it before you approve it."""
    found = find(data_folder(context), proposal_id)
    one, asked = found.proposal, _read(found)
    state = ProposalState.Name(one.state).removeprefix("PROPOSAL_STATE_").lower()
    show(
        {
            "proposal_id": one.proposal_id,
            "method": one.method,
            "by": one.administrator,
            "until": moment(one.until_time),
            "state": state,
            "request": asked,
        },
        [
            f"{one.administrator} proposes {one.method.rpartition('.')[2]}, until {moment(one.until_time)} "
            f"({state}):",
            *_lines(asked),
        ],
        as_json=as_json,
    )


@command(commands, "approve", example="oncetold --data ./hub proposals approve 0f6a4d38-… --as bela")
def approve(
    context: typer.Context, proposal_id: Id, name: As, key: Key = None, as_json: Json = False
) -> None:
    """Approves what another administrator proposed. The hub does it at once, or says why it cannot."""
    from consent_ledger.administration import Act

    data = data_folder(context)
    found = find(data, proposal_id)
    request = ApproveRequest(
        request_id=str(uuid4()),
        proposal_id=proposal_id,
        administrator=name,
        signature=signature_of(data, found, Act.APPROVE, name, key),
    )
    answer = ask(data, lambda hub: hub.administration.Approve, request)
    method = _method(answer.method)
    response = GetMessageClass(method.output_type).FromString(answer.answer)
    answered = MessageToDict(response, preserving_proto_field_name=True)
    sentences = [f"Done: {method.name}, as {found.proposal.administrator} proposed it.", *_lines(answered)]
    if method.name == ROTATE:
        sentences.append("The hub goes on with it by itself. To have it done now: oncetold keys rotate")
    show({"method": answer.method, "answer": answered}, sentences, as_json=as_json)


@command(commands, "withdraw", example="oncetold --data ./hub proposals withdraw 0f6a4d38-… --as amina")
def withdraw(
    context: typer.Context, proposal_id: Id, name: As, key: Key = None, as_json: Json = False
) -> None:
    """Takes a proposal back, yours or another's: nobody can approve it any more."""
    from consent_ledger.administration import Act

    data = data_folder(context)
    request = WithdrawProposalRequest(
        request_id=str(uuid4()),
        proposal_id=proposal_id,
        administrator=name,
        signature=signature_of(data, find(data, proposal_id), Act.WITHDRAW, name, key),
    )
    answer = ask(data, lambda hub: hub.administration.WithdrawProposal, request)
    show({"position": position(answer.position)}, ["The proposal is withdrawn."], as_json=as_json)


@command(commands, "ratify", example="oncetold --data ./hub --administrator amina proposals ratify 1207")
def ratify(
    context: typer.Context,
    at: Annotated[int, typer.Argument(metavar="POSITION", min=1, help="The stop's ledger position.")],
    as_json: Json = False,
) -> None:
    """Proposes to stand by what one person stopped; another administrator approves that."""
    request = RatifyStopRequest(request_id=str(uuid4()), index=at)
    answer = ask(data_folder(context), lambda hub: hub.administration.RatifyStop, request)
    show({"position": position(answer.position)}, ["The stop is ratified."], as_json=as_json)


def find(data: Path, proposal_id: str) -> GetProposalResponse:
    """A proposal with the request that it would make. Raises Refused."""
    request = GetProposalRequest(proposal_id=proposal_id)
    return ask(data, lambda hub: hub.administration.GetProposal, request)


def signature_of(data: Path, found: GetProposalResponse, act: Act, name: str, key: Path | None) -> bytes:
    """What the named administrator puts to a proposal, with the key in their file. Raises BadFile."""
    from consent_ledger.administration import about_proposal, sign

    own = read_key(name, key_file(name, key))
    ledger = ask(data, lambda hub: hub.audit.GetLedger, GetLedgerRequest())
    statement = about_proposal(
        act,
        UUID(ledger.ledger_id),
        name,
        proposal_id=UUID(found.proposal.proposal_id),
        method=found.proposal.method,
        body=found.body,
    )
    return sign(own.seed, statement)


def _method(name: str) -> MethodDescriptor:
    """A call of the contract by its full name."""
    from google.protobuf.descriptor_pool import Default

    # Loaded with the client: every service that the operator calls is in the pool.
    return Default().FindMethodByName(name)


def _read(found: GetProposalResponse) -> dict[str, Any]:
    request = GetMessageClass(_method(found.proposal.method).input_type).FromString(found.body)
    return MessageToDict(request, preserving_proto_field_name=True)


def _lines(value: Any, indent: str = "    ") -> list[str]:
    """A message's fields, one to a line."""
    lines: list[str] = []
    for name, inner in value.items():
        items = inner if isinstance(inner, list) else [inner]
        for one in items:
            if isinstance(one, dict):
                lines += [f"{indent}{name}:", *_lines(one, f"{indent}    ")]
            else:
                lines.append(f"{indent}{name}: {one}")
    return lines
