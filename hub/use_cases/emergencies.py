"""Emergency cards: agreed with the client beforehand, read by one worker on one reason, reviewed afterwards.

Whatever a desk is answered, the ledger grows alike: one look, and one opening. A person without a card,
nobody known, and an agency that is the source of a risk cannot be told apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger import domain
from consent_ledger.access import AccessKind, PersonAccess
from consent_ledger.emergency_cards import (
    CardLines,
    CardMatch,
    CardOpening,
    CardReason,
    EmergencyCard,
    read_lines,
)
from consent_ledger.errors import Refused
from consent_ledger.facts import Registration
from consent_ledger.ledger import EntryClass, KeyOwner
from consent_ledger.staff import Role
from consent_ledger.vocabulary import KeyCategory, PostKind, Purpose
from hub.projections.consent_index import ConsentIndex, LinkState
from hub.use_cases.place_search import places_in
from hub.use_cases.registrations import registrations_labelled, registrations_with
from hub.use_cases.shutting_out import is_kept_from
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class Given:
    """One card as a desk is given it. `telephone`: where its agency is rung, day and night."""

    match: CardMatch
    lines: CardLines
    agreed_time: datetime
    asked_alone: bool
    telephone: str


def agree_card(
    work: Work,
    caller: Caller,
    *,
    client_reference: str,
    lines: CardLines,
    agreed_time: datetime,
    asked_alone: bool,
) -> tuple[UUID, int]:
    """Records what a client agreed: the card's id and position. The card before counts no more.

    Raises `REFERENCE_NOT_REGISTERED`, `NO_DAY_AND_NIGHT_NUMBER`, `INVALID_FIELD` for no line, or a postcode.
    """
    found = work.registration(caller, client_reference)
    work.require_agency(found.agency_id)
    if PostKind.TWENTY_FOUR_HOURS not in work.index.agencies[found.agency_id].posts:
        raise Refused("NO_DAY_AND_NIGHT_NUMBER")
    if not any(line.strip() for line in lines):
        raise Refused("INVALID_FIELD", field="lines", rule="at least one line says something")
    if (name := lines.with_postcode) is not None:
        raise Refused("INVALID_FIELD", field=f"lines.{name}", rule="no postcode: a card gives no address")
    card = domain.EmergencyCard.begin(
        work.new_id(),
        registration_id=found.registration_id,
        agency_id=found.agency_id,
        agreed_time=agreed_time,
        asked_alone=asked_alone,
    )
    owner = KeyOwner(found.registration_id, KeyCategory.CONSENT)
    return card.id, work.save(card, owner, beside=lines.part(found.registration_id))


def end_card(work: Work, caller: Caller, *, client_reference: str) -> int:
    """Ends the registration's card; returns the position. Raises `NOT_FOUND`, `REFERENCE_NOT_REGISTERED`."""
    found = work.registration(caller, client_reference, open_only=False)
    known = work.index.emergencies.newest(found.registration_id)
    if known is None:
        raise Refused("NOT_FOUND")
    if known.ended_at:
        return known.ended_at
    card = work.repository.get(domain.EmergencyCard, known.card_id)
    card.end(caller.agency())
    return work.save(card, KeyOwner(found.registration_id, KeyCategory.CONSENT))


def open_card(
    work: Work,
    caller: Caller,
    *,
    reason: CardReason,
    client_reference: str = "",
    nhs_number: str = "",
    birth_date: str = "",
    family_name: str = "",
) -> tuple[list[Given], int]:
    """The cards of a person whom an emergency desk has before it, and the position of this look.

    Named by the desk's own reference, or by details that all agree. Raises `NO_ASSERTION`, `ROLE_NEEDED`,
    `BAD_ASSERTION` for another purpose, `REFERENCE_NOT_REGISTERED`, `INVALID_FIELD` for no NHS number.
    """
    staff = work.require_role(caller, Role.EMERGENCY_DESK)
    if staff.purpose is not Purpose.EMERGENCY:
        raise Refused("BAD_ASSERTION", rule="purpose")
    own: Registration | None = None
    if client_reference:
        own = work.registration(caller, client_reference)
        candidates = _joined_to(work, own)
    else:
        alike = registrations_with(
            work, nhs_number=nhs_number, birth_date=birth_date, family_name=family_name
        )
        candidates = dict.fromkeys(sorted(_with_whom_joined(work.index, alike)), CardMatch.POSSIBLE)
    # Also for somebody else where nobody is found: the time that it takes is to tell nothing either.
    looked_at = [*candidates] or work.index.by_agency[caller.agency()][:1]
    risks = {one: _sources_of_risk(work.index, one) for one in looked_at}
    kept_from = {one for one in looked_at if is_kept_from(work.index, one, caller.agency(), staff.reference)}
    found = [
        (card, match, lines)
        for registration_id, match in candidates.items()
        if registration_id not in kept_from
        and (card := _standing(work.index, registration_id)) is not None
        # Neither to whom the person is at risk from or shut out by name, nor by whose word and number.
        and risks[registration_id].isdisjoint((caller.agency(), card.agency_id))
        and (lines := _shown_lines(work, card)) is not None
    ]
    found.sort(key=lambda one: (one[1] is not CardMatch.SURE, -one[0].position))
    people = () if own is None else (PersonAccess(work.index.pair_of(own.registration_id), True),)
    access = work.record_access(caller, AccessKind.READ, people=people)
    at = None if own is None else own.registration_id
    opening = domain.CardOpening.begin(
        work.new_id(),
        agency_id=caller.agency(),
        staff_reference=staff.reference,
        reason=reason,
        registration_id=at,
        cards={str(card.card_id): match for card, match, _ in found},
    )
    owner = KeyOwner(at, KeyCategory.ACCESS)
    work.append(
        *work.repository.drafts(opening, owner=owner, entry_class=EntryClass.CLIENT, changes_policy=False)
    )
    agencies = work.index.agencies
    return [
        Given(
            match,
            lines,
            card.agreed_time,
            card.asked_alone,
            agencies[card.agency_id].posts[PostKind.TWENTY_FOUR_HOURS].telephone,
        )
        for card, match, lines in found
    ], access


