"""The operator says that the clock is right again; it is recorded before anything is decided by it."""

from consent_ledger.clock import TOLERANCE
from consent_ledger.domain import ClockAcceptance, recording_time
from consent_ledger.entry import EntryClass
from consent_ledger.ledger import Transaction
from consent_ledger.repository import Repository
from hub.use_cases.hub import Hub
from hub.use_cases.work import ADMINISTRATION, Caller


async def accept_clock(hub: Hub, caller: Caller) -> bool:
    """Takes the clock as right from here on; true when the hub has to wait all the same.

    It waits while its last entry lies more than two minutes ahead: time in the ledger never runs back, and
    decisions taken meanwhile would rest on a time that is known to be wrong. Nothing is recorded where
    nothing was in doubt. Raises `OPERATOR_ONLY`.
    """
    caller.require_operator()

    def command(transaction: Transaction) -> bool:
        clock = hub.ledger.clock
        doubted = transaction.clock_in_doubt
        # Here, on the writer's thread: no other command decides by the new time before it is recorded.
        clock.accept()
        if clock.in_doubt() or transaction.now - clock.now() > TOLERANCE:
            return True
        if doubted:
            recording_time.set(transaction.now)
            identity = transaction.vault.opaque_id("clock-acceptance", str(transaction.size))
            acceptance = ClockAcceptance.begin(identity, by=caller.name)
            drafts = Repository(transaction).drafts(
                acceptance, owner=ADMINISTRATION, entry_class=EntryClass.ADMINISTRATION, changes_policy=False
            )
            transaction.append(drafts, decided_at=transaction.size)
        return False

    return await hub.ledger.run(command)
