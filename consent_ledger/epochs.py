"""Ends key epochs: a new epoch's key wraps every category's key anew, then the old one is destroyed.

With it dies every copy, in logs, replicas and backups, of each key that was destroyed while it lasted. The
work goes in steps, each a command of its own, so that a hub killed anywhere goes on where it was. The
provider's object goes last, once nothing durable hangs from it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from consent_ledger.entry import microseconds, moment
from consent_ledger.keys import KEY_ID_SIZE, KeyRing
from consent_ledger.root_keys.port import RootKeys
from consent_ledger.store.port import KeyRow, Reader, StoredKey

EPOCH = timedelta(days=30)
STEP = 500
"""Keys wrapped anew by one command: some ten milliseconds of the writer's time."""
_STARTED = "epoch"
"""State: when the epoch began, in microseconds, and the ledger's size then; 8 bytes each."""
_ENDING = "epochs-ending"
"""State: of each epoch that keys still hang from, its key's id and its object's."""
_ENDED = "epochs-ended"
"""State: objects that nothing hangs from any more, to be destroyed."""
_GONE = "epochs-gone"
"""State: of each epoch that was ended, up to where the ledger knew nothing of the next one, and when its
object is beyond recovery, in microseconds; 8 bytes each."""


class Progress(NamedTuple):
    """Where the change of epochs stands after a step."""

    remaining: int
    """Keys that still hang from an old epoch, its own among them. 0: done, or nothing was due."""
    began: bool = False
    gone_at: datetime | None = None
    """When the old epoch's object is beyond recovery; with the last step."""


class EndedEpoch(NamedTuple):
    """What was destroyed by an entry at or ahead of `position` is beyond recovery from `gone_at` on."""

    position: int
    gone_at: datetime


class Standing(NamedTuple):
    """The present epoch. `due`: when the next begins, if nobody asks for it earlier."""

    started: datetime
    due: datetime
    remaining: int


class StoredKeys(Protocol):
    """The part of a store that this reads."""

    def keys_by_id(self, key_ids: Sequence[bytes]) -> Sequence[StoredKey]: ...

    def keys_of_parent(self, parent_id: bytes, limit: int) -> Sequence[StoredKey]: ...

    def count_keys_of_parent(self, parent_id: bytes) -> int: ...


class Writes(Protocol):
    """The command that a step is part of."""

    @property
    def now(self) -> datetime: ...

    @property
    def clock_in_doubt(self) -> bool: ...

    @property
    def size(self) -> int: ...

    def state(self, name: str) -> bytes | None: ...

    def write_state(self, name: str, value: bytes | None) -> None: ...

    def replace_keys(self, old: Sequence[StoredKey], new: Sequence[KeyRow], *, removed: bool) -> None: ...


def ending_keys(state: bytes | None) -> list[bytes]:
    """Ids of the old epochs' keys that are still needed, out of the log's state `epochs-ending`."""
    return [key_id for key_id, _ in _pairs(state, KEY_ID_SIZE)]


class _View:
    """A look at a ledger, as the command that a look is part of."""

    clock_in_doubt = False

    def __init__(self, store: Reader, now: datetime, size: int) -> None:
        self.state = store.state
        self.now = now
        self.size = size

    def write_state(self, name: str, value: bytes | None) -> None:
        raise TypeError("a look changes nothing")

    def replace_keys(self, old: Sequence[StoredKey], new: Sequence[KeyRow], *, removed: bool) -> None:
        raise TypeError("a look changes nothing")


def read_standing(store: Reader, root: RootKeys, now: datetime) -> tuple[Standing, list[EndedEpoch]]:
    """How epochs stand, read beside whoever writes. Opens no key."""
    head = store.begin()
    try:
        epochs = EpochKeys(_View(store, now, head.size), store, KeyRing(root, store))
        return epochs.standing(), epochs.ended()
    finally:
        store.rollback()


