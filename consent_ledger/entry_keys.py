"""The keys that some entries need, found together when the first of them is asked for."""

from collections.abc import Sequence
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.errors import KeyErased


class Ring(Protocol):
    """What finds them."""

    def kept(self, key_id: bytes) -> AESGCM | None: ...

    def key(self, key_id: bytes) -> AESGCM: ...

    def fragment_keys(self, after: int, through: int) -> tuple[dict[bytes, AESGCM], set[bytes]]: ...


class EntryKeys(dict[bytes, AESGCM]):
    """Keys by their ids, found when they are first asked for: those of fragments all at once."""

    def __init__(self, ring: Ring, ranges: Sequence[tuple[int, int]]) -> None:
        """`ranges`: (after, through) of the positions that fragments' keys are looked for at."""
        super().__init__()
        self._ring = ring
        self._unread = ranges
        self._erased: set[bytes] = set()

    def __missing__(self, key_id: bytes) -> AESGCM:
        """Raises `KeyErased` for one that was destroyed, `KeyMissing` for one that is not there."""
        key = self._ring.kept(key_id)
        if key is None and self._unread:
            for after, through in self._unread:
                found, erased = self._ring.fragment_keys(after, through)
                self.update(found)
                self._erased |= erased
            self._unread = ()
            key = self.get(key_id)
        if key is None:
            if key_id in self._erased:
                raise KeyErased(reason="destroyed")
            key = self._ring.key(key_id)
        self[key_id] = key
        return key