def list_card_openings(
    work: Work, caller: Caller, *, client_reference: str = ""
) -> tuple[list[tuple[CardOpening, str, int]], int]:
    """Openings by the caller's desk and of its own cards, newest first, and the position of this look.

    Each with the caller's own reference to the client and how many cards the caller may know were given.
    """
    agency_id, index = caller.agency(), work.index
    shown = []
    for opening in index.emergencies.openings_of(agency_id):
        if opening.agency_id == agency_id:
            at, given = opening.registration_id, len(opening.cards)
        else:
            own = [
                card for one in opening.cards if (card := index.emergencies.cards[one]).agency_id == agency_id
            ]
            at, given = own[0].registration_id, len(own)
        reference = "" if at is None else index.registrations[at].reference
        if client_reference in ("", reference):
            shown.append((opening, reference, given))
    return shown[::-1], work.record_access(caller, AccessKind.AUDIT)


def _joined_to(work: Work, own: Registration) -> dict[UUID, CardMatch]:
    """Registrations that are, or may be, the person's: sure where people joined them, undisputed."""
    index = work.index
    at = own.registration_id
    by_people = frozenset({at}) if index.person(at).disputed else index.component(at, by_people=True)
    proposed = [
        end
        for member in index.component(at)
        for link in index.links_of[member]
        if link.state is LinkState.PROPOSED
        for end in (link.first, link.second)
        if end is not None
    ]
    label = index.matching_of.get(at)
    alike = [] if label is None else registrations_labelled(work, label)
    apart = _said_to_be_others(index, at)
    alike = [one for one in alike if one not in apart]
    possible = _with_whom_joined(index, [at, *proposed, *alike])
    return {
        one: CardMatch.SURE if one in by_people else CardMatch.POSSIBLE
        for one in sorted(possible | by_people)
    }


def _said_to_be_others(index: ConsentIndex, at: UUID) -> frozenset[UUID]:
    """Registrations that somebody said are another person's, whatever details agree."""
    joined = index.component(at)
    cut = [link for member in joined for link in index.links_of[member] if link.state is LinkState.UNDONE]
    ends = {end for link in cut for end in (link.first, link.second) if end is not None}
    return frozenset(ends - joined)


def _with_whom_joined(index: ConsentIndex, registrations: Iterable[UUID]) -> frozenset[UUID]:
    found: set[UUID] = set()
    for one in registrations:
        if one not in found and not index.registrations[one].in_error:
            found |= index.component(one)
    return frozenset(found)


def _standing(index: ConsentIndex, registration_id: UUID) -> EmergencyCard | None:
    """Its card, unless that ended, the client asked to be forgotten, or nobody answers for it."""
    card = index.emergencies.newest(registration_id)
    if card is None or card.ended_at or index.registrations[registration_id].in_error:
        return None
    if any(erasure.whole for erasure in index.erasures_on.get(registration_id, ())):
        return None
    return card if PostKind.TWENTY_FOUR_HOURS in index.agencies[card.agency_id].posts else None


def _shown_lines(work: Work, card: EmergencyCard) -> CardLines | None:
    """What the card says, without a line that names a protected place, anybody's; `None` once erased."""
    lines = read_lines(work.transaction.entry(card.position).parts)
    if lines is None:
        return None
    return CardLines(*("" if places_in(work.index, work.vault, [line]) else line for line in lines))


def _sources_of_risk(index: ConsentIndex, registration_id: UUID) -> frozenset[str | None]:
    """The agencies that the person shut out, or somebody there, as linked to a risk: never overridden."""
    return frozenset(
        exclusion.agency_id
        for exclusion in index.person(registration_id).exclusions
        if exclusion.linked_to_risk and not exclusion.lifted
    )
