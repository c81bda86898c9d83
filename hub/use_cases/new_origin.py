"""After a restore: the log goes on under a new origin, whose first entry is what was signed last before.

The old origin is never signed again, so nobody is shown two histories under one name.
"""

from pathlib import Path

from consent_ledger.domain import LedgerOrigin, recording_time
from consent_ledger.entry import EntryClass
from consent_ledger.errors import CheckpointMissing, CheckpointUnusable
from consent_ledger.ledger import Ledger, Transaction
from consent_ledger.log.checkpointer import CHECKPOINT_STATE, Checkpointer
from consent_ledger.log.gate import checkpoint_of, read_checkpoint_file, write_checkpoint_file
from consent_ledger.log.note import VerifierKey
from consent_ledger.log.signing import ORIGIN_STATE, numbered_origin, origin_number, signing_key
from consent_ledger.repository import Repository
from hub.use_cases.work import ADMINISTRATION


async def begin_new_origin(
    ledger: Ledger, kept: Path, *, witnessed: bytes | None = None, unknown: bool = False
) -> VerifierKey:
    """Begins the next origin and signs its first checkpoint into the file `kept`; answers its key.

    `witnessed`: the last checkpoint that a witness kept; without it, what the file holds. With `unknown`
    neither is needed. What the file held stays beside it, under the old origin's number. Raises
    `CheckpointMissing`, `CheckpointUnusable`.
    """
    own = read_checkpoint_file(kept)
    last = witnessed or own
    if last is None and not unknown:
        raise CheckpointMissing()

    def command(transaction: Transaction) -> tuple[VerifierKey, int]:
        key = signing_key(transaction, ledger.ledger_id)
        notes = [note for note in (witnessed, own) if note is not None]
        origins = [key.name, *(checkpoint_of(note, key).origin for note in notes)]
        numbers = [origin_number(origin, ledger.ledger_id) for origin in origins]
        found = [number for number in numbers if number is not None]
        if len(found) != len(numbers):
            raise CheckpointUnusable()
        origin = numbered_origin(max(found) + 1, ledger.ledger_id)
        recording_time.set(transaction.now)
        begun = LedgerOrigin.begin(
            transaction.vault.opaque_id("ledger-origin", origin),
            origin=origin,
            checkpoint=(last or b"").decode(),
            restored_size=transaction.size,
        )
        drafts = Repository(transaction).drafts(
            begun, owner=ADMINISTRATION, entry_class=EntryClass.ADMINISTRATION, changes_policy=False
        )
        transaction.append(drafts, decided_at=transaction.size)
        transaction.write_state(ORIGIN_STATE, origin.encode())
        # The checkpoint of the old origin: what follows is signed under the new one only.
        transaction.write_state(CHECKPOINT_STATE, None)
        return signing_key(transaction, ledger.ledger_id).verifier, max(found)

    verifier, before = await ledger.run(command)
    if own is not None:
        write_checkpoint_file(kept.with_name(f"{kept.name}.{before}"), own)
    signed = await Checkpointer(ledger).catch_up()
    write_checkpoint_file(kept, signed.note)
    return verifier
