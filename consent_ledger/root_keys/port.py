"""What the ledger asks of whoever keeps its root: a file, a token, a key service.

The *root object* wraps the ledger's own keys and is never destroyed. Each epoch has an *object* of its own,
which is: with it dies every copy of every key that was ever wrapped beneath. No key of either leaves the
provider where it can help it. One suite, `tests/keys`, holds every provider to this.
"""

from datetime import datetime
from typing import Protocol

OBJECT_ID_SIZE = 16


class RootKeys(Protocol):
    """One ledger's root. Calls may take as long as a network does; they belong to the writer thread.

    Every call may raise `KeysUnavailable`, which tells what to do.
    """

    @property
    def root_id(self) -> bytes:
        """Of the root object: 16 bytes, always the same."""
        ...

    def name_label(self, name: str) -> bytes:
        """32 bytes under which the ledger's own key of this name stands in the key table."""
        ...

    def create(self) -> bytes:
        """Makes an epoch's object, durably, and returns its id: 16 bytes."""
        ...

    def wrap(self, object_id: bytes, key: bytes, context: bytes) -> bytes:
        """`key` (32 bytes) under an object, opening only with the same `context`. Raises `UnsealFailed`."""
        ...

    def unwrap(self, object_id: bytes, wrapped: bytes, context: bytes) -> bytes:
        """The reverse. `UnsealFailed`: altered, another context, or an object that was destroyed."""
        ...

    def destroy(self, object_id: bytes) -> datetime:
        """Destroys an epoch's object, and says when it is beyond recovery. Repeating it says the same."""
        ...

    def destroyed(self, object_id: bytes) -> bool:
        """Whether the object can unwrap no more. An object that never was counts as destroyed."""
        ...