class EpochKeys:
    """Epochs, as one command sees and changes them."""

    ENDING_STATE = _ENDING

    def __init__(self, command: Writes, stored: StoredKeys, keys: KeyRing) -> None:
        self._command = command
        self._stored = stored
        self._keys = keys

    def standing(self) -> Standing:
        """How it stands now. An epoch whose start is not known yet counts from now."""
        started = self._started() or self._command.now
        due = self._command.now if self._hangs_from_root() else started + EPOCH
        return Standing(started, due, self._remaining())

    def ended(self) -> list[EndedEpoch]:
        """Epochs that were ended, oldest first; of those that are beyond recovery only the last."""
        return [
            EndedEpoch(int.from_bytes(position), moment(int.from_bytes(gone)))
            for position, gone in _pairs(self._command.state(_GONE), 8)
        ]

    def objects(self) -> list[bytes]:
        """Ids of the provider's objects that every key hangs from: with them all of it dies."""
        ending = [object_id for _, object_id in _pairs(self._command.state(_ENDING), KEY_ID_SIZE)]
        ended = self._command.state(_ENDED)
        return [self._keys.epoch_row().parent_id, *ending, *([ended] if ended else [])]

    @property
    def hangs_from_root(self) -> bool:
        """Whether destroying them is not enough: a ledger that is older than epochs ends one first."""
        return self._hangs_from_root()

    def advance(self, *, force: bool = False, most: int = STEP) -> Progress:
        """One step. Begins an epoch if one is due, or by `force` if none is under way.

        Raises `KeysUnavailable`; then nothing has changed.
        """
        if self._command.state(_ENDED):
            return self._destroy()
        ending = _pairs(self._command.state(_ENDING), KEY_ID_SIZE)
        if ending:
            return self._move(*ending[0], most)
        if self._started() is None and not self._hangs_from_root() and not force:
            if not self._command.clock_in_doubt:
                self._note_start()
            return Progress(0)
        if force or (not self._command.clock_in_doubt and self.standing().due <= self._command.now):
            return self._begin()
        return Progress(0)

    def _begin(self) -> Progress:
        old = self._keys.epoch_row()
        ended = self._keys.ended(old)  # first: a provider that is away is not asked to make anything
        new = self._keys.new_epoch_key(self._keys.root.create())
        self._command.replace_keys([old], [ended, new], removed=False)
        self._command.write_state(_ENDING, old.key_id + old.parent_id)
        self._note_start()
        return Progress(self._stored.count_keys_of_parent(old.key_id) + 1, began=True)

    def _move(self, old_id: bytes, object_id: bytes, most: int) -> Progress:
        """Wraps some keys anew, or with the last of them lets go of the old epoch's."""
        rows = self._stored.keys_of_parent(old_id, most)
        if rows:
            present = self._keys.epoch_row().key_id
            new = self._keys.rewrapped(
                rows, self._keys.epoch_key(old_id), present, self._keys.epoch_key(present)
            )
            self._command.replace_keys(rows, new, removed=False)
            return Progress(self._remaining() - len(rows))
        gone = [row for row in self._stored.keys_by_id([old_id]) if row[1] == object_id]
        self._command.replace_keys(gone, [], removed=True)
        self._command.write_state(_ENDING, None)
        if object_id != self._keys.root.root_id:
            self._command.write_state(_ENDED, object_id)
            return Progress(1)
        return Progress(0, gone_at=self._note_end(self._command.now))

    def _destroy(self) -> Progress:
        object_id = self._command.state(_ENDED) or b""
        gone_at = self._keys.root.destroy(object_id)
        self._command.write_state(_ENDED, None)
        return Progress(0, gone_at=self._note_end(gone_at))

    def _note_start(self) -> None:
        started = microseconds(self._command.now).to_bytes(8) + self._command.size.to_bytes(8)
        self._command.write_state(_STARTED, started)

    def _note_end(self, gone_at: datetime) -> datetime:
        # Nothing was wrapped by the old epoch's key once the present one had begun.
        position = (self._command.state(_STARTED) or bytes(16))[8:]
        now, ended = self._command.now, self.ended()
        passed = [one for one in ended if one.gone_at <= now]
        known = passed[-1:] + [one for one in ended if one.gone_at > now]
        kept = b"".join(one.position.to_bytes(8) + microseconds(one.gone_at).to_bytes(8) for one in known)
        self._command.write_state(_GONE, kept + position + microseconds(gone_at).to_bytes(8))
        return gone_at

    def _started(self) -> datetime | None:
        state = self._command.state(_STARTED)
        return None if state is None else moment(int.from_bytes(state[:8]))

    def _hangs_from_root(self) -> bool:
        """As in ledgers that are older than epochs: such a key dies with no object of its own."""
        return self._keys.epoch_row().parent_id == self._keys.root.root_id

    def _remaining(self) -> int:
        ending = _pairs(self._command.state(_ENDING), KEY_ID_SIZE)
        waiting = 1 if ending or self._command.state(_ENDED) else 0
        return waiting + sum(self._stored.count_keys_of_parent(key_id) for key_id, _ in ending)


def _pairs(state: bytes | None, size: int) -> list[tuple[bytes, bytes]]:
    return list(_each_pair(state or b"", size))


def _each_pair(state: bytes, size: int) -> Iterator[tuple[bytes, bytes]]:
    for at in range(0, len(state), 2 * size):
        yield state[at : at + size], state[at + size : at + 2 * size]
