"""The ledger's aggregates within a transaction, over the closed set of topics."""

from consent_ledger.domain import TOPICS
from consent_ledger.ledger import Transaction
from consent_ledger.mapper import ClosedMapper
from consent_ledger.repository import Repository

_MAPPER = ClosedMapper(TOPICS)


def repository(transaction: Transaction) -> Repository:
    """Reads aggregates and turns their new events into drafts."""
    return Repository(transaction, _MAPPER)
