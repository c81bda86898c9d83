"""Certificates: invited, enrolled, confirmed, renewed, revoked. What signs them is given to the hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from consent_ledger.domain import Agency
from consent_ledger.errors import Refused
from consent_ledger.vault import Vault
from consent_ledger.vocabulary import Term
from hub.enrolment.words import six_words
from hub.projections import consent_index
from hub.projections.certificates import Invitation
from hub.projections.consent_index import ConsentIndex
from hub.use_cases.hub import Hub
from hub.use_cases.issuer import Issuer
from hub.use_cases.work import ADMINISTRATION, Caller, Work

INVITED_FOR = timedelta(days=7)
"""How long a code opens the door, and how long a certificate may be fetched again with it."""
LASTS = timedelta(days=30)
MOST_KEYS = 8
"""Keys that speak under one URI at once: more are no overlap but a loop, or somebody else's."""
_CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 20


class RevocationReason(Term):
    """Why a key is revoked."""

    KEY_COMPROMISED = "KEY_COMPROMISED"
    DEVICE_LOST = "DEVICE_LOST"
    REPLACED = "REPLACED"
    NO_LONGER_USED = "NO_LONGER_USED"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An enrolment that somebody confirmed: what its certificate will say."""

    agency_id: str
    uri: str
    not_before: datetime
    not_after: datetime
    feed_ids: tuple[UUID, ...]


def require_issuer(hub: Hub) -> Issuer:
    """What signs. Raises `BAD_SIGNING_REQUEST` where the hub issues no certificates."""
    if hub.issuer is None:
        raise Refused("BAD_SIGNING_REQUEST", rule="no authority")
    return hub.issuer


def invite_adapter(work: Work, caller: Caller, *, agency_id: str, uri: str) -> tuple[UUID, datetime, int]:
    """Makes an invitation: (id, end, position). Its code is `code_of`. Raises `UNKNOWN_AGENCY`."""
    require_own(work, caller, agency_id)
    invitation_id = work.new_id()
    expires = work.now + INVITED_FOR
    agency = work.repository.get(Agency, _stream(work, agency_id))
    label = code_label(work.vault, code_of(work.vault, invitation_id))
    agency.invite(str(invitation_id), uri, label, expires.isoformat())
    return invitation_id, expires, work.save(agency, ADMINISTRATION)


def code_of(vault: Vault, invitation_id: UUID) -> str:
    """An invitation's code, in four groups. It is made of the id by a key, and kept nowhere."""
    number = int.from_bytes(vault.label("enrolment-code", invitation_id.bytes))
    letters = "".join(_CODE_LETTERS[number >> 5 * place & 31] for place in range(_CODE_LENGTH))
    return "-".join(letters[at : at + 5] for at in range(0, _CODE_LENGTH, 5))


def code_label(vault: Vault, code: str) -> str:
    """What the ledger keeps of a code, however somebody typed it."""
    typed = "".join(code.split()).replace("-", "").upper()
    return vault.label("enrolment-code-label", typed.translate(str.maketrans("OIL", "011"))).hex()


def enrolling(
    index: ConsentIndex, vault: Vault, now: datetime, *, code: str, public_key_sha256: bytes
) -> Confirmed | Invitation:
    """Whom a code lets in with this key: an invitation that waits, or what was confirmed.

    Raises `BAD_ENROLMENT`, always the same: whoever has no code learns nothing by trying.
    """
    found = index.invitations.get(code_label(vault, code))
    key = public_key_sha256.hex()
    if found is None or now >= found.expires or found.key not in ("", key):
        raise Refused("BAD_ENROLMENT")
    agency = index.agencies[found.agency_id]
    if agency.departed is not None or key in agency.revoked:
        raise Refused("BAD_ENROLMENT")
    if found.confirmed_at is None:
        return found
    feeds = tuple(one for one in agency.feeds if index.feeds[one].certificate_uri == found.uri)
    end = found.confirmed_at + LASTS
    return Confirmed(found.agency_id, found.uri, found.confirmed_at, end, feeds)


def take_code(work: Work, caller: Caller, *, code: str, public_key_sha256: bytes) -> None:
    """The first key that comes with a code takes it. Raises `BAD_ENROLMENT`."""
    found = enrolling(work.index, work.vault, work.now, code=code, public_key_sha256=public_key_sha256)
    if isinstance(found, Invitation) and not found.key:
        agency = work.repository.get(Agency, _stream(work, found.agency_id))
        agency.take_invitation(found.agency_id, str(found.invitation_id), public_key_sha256.hex())
        work.save(agency, ADMINISTRATION)


