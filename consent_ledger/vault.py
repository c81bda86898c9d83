"""Labels, and cells sealed under the key of whom they are about."""

from typing import Protocol
from uuid import UUID

from consent_ledger.entry import KeyOwner


class Vault(Protocol):
    """Interface first; the implementation follows."""

    def label(self, *parts: bytes | str) -> bytes: ...

    def opaque_id(self, *parts: bytes | str) -> UUID: ...

    def seal_cell(self, owner: KeyOwner, context: bytes, plaintext: bytes) -> bytes: ...

    def open_cell(self, owner: KeyOwner, context: bytes, sealed: bytes) -> bytes: ...
