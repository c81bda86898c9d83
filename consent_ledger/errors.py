"""Every refusal and failure of OnceTold, as data: a code, ids, and what to do next.

`code` is the name of an `ErrorReason` of the contract without its prefix, so that `hub/rpc/status.py`
alone decides the gRPC status. `details` holds codes and ids, never what anybody wrote about a client.
"""

from typing import ClassVar
from uuid import UUID


class OnceToldError(Exception):
    """A refusal or failure. `code` names it, `details` says where, `next_step` what helps."""

    code: str = "INTERNAL"
    next_step: str = "Give the error id to the operator."

    def __init__(self, **details: object) -> None:
        self.details: dict[str, str] = {name: str(value) for name, value in details.items()}
        super().__init__(self.code, self.details)

    def __str__(self) -> str:
        found = ", ".join(f"{name}={value}" for name, value in self.details.items())
        return f"{self.code}{f' ({found})' if found else ''}: {self.next_step}"


class Refused(OnceToldError):
    """A use case says no. `code` is an `ErrorReason` name without its prefix."""

    next_step = "See the comment on this reason in error_reason.proto."

    def __init__(self, code: str, **details: object) -> None:
        self.code = code
        super().__init__(**details)


class LedgerError(OnceToldError):
    """Something between a command and its durable entries."""


class StalePolicy(LedgerError):
    """An entry that changes decisions stands behind the position this one was decided at."""

    code = "UNAVAILABLE"
    next_step = "Read on to `policy_position`, decide again, then append."

    def __init__(self, decided_at: int, policy_position: int) -> None:
        self.decided_at = decided_at
        self.policy_position = policy_position
        super().__init__(decided_at=decided_at, policy_position=policy_position)


class StreamConflict(LedgerError):
    """The stream's next version is another one than the draft's."""

    code = "STALE_REVISION"
    next_step = "Read the stream again, then append."

    def __init__(self, stream_id: UUID, expected: int) -> None:
        self.stream_id = stream_id
        self.expected = expected
        super().__init__(stream_id=stream_id, expected=expected)


class RequestReused(LedgerError):
    """This request id was answered before, for another body."""

    code = "REQUEST_ID_REUSED"
    next_step = "Make a new request id for a new attempt."


class AggregateNotFound(LedgerError):
    """No entry stands in this stream."""

    code = "NOT_FOUND"
    next_step = "Check the id."

    def __init__(self, aggregate_id: UUID) -> None:
        self.aggregate_id = aggregate_id
        super().__init__(aggregate_id=aggregate_id)


class EntryNotFound(LedgerError):
    """The ledger does not reach to this position."""

    code = "NOT_FOUND"
    next_step = "Ask for a position from 1 to the ledger's size."

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__(position=position)


class UnknownTopic(LedgerError):
    """An event of a kind that this version does not know; nothing is guessed from its name."""

    next_step = "Run the version that wrote the entry, or a later one."


class LedgerClosed(LedgerError):
    """The hub is stopping."""

    code = "UNAVAILABLE"
    next_step = "Try again once the hub has started."


class ProofRefused(OnceToldError):
    """A note, checkpoint, proof, tile or policy is malformed or does not verify. Nothing of it is trusted."""

    next_step = "Do not rely on it. Get it anew from whoever gave it, and keep this one as evidence."

    def __init__(self, reason: str, **details: object) -> None:
        self.reason = reason
        super().__init__(reason=reason, **details)


class VaultError(OnceToldError):
    """Something between a key and what it seals."""


class UnsealFailed(VaultError):
    """What was stored does not open with its key and context: it was altered, moved, or its key is gone."""

    next_step = "Restore the database from a backup and its key table, then check the ledger."


class KeyMissing(UnsealFailed):
    """No stored key of this id opens: its row is gone or altered."""


class KeyErased(UnsealFailed):
    """The key was destroyed, and this ledger says so: its content was erased, and nothing is damaged."""


class KeysUnavailable(VaultError):
    """Who keeps the root key does not answer, or does not let the hub use it."""

    code = "KEYS_UNAVAILABLE"

    def __init__(self, provider: str, problem: str, next_step: str) -> None:
        self.next_step = next_step
        super().__init__(provider=provider, problem=problem)


class KeyFileRefused(VaultError):
    """The root key file is missing, not 32 bytes, readable by others, or of another ledger."""

    code = "UNAVAILABLE"

    def __init__(self, problem: str, next_step: str) -> None:
        self.next_step = next_step
        super().__init__(problem=problem)


class StorageError(OnceToldError):
    """The database or the disk under it."""

    code = "UNAVAILABLE"
    fatal: ClassVar[bool] = False
    """True: whether the last commit is durable is unknown, so nothing more is written until reopened."""


class StorageFull(StorageError):
    """The disk is full. What was acknowledged is intact; reads go on."""

    code = "STORAGE_FULL"
    next_step = "Free disk space; nothing needs to be repaired."


class StorageFailed(StorageError):
    """The disk or database failed. Nothing more is written until the ledger is opened again."""

    fatal = True
    next_step = "Check the disk, then restart the hub."


class StorageUnreachable(StorageError):
    """The database server does not answer, or ended the connection. A new one is made by itself.

    Whether the last commit is durable is unknown to whoever was waiting for it, and decided: their requests,
    repeated with the same ids, get the answers that are right.
    """

    next_step = "Repeat the request. If it lasts, look whether the database server runs and can be reached."


