"""What two administrators decide: one proposes a call word for word, another approves it, and it is made."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from consent_ledger.administration import Act, about_proposal
from consent_ledger.domain import Proposal
from consent_ledger.errors import Refused
from hub.projections import administration
from hub.projections.administration import ProposalState, Stop
from hub.use_cases.administration import signer
from hub.use_cases.hub import Request, labels_of, sealed_answer
from hub.use_cases.work import ADMINISTRATION, Caller, Work

T = TypeVar("T")

OPEN_FOR = timedelta(days=7)
"""How long a proposal can be approved."""


class Signed(NamedTuple):
    """An administrator's word: their name, and their signature of the act."""

    name: str
    signature: bytes


class Stored(NamedTuple):
    """A proposal with the call that it would make."""

    proposal: administration.Proposal
    body: bytes


def propose(
    work: Work,
    caller: Caller,
    *,
    ledger_id: UUID,
    proposal_id: UUID,
    method: str,
    body: bytes,
    signed: Signed,
    rehearsed: Callable[[Work], Any] | None,
) -> tuple[int, datetime]:
    """Keeps a call until another approves it: the entry's position, and until when it can be.

    `rehearsed` is tried and its entries are dropped; None for what cannot be tried without being done.
    Raises what the call itself would, `ADMINISTRATOR`, `ALREADY_EXISTS`.
    """
    caller.require_operator()
    statement = about_proposal(
        Act.PROPOSE, ledger_id, signed.name, proposal_id=proposal_id, method=method, body=body
    )
    signer(work, signed.name, signed.signature, statement)
    if proposal_id in work.index.administration.proposals:
        raise Refused("ALREADY_EXISTS")
    if rehearsed is not None:
        rehearsed(replace(work, drafts=[], afterwards=[]))
    until = work.now + OPEN_FOR
    proposal = Proposal.begin(
        _stream(work, proposal_id),
        proposal_id=proposal_id,
        method=method,
        body=base64.b64encode(body).decode(),
        by=signed.name,
        signature=signed.signature.hex(),
        until=until.isoformat(),
    )
    return work.save(proposal, ADMINISTRATION), until


def approve(
    work: Work,
    caller: Caller,
    *,
    ledger_id: UUID,
    proposal_id: UUID,
    signed: Signed,
    request: Request,
    use: Callable[[Work], T],
) -> T:
    """Records the approval and does what was proposed, with one append: both or neither.

    `use` is the proposed call's own use case, `request` the attempt it belongs to: whoever makes that very
    call again gets its answer. Raises what the call itself does, `NOT_FOUND`, `DECISION_STATE`,
    `ADMINISTRATOR`, `SAME_PERSON`.
    """
    caller.require_operator()
    found = stored(work, caller, proposal_id=proposal_id)
    _verify(work, ledger_id, Act.APPROVE, found, signed)
    known = work.index.administration
    if signed.name == found.proposal.by:
        raise Refused("SAME_PERSON")
    if not _is_open(work, found.proposal) or known.signer(found.proposal.by) is None:
        raise Refused("DECISION_STATE")
    label, mac = labels_of(work.vault, caller, request)
    if work.transaction.answered(label, mac) is not None:
        raise Refused("DECISION_STATE")  # it was made while the hub was being founded
    proposal = work.repository.get(Proposal, _stream(work, proposal_id))
    proposal.approve(proposal_id, signed.name, signed.signature.hex())
    work.save(proposal, ADMINISTRATION)
    answer = use(work)

    def remember() -> None:
        sealed = sealed_answer(work.vault, label, request.encode(answer))
        work.transaction.remember(label, mac, sealed)

    work.when_appended(remember)
    return answer


def withdraw(work: Work, caller: Caller, *, ledger_id: UUID, proposal_id: UUID, signed: Signed) -> int:
    """Takes a proposal back: the entry's position. Raises `NOT_FOUND`, `DECISION_STATE`, `ADMINISTRATOR`."""
    caller.require_operator()
    found = stored(work, caller, proposal_id=proposal_id)
    _verify(work, ledger_id, Act.WITHDRAW, found, signed)
    if not _is_open(work, found.proposal):
        raise Refused("DECISION_STATE")
    proposal = work.repository.get(Proposal, _stream(work, proposal_id))
    proposal.withdraw(proposal_id, signed.name, signed.signature.hex())
    return work.save(proposal, ADMINISTRATION)


def stored(work: Work, caller: Caller, *, proposal_id: UUID) -> Stored:
    """A proposal with its call, whatever became of it. Raises `OPERATOR_ONLY`, `NOT_FOUND`."""
    caller.require_operator()
    found = work.index.administration.proposals.get(proposal_id)
    if found is None:
        raise Refused("NOT_FOUND")
    kept = work.repository.get(Proposal, _stream(work, proposal_id))
    return Stored(found, base64.b64decode(kept.body))


def waiting(work: Work, caller: Caller) -> tuple[list[administration.Proposal], list[Stop]]:
    """Proposals that can be approved, and stops that nobody has ratified. Raises `OPERATOR_ONLY`."""
    caller.require_operator()
    known = work.index.administration
    return (
        [one for one in known.proposals.values() if _is_open(work, one)],
        [one for one in known.stops.values() if one.ratified is None],
    )


def _is_open(work: Work, proposal: administration.Proposal) -> bool:
    return proposal.state is ProposalState.OPEN and work.now < proposal.until


def _verify(work: Work, ledger_id: UUID, act: Act, found: Stored, signed: Signed) -> None:
    proposal = found.proposal
    statement = about_proposal(
        act,
        ledger_id,
        signed.name,
        proposal_id=proposal.proposal_id,
        method=proposal.method,
        body=found.body,
    )
    signer(work, signed.name, signed.signature, statement)


def _stream(work: Work, proposal_id: UUID) -> UUID:
    return work.vault.opaque_id("proposal", str(proposal_id))
