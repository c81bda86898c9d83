"""Registrations, links and involvements. A link never starts a delivery; nobody confirms itself."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from consent_ledger.domain import DETAILS, Details, Involvement, Link, Registration
from consent_ledger.errors import Refused
from consent_ledger.ledger import KeyOwner, Part
from consent_ledger.vocabulary import CONFIDENTIAL_SERVICES, ClosingReason, InvolvementGround, KeyCategory
from hub.projections import consent_index
from hub.projections.consent_index import LinkState
from hub.use_cases.work import Caller, Work
from hub.use_cases.wrong_links import breached_by_error, breached_by_link

_TOKEN_LASTS = timedelta(days=7)
_NHS_WEIGHTS = range(10, 1, -1)


def register_client(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    nhs_number: str = "",
    birth_date: str = "",
    family_name: str = "",
    former_family_names: Sequence[str] = (),
    former_nhs_numbers: Sequence[str] = (),
) -> int:
    """Registers the caller's reference. Neither answer nor growth tells who else knows the person.

    Former names and numbers find registrations that stand under one, and do nothing else, ever (SAFETY H28).
    """
    agency_id = caller.agency()
    work.require_agency(agency_id)
    known = work.index.current_registration(agency_id, client_reference)
    if known is not None and not known.in_error:
        if not known.closed:
            return known.position
        again = work.repository.get(Registration, known.registration_id)
        again.reopen()
        return work.save(again, _owner(known.registration_id))
    matching = _matching_label(work, nhs_number, birth_date, family_name)
    labels = {
        _matching_label(work, number, birth_date, name)
        for number in (nhs_number, *former_nhs_numbers)
        for name in (family_name, *former_family_names)
    }
    former = tuple(sorted(one for one in labels - {matching} if one is not None))
    identity = work.new_id()
    chain = work.index.by_reference.get((agency_id, client_reference))
    registration = Registration.begin(
        identity,
        agency_id=agency_id,
        matched=_matches(work, agency_id, identity, matching, former),
        earlier=None if chain is None else chain[0],
    )
    details = Details(client_reference, matching, former).written()
    return work.save(
        registration,
        _owner(identity),
        beside=Part(DETAILS, details, (KeyOwner(identity, KeyCategory.LINK),)),
    )


def _matching_label(work: Work, nhs_number: str, birth_date: str, family_name: str) -> str | None:
    """A keyed label of the three details that have to agree; `None` when one is missing or wrong."""
    if not (nhs_number and birth_date and family_name and _is_nhs_number(nhs_number)):
        return None
    name = "".join(family_name.split()).casefold()
    return work.vault.label("matching", nhs_number, birth_date, name).hex()


def _is_nhs_number(number: str) -> bool:
    """The NHS number's check digit, modulus 11 (NHS Data Dictionary)."""
    remainder = sum(w * int(d) for w, d in zip(_NHS_WEIGHTS, number[:9], strict=True)) % 11
    return (11 - remainder) % 11 == int(number[9])


def _matches(
    work: Work, agency_id: str, identity: UUID, matching: str | None, former: Sequence[str]
) -> dict[str, str]:
    """Registrations of other agencies whose details agree. Confidential services are never candidates."""
    index = work.index
    if matching is None or index.agencies[agency_id].service_type in CONFIDENTIAL_SERVICES:
        return {}
    alike = [other for one in (matching, *former) for other in index.by_matching.get(one, ())]
    alike += index.by_former.get(matching, ())
    return {
        str(work.vault.opaque_id("match", identity.bytes, other.bytes)): str(other)
        for other in dict.fromkeys(alike)
        if _may_be_matched(work, work.index.registrations[other].agency_id, other)
    }


def _may_be_matched(work: Work, agency_id: str, registration_id: UUID) -> bool:
    registration = work.index.registrations[registration_id]
    return (
        work.index.agencies[agency_id].service_type not in CONFIDENTIAL_SERVICES and not registration.in_error
    )


def registrations_with(work: Work, *, nhs_number: str, birth_date: str, family_name: str) -> list[UUID]:
    """Registrations whose three details all agree with these. A confidential service's is never found by
    details (SAFETY H6). Raises `INVALID_FIELD` for what is no NHS number."""
    if not _is_nhs_number(nhs_number):
        raise Refused("INVALID_FIELD", field="details.nhs_number", rule="check digit")
    matching = _matching_label(work, nhs_number, birth_date, family_name)
    return [] if matching is None else registrations_labelled(work, matching)


def registrations_labelled(work: Work, matching: str) -> list[UUID]:
    """The same by the details' keyed label."""
    return [
        one
        for one in work.index.by_matching.get(matching, ())
        if _may_be_matched(work, work.index.registrations[one].agency_id, one)
    ]


def close_registration(work: Work, caller: Caller, *, client_reference: str, reason: ClosingReason) -> int:
    """Ends the caller's work with the person; `IN_ERROR` also unlinks and retracts."""
    found = work.registration(caller, client_reference, open_only=False)
    registration = work.repository.get(Registration, found.registration_id)
    if found.closed:
        return _position_of(work, found.registration_id, Registration.Closed)
    in_error = reason is ClosingReason.IN_ERROR
    registration.close(reason, breached_by_error(work, found.registration_id) if in_error else [])
    return work.save(registration, _owner(found.registration_id))