class StreamTaken(StorageError):
    """The database holds this version of the stream already. Nothing of the commit was stored."""

    code = "STALE_REVISION"
    next_step = "Read the stream again, then append."


class EntryCorrupt(StorageError):
    """The bytes stored at this position are not those that were appended."""

    code = "INTERNAL"
    next_step = (
        "Run `oncetold ledger check` to see all that is damaged, then restore the database from a backup. "
        "Never delete or repair an entry: it may be somebody's withdrawal."
    )

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__(position=position)


class LedgerShortened(StorageError):
    """The ledger is shorter than it was: entries that were acknowledged are gone."""

    fatal = True
    next_step = (
        "Its log (`ledger.db-wal`) was cut off or taken away, or an older copy was put here. Bring the log "
        "back if you can; otherwise restore the newest backup into an empty folder, put this folder's file "
        "`checkpoint` beside it, and start the hub there: it says how to go on. Never go on from here: a "
        "withdrawal may be among what is gone."
    )

    def __init__(self, noted: int, size: int) -> None:
        self.noted = noted
        self.size = size
        super().__init__(noted=noted, size=size)


class LogDamaged(StorageError):
    """What is stored of the log does not lead to its signed checkpoint. Nothing of it is served or signed."""

    code = "INTERNAL"
    next_step = (
        "Run `oncetold ledger fsck` to see what is damaged. The hub goes on serving, but signs no checkpoint "
        "until the log is whole. Never delete or repair an entry: it may be somebody's withdrawal."
    )


_NEW_ORIGIN = (
    "If an older backup was restored, or the database came back behind where it was, bring back the newest "
    "one if you can. If you cannot: stop every hub of this ledger, run `oncetold ledger new-origin`, and "
    "tell every agency and witness, because what they were told after the backup is not in this ledger "
    "any more."
)


class LedgerRolledBack(StorageFailed):
    """The ledger is shorter than the last checkpoint signed for it, which is kept outside the database."""

    next_step = _NEW_ORIGIN

    def __init__(self, noted: int, size: int) -> None:
        super().__init__(noted=noted, size=size)


class LedgerDiverged(StorageFailed):
    """The entries are not those that the last checkpoint, kept outside the database, was signed for."""

    next_step = _NEW_ORIGIN

    def __init__(self, noted: int) -> None:
        super().__init__(noted=noted)


class CheckpointMissing(StorageError):
    """The database holds a checkpoint, and nothing outside it tells whether that is the last one."""

    next_step = (
        "Put back the file of the last checkpoint: from this hub's old data folder, or from a witness (there "
        "it ends in `.checkpoint`). If nobody has one: run `oncetold ledger new-origin --unknown`."
    )


class CheckpointUnusable(StorageError):
    """What is kept outside the database as the last checkpoint was not signed by this ledger."""

    next_step = (
        "Put back the right file, from this hub's old data folder or from a witness. Do not delete it: it "
        "tells whether the database is the newest one."
    )


class BackupRefused(StorageError):
    """A backup cannot be made or restored as it was asked for. Nothing was changed."""

    def __init__(self, problem: str, next_step: str, **details: object) -> None:
        self.next_step = next_step
        super().__init__(problem=problem, **details)


class NoCheckpoint(LedgerError):
    """No checkpoint of this ledger was ever signed, or none covers what is asked for."""

    code = "NOT_YET_COVERED"
    next_step = (
        "Start the hub and let it run for a second: it signs the ledger's head whenever it has changed."
    )


class ExportRefused(LedgerError):
    """The folder holds something else than an export of this log."""

    code = "ALREADY_EXISTS"
    next_step = "Name an empty folder, or one that this ledger's log was exported to before."


class AnswerDamaged(StorageError):
    """The answer that was remembered for this request id was altered; what was done is in the ledger."""

    code = "INTERNAL"
    next_step = "Look at what the request did, then use a new request id for what is left."


class LedgerInUse(StorageError):
    """Another process holds this ledger: one writes at a time."""

    next_step = "Stop that process, or go through its socket."

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        super().__init__(pid="unknown" if pid is None else pid)


class LedgerMissing(StorageError):
    """There is no ledger here."""

    next_step = "Create it first (`oncetold init`), or name the right place."


class LedgerExists(StorageError):
    """There is a ledger here already; it is never overwritten."""

    next_step = "Open it, or name another place."


class StorageUnsupported(StorageError):
    """No backend of this kind is built in, or the database cannot keep what a ledger promises."""

    next_step = "Give a file path, a sqlite:/// URL or a postgresql:// URL."

    def __init__(self, next_step: str = "", **details: object) -> None:
        if next_step:
            self.next_step = next_step
        super().__init__(**details)


class LayoutOlder(StorageUnsupported):
    """The tables are those of an earlier version. Nothing was changed."""

    def __init__(
        self,
        layout: int,
        known: int,
        next_step: str = "Stop every hub of this ledger, make a backup, then run `oncetold ledger upgrade`.",
    ) -> None:
        self.layout = layout
        super().__init__(next_step, layout=layout, known=known)


class LayoutNewer(StorageUnsupported):
    """The tables are those of a later version than this program. Nothing was changed."""

    def __init__(self, layout: int, known: int) -> None:
        self.layout = layout
        super().__init__(
            "Use the newer program, which made them so: this one would not understand what it reads.",
            layout=layout,
            known=known,
        )
