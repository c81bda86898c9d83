"""Labels and ids for roots that never show their key. A label is no secret."""

from hashlib import sha256

from consent_ledger.root_keys.port import OBJECT_ID_SIZE


def name_label(name: str) -> bytes:
    """Under which the ledger's own key of this name stands."""
    return sha256(b"oncetold.org/key-label/v1\n" + name.encode()).digest()


def id_of_name(name: str) -> bytes:
    """The id of a provider's object that is found by its name alone."""
    return sha256(b"oncetold.org/root-id/v1\n" + name.encode()).digest()[:OBJECT_ID_SIZE]
