"""Retraction receipts: opened and verified before anything is made of them."""

from datetime import datetime
from uuid import UUID

from google.protobuf.message import DecodeError

from consent_ledger.errors import Refused
from hub.pki import has_signed
from hub.records import validation
from hub.records.enums import term_of
from hub.use_cases.deliver import SignedReceipt
from hub.use_cases.work import Caller
from oncetold.v1 import delivery_service_pb2 as messages


def verified(receipt: messages.RetractionReceipt, caller: Caller, now: datetime) -> SignedReceipt:
    """What a receipt states. Raises BAD_RECEIPT unless the caller's key signed a sound statement."""
    key = caller.public_key_der
    if key is None or not has_signed(key, receipt.statement, receipt.signature):
        raise Refused("BAD_RECEIPT")
    statement = messages.RetractionStatement()
    try:
        statement.MergeFromString(receipt.statement)
        validation.check(statement, now)
    except (DecodeError, Refused):
        raise Refused("BAD_RECEIPT") from None
    keeps = statement.outcome == messages.RETRACTION_OUTCOME_RETAINED_OWN_BASIS
    if statement.sequence != receipt.sequence or keeps != bool(statement.own_basis):
        raise Refused("BAD_RECEIPT")
    outcome = term_of(messages.RetractionOutcome.DESCRIPTOR, statement.outcome)
    return SignedReceipt(
        sequence=receipt.sequence,
        statement=receipt.statement,
        signature=receipt.signature,
        feed_id=UUID(statement.feed_id),
        epoch=statement.epoch,
        fragment_id=_fragment_id(statement),
        delivery_sha256=statement.delivery_sha256,
        outcome=str(outcome),
    )


def _fragment_id(statement: messages.RetractionStatement) -> UUID:
    try:
        return UUID(statement.fragment_id)
    except ValueError:
        raise Refused("BAD_RECEIPT") from None