def _position_of(work: Work, stream_id: UUID, kind: type) -> int:
    """Where the stream's latest event of this kind stands."""
    for entry in reversed(work.transaction.stream(stream_id)):
        if isinstance(work.repository.event(entry), kind):
            return entry.position
    raise Refused("NOT_FOUND")


def create_link_token(work: Work, caller: Caller, *, client_reference: str) -> tuple[str, UUID, int]:
    """Makes a one-use token: (token, link id, position). Only its keyed label is kept."""
    found = work.registration(caller, client_reference)
    link_id = work.new_id()
    token = work.vault.label("link-token", link_id.bytes).hex()[:32]
    link = Link.begin(link_id, registration_id=found.registration_id, token_label=_token_label(work, token))
    return token, link_id, work.save(link, _owner(found.registration_id))


def redeem_link_token(work: Work, caller: Caller, *, client_reference: str, token: str) -> tuple[UUID, int]:
    """Proposes a link by another agency's token: (link id, position). Raises `LINK_TOKEN`."""
    found = work.registration(caller, client_reference)
    link_id = work.index.link_tokens.get(_token_label(work, token))
    known = None if link_id is None else work.index.links[link_id]
    if (
        known is None
        or known.state is not LinkState.OFFERED
        or work.now > known.offered_at + _TOKEN_LASTS
        or work.index.registrations[known.first].agency_id == found.agency_id
    ):
        raise Refused("LINK_TOKEN")
    link = work.repository.get(Link, known.link_id)
    link.redeem(found.registration_id)
    return known.link_id, work.save(link, _owner(known.first))


def _token_label(work: Work, token: str) -> str:
    return work.vault.label("link-token-label", token).hex()


def confirm_link(work: Work, caller: Caller, *, link_id: UUID) -> int:
    """Confirms a proposed link: whoever made the token, or the operator. Raises `SELF_CONFIRMATION`."""
    known = _link_of(work, caller, link_id)
    if known.state is LinkState.CONFIRMED:
        return known.changed
    if known.state is not LinkState.PROPOSED:
        raise Refused("NOT_FOUND")
    if not caller.operator and work.index.registrations[known.first].agency_id != caller.agency():
        raise Refused("SELF_CONFIRMATION")
    link = work.repository.get(Link, link_id)
    link.confirm("CONFIRMED")
    return work.save(link, _owner(known.first))


def undo_link(work: Work, caller: Caller, *, link_id: UUID) -> int:
    """Undoes a link, proposed or confirmed: either side, or the operator. Raises `NOT_FOUND`."""
    known = _link_of(work, caller, link_id)
    if known.state is LinkState.UNDONE:
        return known.changed
    by = caller.agency_id or caller.name
    breached = breached_by_link(work, known)
    if known.token_label is None and known.second is not None:
        registration = work.repository.get(Registration, known.second)
        registration.undo_match(str(link_id), by, breached)
        return work.save(registration, _owner(known.second))
    link = work.repository.get(Link, link_id)
    link.undo(by, breached)
    return work.save(link, _owner(known.first))


def _link_of(work: Work, caller: Caller, link_id: UUID) -> consent_index.Link:
    known = work.index.links.get(link_id)
    if known is None:
        raise Refused("NOT_FOUND")
    ends = [end for end in (known.first, known.second) if end is not None]
    if not caller.operator and caller.agency() not in [
        work.index.registrations[end].agency_id for end in ends
    ]:
        raise Refused("NOT_FOUND")
    return known


def open_involvement(
    work: Work, caller: Caller, *, client_reference: str, agency_id: str, ground: InvolvementGround
) -> int:
    """Records that another agency works with the person. Raises `SELF_CONFIRMATION`, `UNKNOWN_AGENCY`."""
    found = work.registration(caller, client_reference)
    work.require_agency(found.agency_id)
    work.require_agency(agency_id)
    if agency_id == caller.agency():
        raise Refused("SELF_CONFIRMATION")
    if ground is InvolvementGround.LEAD:
        person = work.index.person(found.registration_id)
        if work.index.lead_of(person) != caller.agency():
            raise Refused("SELF_CONFIRMATION")
    involvement = Involvement.begin(
        work.new_id(),
        registration_id=found.registration_id,
        agency_id=agency_id,
        ground=ground,
        by=caller.agency(),
    )
    return work.save(involvement, _owner(found.registration_id))


def end_involvement(work: Work, caller: Caller, *, client_reference: str) -> int:
    """Ends the caller's own involvement: every earlier opening is spent."""
    found = work.registration(caller, client_reference)
    registration = work.repository.get(Registration, found.registration_id)
    registration.end_involvement()
    return work.save(registration, _owner(found.registration_id))


def appoint_lead(work: Work, caller: Caller, *, client_reference: str, agency_id: str) -> int:
    """Records who leads: the present lead says so, or the operator while there is none."""
    found = work.registration(caller, client_reference)
    work.require_agency(agency_id)
    lead = work.index.lead_of(work.index.person(found.registration_id))
    if not (caller.operator if lead is None else caller.operator or lead == caller.agency()):
        raise Refused("SELF_CONFIRMATION")
    registration = work.repository.get(Registration, found.registration_id)
    registration.appoint_lead(agency_id)
    return work.save(registration, _owner(found.registration_id))


def _owner(registration_id: UUID) -> KeyOwner:
    """Who is joined to whom names nobody, and stays when what names them is erased."""
    return KeyOwner(registration_id, KeyCategory.CONSENT)