def confirm_enrolment(
    work: Work, caller: Caller, *, agency_id: str, words: Sequence[str]
) -> tuple[str, str, int]:
    """Lets the key with these words speak for the agency: (URI, key, position). Raises `NOT_FOUND`."""
    require_own(work, caller, agency_id)
    mine = [one for one in work.index.invitations.values() if one.agency_id == agency_id and one.key]
    found = [one for one in mine if six_words(bytes.fromhex(one.key)) == tuple(words)]
    for one in found:
        if one.confirmed_at is None and work.now < one.expires:
            agency = work.repository.get(Agency, _stream(work, agency_id))
            agency.confirm_invitation(agency_id, str(one.invitation_id), caller.name)
            # Whoever confirms vouches: should that be a thief with a stolen key, this one goes with it.
            agency.add_certificate(one.uri, one.key, (work.now + LASTS).isoformat(), caller.key_sha256)
            return one.uri, one.key, work.save(agency, ADMINISTRATION)
        if one.confirmed_at is not None:
            return one.uri, one.key, one.confirmed
    raise Refused("NOT_FOUND")


def renew_certificate(work: Work, caller: Caller, *, public_key_sha256: bytes) -> tuple[datetime, int]:
    """Takes a further key of the caller's own URI: (its certificate's end, position).

    Raises `BAD_SIGNING_REQUEST` for a key that is or was known, or too many.
    """
    uri, key = caller.certificate_uri or "", public_key_sha256.hex()
    known = work.index.agencies[caller.agency()]
    if key in known.origins:
        raise Refused("BAD_SIGNING_REQUEST", rule="a new key")
    keys = known.certificates[uri]
    if sum(1 for one in keys.values() if one.not_after is None or one.not_after > work.now) >= MOST_KEYS:
        raise Refused("BAD_SIGNING_REQUEST", rule="too many keys")
    agency = work.repository.get(Agency, _stream(work, known.agency_id))
    end = work.now + LASTS
    agency.add_certificate(uri, key, end.isoformat(), caller.key_sha256)
    return end, work.save(agency, ADMINISTRATION)


def revoke_certificate(
    work: Work,
    caller: Caller,
    *,
    agency_id: str,
    public_key_sha256: bytes,
    reason: RevocationReason,
    compromised_since: datetime | None,
) -> tuple[list[str], int]:
    """Ends a key, and what it renewed or let in since it may have been another's: (keys, position).

    Raises `NOT_FOUND`.
    """
    require_own(work, caller, agency_id)
    known, key = work.index.agencies[agency_id], public_key_sha256.hex()
    earlier = known.revoked.get(key)
    renewals = _renewals(known, key, compromised_since)
    if earlier is not None and not renewals:
        return [key], earlier.position
    if key not in known.origins:
        raise Refused("NOT_FOUND")
    agency = work.repository.get(Agency, _stream(work, agency_id))
    since = "" if compromised_since is None else compromised_since.isoformat()
    agency.revoke_certificate(agency_id, key, reason, since, renewals, caller.name)
    return [key, *renewals], work.save(agency, ADMINISTRATION)


def _renewals(known: consent_index.Agency, key: str, since: datetime | None) -> list[str]:
    """The keys that came of this one and are not revoked yet, by however many steps, each no earlier than
    `since`: also by way of keys that count no more."""
    found, waiting = [key], [key]
    while waiting:
        parent = waiting.pop()
        for name, origins in known.origins.items():
            if name not in found and any(
                one.renewed_from == parent and (since is None or one.at >= since) for one in origins
            ):
                found.append(name)
                waiting.append(name)
    return [name for name in found[1:] if name not in known.revoked]


def list_certificates(
    work: Work, caller: Caller, *, agency_id: str
) -> tuple[consent_index.Agency, list[Invitation]]:
    """An agency with its keys, and its open invitations, the oldest first."""
    require_own(work, caller, agency_id)
    open_ones = [
        one
        for one in work.index.invitations.values()
        if one.agency_id == agency_id and one.confirmed_at is None and work.now < one.expires
    ]
    return work.index.agencies[agency_id], sorted(open_ones, key=lambda one: one.expires)


def own_feeds(work: Work, caller: Caller) -> list[UUID]:
    """The feeds that were opened for the caller's URI."""
    feeds = work.index.feeds.values()
    return [one.feed_id for one in feeds if one.certificate_uri == caller.certificate_uri]


def require_own(work: Work, caller: Caller, agency_id: str) -> None:
    """Raises `OPERATOR_ONLY` for another agency's, `UNKNOWN_AGENCY`, `AGENCY_DEPARTED`."""
    if caller.agency_id != agency_id:
        caller.require_operator()
    work.require_agency(agency_id)


def _stream(work: Work, agency_id: str) -> UUID:
    return work.vault.opaque_id("agency", agency_id)
