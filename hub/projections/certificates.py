"""Which keys speak for an agency, which never do again, and who may come by one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CertificateKey:
    """One key that speaks for an agency under a URI: `position` and `at` are its entry's.

    `not_after` is its certificate's end, `None` where the operator named only the key; `renewed_from` the key
    that asked for it, or confirmed it.
    """

    position: int
    at: datetime
    not_after: datetime | None = None
    renewed_from: str = ""


@dataclass(frozen=True, slots=True)
class KeyOrigin:
    """That a key was let in under a URI, when, and by which other key; empty: by the operator.

    Kept for as long as the agency: what came of a stolen key is revoked with it years later, though the keys
    between them were replaced, revoked or ended long ago.
    """

    uri: str
    at: datetime
    renewed_from: str = ""


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """A key that was an agency's under `uri`, and never is again."""

    uri: str
    position: int
    at: datetime
    reason: str
    compromised_since: datetime | None


@dataclass(slots=True)
class Invitation:
    """A code by which an adapter enrols. `key` is the one that came with it, empty while none has.

    `confirmed` is the position at which somebody confirmed its six words, and `confirmed_at` when.
    """

    invitation_id: UUID
    agency_id: str
    uri: str
    expires: datetime
    key: str = ""
    confirmed: int = 0
    confirmed_at: datetime | None = None


def agency_named_in(uri: str) -> str:
    """The agency's id in `spiffe://<hub>/agency/<agency id>/adapter/<n>`; empty for any other name."""
    pieces = uri.split("/")
    return pieces[4] if len(pieces) == 7 and pieces[0] == "spiffe:" else ""
