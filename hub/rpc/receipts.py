"""Retraction receipts: opened and verified before anything is made of them.

A receipt states where was looked. One that says ERASED although its own words leave a place out, or that says
two things of one place, is refused: what an agency signs is what a person is told (SAFETY H33).
"""

import re
from datetime import date, datetime
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
    if contradicts_itself(statement) or overclaims(statement):
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


def overclaims(statement: messages.RetractionStatement) -> bool:
    """Whether it says ERASED although the live rows, a history, an index or the backups are left out."""
    if statement.outcome != messages.RETRACTION_OUTCOME_ERASED:
        return False
    looked, left_out = set(statement.looked_at), set(statement.not_looked_at)
    if "live-rows" not in looked:
        return True
    if any(looked.isdisjoint((place, f"no-{place}")) for place in _BESIDE_THE_ROWS):
        return True
    return not any(_speaks_of_backups(word) for word in looked | left_out)


def contradicts_itself(statement: messages.RetractionStatement) -> bool:
    """Whether a place was looked at and was not, is there and is not, or is left out though there is none."""
    looked, left_out = set(statement.looked_at), set(statement.not_looked_at)
    absent = {word.removeprefix("no-") for word in looked if word.startswith("no-")}
    present = {word.partition(":")[0].removesuffix("-until") for word in looked | left_out}
    if any(word.startswith("no-") for word in left_out):
        return True
    return bool(looked & left_out or absent & present)


_BESIDE_THE_ROWS = ("version-history", "search-index")
_BACKUPS_UNTIL = re.compile(r"backups-until:(\d{4}-\d{2}-\d{2})")


def _speaks_of_backups(word: str) -> bool:
    until = _BACKUPS_UNTIL.fullmatch(word)
    if until is None:
        return word in ("backups", "no-backups")
    try:
        date.fromisoformat(until[1])
    except ValueError:
        return False
    return True


def _fragment_id(statement: messages.RetractionStatement) -> UUID:
    try:
        return UUID(statement.fragment_id)
    except ValueError:
        raise Refused("BAD_RECEIPT") from None
