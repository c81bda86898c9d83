"""Agreements: drafted by the operator, signed by each party, ended by any."""

from datetime import datetime
from typing import Any

from consent_ledger.domain import Agreement
from consent_ledger.errors import Refused
from consent_ledger.vocabulary import LawfulBasis
from hub.use_cases.settle import agreement_stream
from hub.use_cases.work import ADMINISTRATION, Caller, Work

_BARRED_TO_PUBLIC_AUTHORITIES = (LawfulBasis.A6_1_EA, LawfulBasis.A6_1_F)


def draft_agreement(work: Work, caller: Caller, *, content: dict[str, Any]) -> tuple[int, int]:
    """Drafts a version: its number and position.

    `content` holds agreement_id, title, start_time and end_time (ISO 8601), notice_id; parties of {agency_id,
    receives_only, bases: [{purpose, lawful_basis, article9, article10}]}; rows of {category, purpose, on_end,
    self_captured_restricted, retention_days}. Raises `UNKNOWN_AGENCY`, `NO_LAWFUL_BASIS`, `BASIS_BARRED`,
    `IMPOSSIBLE_TIME`, `INVALID_FIELD` for two bases of one purpose.
    """
    caller.require_operator()
    if datetime.fromisoformat(content["end_time"]) <= datetime.fromisoformat(content["start_time"]):
        raise Refused("IMPOSSIBLE_TIME", field="agreement.end_time")
    purposes = {row["purpose"] for row in content["rows"]}
    for party in content["parties"]:
        _check_bases(work, party, purposes)
    stream = agreement_stream(work, content["agreement_id"])
    known = work.index.agreements.get(content["agreement_id"])
    if known is None:
        agreement = Agreement.begin(stream, agreement_id=content["agreement_id"])
        version = 1
    elif known.terminated:
        raise Refused("AGREEMENT_STATE")
    else:
        agreement = work.repository.get(Agreement, stream)
        version = len(known.versions) + 1
    agreement.draft(version, content)
    return version, work.save(agreement, ADMINISTRATION)


def _check_bases(work: Work, party: dict[str, Any], purposes: set[str]) -> None:
    work.require_agency(party["agency_id"])
    agency = work.index.agencies[party["agency_id"]]
    stated = {basis["purpose"]: basis["lawful_basis"] for basis in party["bases"]}
    if len(stated) < len(party["bases"]):
        # Which of the two would count? And a barred one must not hide behind the other.
        raise Refused("INVALID_FIELD", field="agreement.parties.bases", rule="one basis for each purpose")
    for purpose in sorted(purposes):
        if not stated.get(purpose):
            raise Refused("NO_LAWFUL_BASIS", party=agency.agency_id)
    for basis in stated.values():
        if not basis:
            raise Refused("NO_LAWFUL_BASIS", party=agency.agency_id)
        if agency.public_authority and basis in _BARRED_TO_PUBLIC_AUTHORITIES:
            raise Refused("BASIS_BARRED", party=agency.agency_id)


def sign_agreement(work: Work, caller: Caller, *, agreement_id: str, version: int) -> int:
    """Signs a version for the caller's agency. Raises `NOT_FOUND`, `AGREEMENT_STATE`."""
    known = work.index.agreements.get(agreement_id)
    agency_id = caller.agency()
    work.require_agency(agency_id)
    if known is None or version > len(known.versions):
        raise Refused("NOT_FOUND")
    if agency_id not in known.versions[version - 1].parties:
        raise Refused("NOT_FOUND")
    if known.terminated or version != len(known.versions):
        raise Refused("AGREEMENT_STATE")
    agreement = work.repository.get(Agreement, agreement_stream(work, agreement_id))
    if agency_id in known.versions[version - 1].signed_by:
        return _position_of(
            work, agreement_id, Agreement.Signed, agreement_version=version, agency_id=agency_id
        )
    agreement.sign(version, agency_id)
    return work.save(agreement, ADMINISTRATION)


def terminate_agreement(work: Work, caller: Caller, *, agreement_id: str) -> int:
    """Ends every version. Raises `NOT_FOUND` when the caller is no party."""
    known = work.index.agreements.get(agreement_id)
    if known is None or not (
        caller.operator or any(caller.agency() in version.parties for version in known.versions)
    ):
        raise Refused("NOT_FOUND")
    if known.terminated:
        return _position_of(work, agreement_id, Agreement.Terminated)
    agreement = work.repository.get(Agreement, agreement_stream(work, agreement_id))
    # The operator who does it for a party is the operator: two people stand by it afterwards.
    agreement.terminate(caller.name if caller.operator else caller.agency())
    return work.save(agreement, ADMINISTRATION)


def _position_of(work: Work, agreement_id: str, kind: type, **values: object) -> int:
    """Where the agreement's event of this kind with these values stands."""
    for entry in work.transaction.stream(agreement_stream(work, agreement_id)):
        event = work.repository.event(entry)
        if isinstance(event, kind) and all(getattr(event, name) == value for name, value in values.items()):
            return entry.position
    raise Refused("NOT_FOUND")


def list_agreements(work: Work, caller: Caller) -> list[tuple[dict[str, Any], int, list[str], bool, bool]]:
    """(content, version, signed by, in force, terminated) of the newest versions the caller is party to."""
    found = []
    for agreement in work.index.agreements.values():
        newest = agreement.versions[-1]
        if not caller.operator and caller.agency() not in newest.parties:
            continue
        content = work.index.agreement_contents[(agreement.agreement_id, newest.version)]
        in_force = (
            newest.begun
            and not newest.lapsed
            and not agreement.terminated
            and newest.signed_by >= set(newest.parties)
        )
        found.append((content, newest.version, sorted(newest.signed_by), in_force, agreement.terminated))
    return found
