"""Who administers the hub: two people found it by one-use codes, and are two from then on."""

from datetime import datetime, timedelta
from uuid import UUID

from consent_ledger import administration
from consent_ledger.domain import (
    Administrator,
    AdministratorCodes,
    FileRootAcceptance,
    Ratification,
    WindDownAuthorisation,
)
from consent_ledger.errors import Refused
from consent_ledger.log.note import VerifierKey
from consent_ledger.log.signing import signing_key
from consent_ledger.vocabulary import PostKind
from hub.projections.administration import NEEDED
from hub.projections.administration import Administration as Standing
from hub.projections.administration import Administrator as Signer
from hub.use_cases.work import ADMINISTRATION, Caller, Work

CODES_LAST = timedelta(minutes=15)
WIND_DOWN_WITHIN = timedelta(days=7)


def issue_codes(work: Work, caller: Caller, *, ledger_id: UUID) -> tuple[list[str], datetime, VerifierKey]:
    """Two one-use codes, until when they hold, and the ledger's public key, by which it is known.

    A new pair ends the one before. No call leads here, only whoever holds the ledger's lease. Raises
    `DECISION_STATE` once two administer the hub.
    """
    caller.require_operator()
    if len(work.index.administration.standing) >= NEEDED:
        raise Refused("DECISION_STATE")
    codes = [administration.new_code() for _ in range(NEEDED)]
    until = work.now + CODES_LAST
    issued = AdministratorCodes.begin(
        work.vault.opaque_id("administrator-codes", str(work.transaction.size)),
        labels=[_label(work, code) for code in codes],
        until=until.isoformat(),
    )
    work.save(issued, ADMINISTRATION)
    return codes, until, signing_key(work.transaction, ledger_id).verifier


def enrol(
    work: Work,
    caller: Caller,
    *,
    ledger_id: UUID,
    code: str,
    name: str,
    public_key: bytes,
    signature: bytes,
) -> tuple[int, bool]:
    """Enrols an administrator by a code: the entry's position, and whether there are two now.

    Raises `ADMINISTRATOR`, `ALREADY_EXISTS`, `SAME_PERSON`.
    """
    caller.require_operator()
    known = work.index.administration
    label = _label(work, code)
    until = known.codes.get(label)
    if until is None or work.now >= until:
        raise Refused("ADMINISTRATOR")
    position = _enrolled(work, ledger_id, name, public_key, signature, label)
    return position, known.founded or len(known.standing) + 1 >= NEEDED


def add(
    work: Work, caller: Caller, *, ledger_id: UUID, name: str, public_key: bytes, signature: bytes
) -> int:
    """Enrols one more, whom two others want. Raises `TWO_PEOPLE_NEEDED` before there are two, and as `enrol`.

    That two want it is seen to where every such call is (`Hub`): while a hub is founded there are codes.
    """
    caller.require_operator()
    if not work.index.administration.founded:
        raise Refused("TWO_PEOPLE_NEEDED")
    return _enrolled(work, ledger_id, name, public_key, signature, "")


def _enrolled(work: Work, ledger_id: UUID, name: str, public_key: bytes, signature: bytes, label: str) -> int:
    if not administration.is_signed(
        public_key, signature, administration.enrolment(ledger_id, name, public_key)
    ):
        raise Refused("ADMINISTRATOR")
    known = work.index.administration.administrators
    if name in known:
        raise Refused("ALREADY_EXISTS")
    if any(one.public_key == public_key for one in known.values()):
        raise Refused("SAME_PERSON")
    enrolled = Administrator.begin(
        _stream(work, name), name=name, public_key=public_key.hex(), code=label, signature=signature.hex()
    )
    return work.save(enrolled, ADMINISTRATION)


def end(work: Work, caller: Caller, *, ledger_id: UUID, name: str, by: str, signature: bytes) -> int:
    """Ends somebody's part, by the word of one administrator. Raises `ADMINISTRATOR`, `NOT_FOUND`."""
    caller.require_operator()
    signer(work, by, signature, administration.ending(ledger_id, by, name))
    if work.index.administration.signer(name) is None:
        raise Refused("NOT_FOUND")
    ended = work.repository.get(Administrator, _stream(work, name))
    ended.end(name, by, signature.hex())
    return work.save(ended, ADMINISTRATION)


def signer(work: Work, name: str, signature: bytes, statement: bytes) -> Signer:
    """The administrator who signed this. Raises `ADMINISTRATOR`, for a stranger and for another's key."""
    known = work.index.administration.signer(name)
    if known is None or not administration.is_signed(known.public_key, signature, statement):
        raise Refused("ADMINISTRATOR")
    return known


def standing(work: Work, caller: Caller) -> Standing:
    """Administrators, proposals and stops. Raises `OPERATOR_ONLY`."""
    caller.require_operator()
    return work.index.administration


def ratify_stop(work: Work, caller: Caller, *, position: int) -> int:
    """Records that two stand by a stop: the entry's position. Raises `NOT_FOUND`, `DECISION_STATE`."""
    caller.require_operator()
    stop = work.index.administration.stops.get(position)
    if stop is None:
        raise Refused("NOT_FOUND")
    if stop.ratified is not None:
        raise Refused("DECISION_STATE")
    identity = work.vault.opaque_id("ratification", str(position))
    return work.save(Ratification.begin(identity, position=position), ADMINISTRATION)


def accept_file_root(work: Work, caller: Caller, *, agency_id: str, accepted_by: str) -> int:
    """Records that a data protection officer accepts a root key in a file: the entry's position.

    The agency itself, or the operator. Raises `OPERATOR_ONLY`, `UNKNOWN_AGENCY`, `AGENCY_DEPARTED`, and
    `NOT_FOUND` unless that is who holds the agency's post.
    """
    if caller.agency_id != agency_id:
        caller.require_operator()
    work.require_agency(agency_id)
    post = work.index.agencies[agency_id].posts.get(PostKind.DATA_PROTECTION_OFFICER)
    if post is None or post.staff_reference != accepted_by:
        raise Refused("NOT_FOUND")
    identity = work.vault.opaque_id("file-root-acceptance", str(work.transaction.size))
    accepted = FileRootAcceptance.begin(
        identity, agency_id=agency_id, accepted_by=accepted_by, by=caller.name
    )
    return work.save(accepted, ADMINISTRATION)


def authorise_wind_down(work: Work, caller: Caller) -> int:
    """Lets the hub be wound up within a week: the entry's position. Raises `OPERATOR_ONLY`."""
    caller.require_operator()
    authorised = WindDownAuthorisation.begin(
        work.vault.opaque_id("wind-down-authorisation", str(work.transaction.size)),
        until=(work.now + WIND_DOWN_WITHIN).isoformat(),
    )
    return work.save(authorised, ADMINISTRATION)


def require_wind_down(work: Work, caller: Caller) -> None:
    """Raises `TWO_PEOPLE_NEEDED` where two administer the hub, and have not said that it ends now.

    Asked by the command itself, which holds the ledger's lease: it hands out what agencies may keep, and
    destroys every key.
    """
    caller.require_operator()
    known = work.index.administration
    if known.founded and (known.wind_down_until is None or work.now >= known.wind_down_until):
        raise Refused("TWO_PEOPLE_NEEDED")


def _label(work: Work, code: str) -> str:
    return work.vault.label("administrator-code", administration.as_typed(code)).hex()


def _stream(work: Work, name: str) -> UUID:
    return work.vault.opaque_id("administrator", name)
