"""Proposes what one person may not do alone, in place of the command that was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID, uuid4

from hub.cli.administrators import Proposer, key_file, read_key
from hub.cli.errors import Proposed
from hub.cli.output import moment
from oncetold.v1.administration_service_pb2 import ProposeRequest
from oncetold.v1.audit_service_pb2 import GetLedgerRequest

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from hub.cli.connection import HubClient

Response = TypeVar("Response", bound="Message")
Calls = Callable[..., Awaitable[Response]]


async def propose(client: HubClient, call: Calls[Message], request: Message, who: Proposer) -> Proposed:
    """Signs the request as a proposal and hands it in: what there is to tell. Raises Refused, BadFile."""
    from consent_ledger.administration import Act, about_proposal, sign

    key = read_key(who.name, key_file(who.name, who.key))
    ledger = await call(client, lambda hub: hub.audit.GetLedger, GetLedgerRequest())
    proposal_id, body = uuid4(), request.SerializeToString(deterministic=True)
    method = method_of(request)
    statement = about_proposal(
        Act.PROPOSE,
        UUID(ledger.ledger_id),  # type: ignore[attr-defined]
        who.name,
        proposal_id=proposal_id,
        method=method,
        body=body,
    )
    asked = ProposeRequest(
        request_id=str(uuid4()),
        proposal_id=str(proposal_id),
        method=method,
        body=body,
        administrator=who.name,
        signature=sign(key.seed, statement),
    )
    answer = await call(client, lambda hub: hub.administration.Propose, asked)
    until = moment(answer.until_time)  # type: ignore[attr-defined]
    return Proposed(str(proposal_id), method.rpartition(".")[2], who.name, until)


def method_of(request: Message) -> str:
    """The full name of the one call that takes this request: both stand in the same file of the contract."""
    [method] = [
        method.full_name
        for service in request.DESCRIPTOR.file.services_by_name.values()
        for method in service.methods
        if method.input_type is request.DESCRIPTOR
    ]
    return method
