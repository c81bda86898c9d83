"""Registrations that stand out: somebody may have registered a person whom their agency does not work with.

Three rules, by the agency's own facts alone. What others know or hold of a person changes nothing here: an
answer that moved with it would be the very search that it is to find (SAFETY H1).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import auto
from itertools import pairwise
from statistics import median
from uuid import UUID

from consent_ledger.access import AccessKind, read_access_entry
from consent_ledger.facts import Registration
from consent_ledger.staff import RelationshipKind, Role
from consent_ledger.vocabulary import Term
from hub.use_cases.key_access import position_before
from hub.use_cases.work import Caller, Work

LOOKED_AT = 1000
"""Entries that one page looks through for looks: each has to be opened to know whose it is."""
MOST = 500
"""Lines told at once."""
WITHIN = timedelta(days=90)
"""How old a registration may be to be looked at."""
NOTHING_FOR = timedelta(days=14)
USUAL = 28
"""Days by which the usual number is known, and of which each is held against it."""
_DAYS_NEEDED = 5
_TIMES, _MORE = 3, 5
_MANY_AT_FIRST = 20
"""As many on one day stand out while an agency has no usual number yet."""


class OutlierKind(Term):
    """By which rule it stands out."""

    MANY_ON_ONE_DAY = auto()
    NOTHING_RECORDED = auto()
    ONLY_LOOKED_AT = auto()


@dataclass(frozen=True, slots=True)
class Outlier:
    """A day, or one registration. `usual`: of a day; 0 while there is none. `staff`: who looked, by the
    agency's own pseudonyms."""

    kind: OutlierKind
    client_reference: str
    at: datetime
    registered: int = 0
    usual: int = 0
    looks: int = 0
    staff: tuple[str, ...] = ()


def list_registration_outliers(work: Work, caller: Caller, *, after: int) -> tuple[list[Outlier], int, int]:
    """The caller's own that stand out, where to go on looking (0: no more), and the look's position.

    Days and registrations are on the first page; who was only looked at, on each page for its part of the
    ledger. Raises `ROLE_NEEDED`.
    """
    work.require_role(caller, Role.DATA_PROTECTION_OFFICER)
    agency_id = caller.agency()
    recent, begin = _recent(work, agency_id)
    bare = [one for one in recent if _is_bare(work, one)]
    found: list[Outlier] = []
    if not after:
        found += _many(work, agency_id)
        found += _left_bare(work, bare)
        found += _asked_about(work, bare)
    entries = work.transaction.entries(max(after, begin), LOOKED_AT)
    pairs = {work.index.pair_of(one.registration_id): one for one in bare}
    looks: Counter[UUID] = Counter()
    who: dict[UUID, set[str]] = {}
    for entry in entries:
        access = read_access_entry(entry)
        if access is None or access.kind is not AccessKind.READ or access.agency_id != agency_id:
            continue
        for pair in {person.pair for person in access.people} & pairs.keys():
            looks[pair] += 1
            if access.vouched is not None:
                who.setdefault(pair, set()).add(access.vouched.subject)
    found += [
        _line(work, pairs[pair], OutlierKind.ONLY_LOOKED_AT, looks=looks[pair], staff=who.get(pair, set()))
        for pair in sorted(looks)
    ]
    following = entries[-1].position if len(entries) == LOOKED_AT else 0
    return found[:MOST], following, work.record_access(caller, AccessKind.AUDIT)


def count_registration_outliers(work: Work, caller: Caller, *, agency_id: str) -> tuple[int, int, int, int]:
    """For the operator, of one agency and of nobody in particular: days on which it registered many,
    registrations with nothing recorded, those of which the person knows nothing, and the look's position.

    Raises `OPERATOR_ONLY`, `UNKNOWN_AGENCY`.
    """
    caller.require_operator()
    work.require_agency(agency_id)
    recent, _ = _recent(work, agency_id)
    bare = _left_bare(work, [one for one in recent if _is_bare(work, one)])
    denied = [one for one in work.index.tasks.denied if work.index.registrations[one].agency_id == agency_id]
    access = work.record_access(caller, AccessKind.AUDIT)
    return len(list(_many(work, agency_id))), len(list(bare)), len(denied), access


def _recent(work: Work, agency_id: str) -> tuple[list[Registration], int]:
    """The agency's registrations of late, oldest first, and behind which entry they stand."""
    begin = position_before(work, work.now - WITHIN)
    own = [work.index.registrations[one] for one in work.index.by_agency[agency_id]]
    return sorted((one for one in own if one.position > begin), key=lambda one: one.position), begin


def _is_bare(work: Work, one: Registration) -> bool:
    """Whether the agency recorded nothing of the person itself: no record, choice, status, card or service
    episode, and no word of who else works with them. That somebody has them on their caseload is no more than
    whoever wants to look has to say."""
    index, identity = work.index, one.registration_id
    said = (
        *(index.grants_on, index.stops_on, index.exclusions_on, index.markers_on, index.openings_on),
        *(index.erasures_on, index.holds_on),
    )
    related = index.staff.relationships_on.get(identity, ())
    episode = any(known.kind is RelationshipKind.SERVICE_EPISODE for known in related)
    status = one.restricted or one.opted_out or one.death_reported or bool(one.lead_position) or one.erased
    card = index.emergencies.newest(identity) is not None
    return not (
        status or card or episode or any(on.get(identity) for on in said) or work.segments.holds_any(identity)
    )


def _left_bare(work: Work, bare: Sequence[Registration]) -> Iterator[Outlier]:
    old = position_before(work, work.now - NOTHING_FOR)
    return (_line(work, one, OutlierKind.NOTHING_RECORDED) for one in bare if one.position <= old)


def _asked_about(work: Work, bare: Sequence[Registration]) -> Iterator[Outlier]:
    """Read about without working with them, or others asked to share about them."""
    broken = work.index.staff.broken_on
    asked = Counter(one.registration_id for one in work.index.sharing.requests.values())
    for one in bare:
        through = broken.get(one.registration_id, ())
        looks = len(through) + asked[one.registration_id]
        if looks:
            staff = {opened.staff_reference for opened in through}
            yield _line(work, one, OutlierKind.ONLY_LOOKED_AT, looks=looks, staff=staff)


def _line(
    work: Work, one: Registration, kind: OutlierKind, *, looks: int = 0, staff: Sequence[str] | set[str] = ()
) -> Outlier:
    at = work.transaction.entry(one.position).recorded_at
    return Outlier(kind, one.reference, at, looks=looks, staff=tuple(sorted(staff)))


def _many(work: Work, agency_id: str) -> Iterator[Outlier]:
    """Days on which the agency registered far more people than it usually does, the oldest first."""
    today = work.now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=ago) for ago in range(2 * USUAL, -2, -1)]
    own = sorted(work.index.registrations[one].position for one in work.index.by_agency[agency_id])
    until = [bisect_left(own, position_before(work, day) + 1) for day in days]
    counts = [later - earlier for earlier, later in pairwise(until)]
    for number in range(USUAL, len(counts)):
        before = [one for one in counts[number - USUAL : number] if one]
        usual = round(median(before)) if len(before) >= _DAYS_NEEDED else 0
        many = max(_TIMES * usual, usual + _MORE) if usual else _MANY_AT_FIRST
        if counts[number] >= many:
            yield Outlier(OutlierKind.MANY_ON_ONE_DAY, "", days[number], counts[number], usual)
