"""Where each segment's newest chunk is, so that what is added to it need not look; in a replay, the chunk."""

from collections import OrderedDict
from dataclasses import dataclass

_CHUNK_BYTES = 6 * 1024
"""Of content, after which a chunk takes no more: sealed, it then fills most of a page of the database."""
_MOST_CLASSES = 255
_LABELS_KEPT = 32_768
"""Registrations whose segments' labels are kept: about half a KiB each."""
_MOST_WAITING = 256 * 1024 * 1024
"""Bytes of newest chunks that a replay keeps in memory."""
_TAIL_BYTES = 700
"""What a newest chunk takes beside its content."""


@dataclass(slots=True)
class Tail:
    """A segment's newest chunk, to which the next fragment is added."""

    number: int
    chunk: bytearray
    classes: dict[bytes, int]

    @property
    def is_full(self) -> bool:
        """Whether the next fragment begins a chunk of its own."""
        return len(self.chunk) >= _CHUNK_BYTES or len(self.classes) >= _MOST_CLASSES


Waiting = dict[tuple[bytes, int], Tail]
"""By registration, and by the place of the category's label."""


class Tails:
    """Where each segment's newest chunk is, and the classes written in it: what is added to it need not look.

    Of the segments written last only, and void once a transaction is rolled back. It holds no content but
    while a ledger is replayed from its start: a chunk is then written when it is full, and what is not full
    `waiting` here until the replay's end, or each would be read and sealed anew at every step of the way.
    """

    def __init__(self, most: int = 50_000) -> None:
        self._known: OrderedDict[bytes, tuple[int, dict[bytes, int]]] = OrderedDict()
        self._labels: OrderedDict[bytes, bytes] = OrderedDict()
        self._most = most
        self.complete = False
        """Whether a segment that is not known has not been written."""
        self.replaying = False
        """Whether chunks wait from step to step."""
        self.waiting: Waiting = {}

    def begin(self, *, alone: bool) -> None:
        """Nothing is written yet. Unless `alone`, others may go on with it at any step: nothing may wait."""
        self.clear()
        self.complete = True
        self.replaying = alone

    @property
    def too_much_waits(self) -> bool:
        """Whether the chunks that wait take more memory than they may."""
        content = sum(len(tail.chunk) for tail in self.waiting.values())
        return content + len(self.waiting) * _TAIL_BYTES > _MOST_WAITING

    @property
    def too_many_wait(self) -> bool:
        """Whether they would take too much even without their content."""
        return 2 * len(self.waiting) * _TAIL_BYTES > _MOST_WAITING

    def get(self, prefix: bytes) -> tuple[int, dict[bytes, int]] | None:
        """Number and classes of the segment's newest chunk, if known."""
        return self._known.get(prefix)

    def keep(self, prefix: bytes, number: int, classes: dict[bytes, int]) -> None:
        """What is newest now."""
        self._known[prefix] = (number, classes)
        self._known.move_to_end(prefix)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
            self.complete = False

    def labels(self, registration_id: bytes) -> bytes | None:
        """The labels of the registration's segments, if they were made lately."""
        return self._labels.get(registration_id)

    def keep_labels(self, registration_id: bytes, labels: bytes) -> None:
        """They follow from the ledger's own key, so that nothing makes them void."""
        self._labels[registration_id] = labels
        if len(self._labels) > _LABELS_KEPT:
            self._labels.popitem(last=False)

    def clear(self) -> None:
        """Nothing is known any more of where segments end."""
        self._known.clear()
        self.waiting.clear()
        self.complete = self.replaying = False
