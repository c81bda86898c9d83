"""Where each segment's newest chunk is, so that what is added to it need not look."""

from collections import OrderedDict
from dataclasses import dataclass

_CHUNK_BYTES = 4 * 1024
_MOST_CLASSES = 255
_LABELS_KEPT = 32_768
"""Registrations whose segments' labels are kept: about half a KiB each."""


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


class Tails:
    """Where each segment's newest chunk is, and the classes written in it: what is added to it need not look.

    Of the segments written last only, and void once a transaction is rolled back. It holds no content.
    """

    def __init__(self, most: int = 50_000) -> None:
        self._known: OrderedDict[bytes, tuple[int, dict[bytes, int]]] = OrderedDict()
        self._labels: OrderedDict[bytes, bytes] = OrderedDict()
        self._most = most
        self.complete = False
        """Whether a segment that is not known has not been written."""

    def begin(self) -> None:
        """Nothing is written yet."""
        self.clear()
        self.complete = True

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
        self.complete = False
