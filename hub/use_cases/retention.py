"""Retention: content is erased once the longest period that its author signed is over (UK GDPR Art 5(1)(e)).

The period runs from when the hub recorded the fragment's last revision. Time decides nothing by itself: it is
due until the entry of its erasure stands in the ledger.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from consent_ledger.access import AccessKind
from consent_ledger.entry import moment
from consent_ledger.erasures import ErasureGround, ErasurePart
from consent_ledger.ledger import Transaction
from consent_ledger.vocabulary import DataCategory
from hub.projections.consent_index import ConsentIndex
from hub.projections.ended import counted_for
from hub.projections.fragments import Item
from hub.projections.segments import Segments
from hub.use_cases.erasure import erase_told, keeping
from hub.use_cases.hub import Hub
from hub.use_cases.unreading import Told
from hub.use_cases.work import Caller, Work

_AT_ONCE = 50
"""Registrations looked at in one go: a few milliseconds each at most, and others wait meanwhile."""

Look = Callable[[Transaction, tuple[UUID, ...]], None]
"""Looks at some registrations."""

Periods = dict[DataCategory, timedelta]
"""For how long an agency keeps each category; not in it: no agreement of its own says."""


@dataclass(frozen=True, slots=True)
class Due:
    """One fragment whose time is over by the day asked for. `own_id` is the publisher's of its record."""

    own_id: str
    categories: tuple[DataCategory, ...]
    due_time: datetime
    held: bool


def periods(index: ConsentIndex, agency_id: str) -> Periods:
    """The longest period of each category in what the agency signed, ended agreements included."""
    found: Periods = {}
    for agreement in index.agreements.values():
        version = counted_for(agreement, agency_id)
        for (category, _), row in (version.rows if version is not None else {}).items():
            if row.retention_days:
                days = timedelta(days=row.retention_days)
                found[category] = max(found.get(category, days), days)
    return found


async def due_for_erasure(hub: Hub, caller: Caller, *, days: int) -> tuple[list[Due], int]:
    """What becomes due within so many days of the caller's, soonest first, and the position of this look."""
    agency_id = caller.agency()
    found: list[Due] = []

    def look(transaction: Transaction, registrations: tuple[UUID, ...]) -> None:
        index = hub.projector.index
        until = transaction.now + timedelta(days=days)
        segments = Segments(transaction)
        for registration_id in registrations:
            for told, item, due in _due(index, segments, registration_id, until):
                own = segments.record(told.record_id)
                held = keeping(index, told) is not None
                found.append(Due("" if own is None else own.own_id, item.kind.fragment.categories, due, held))

    await _through(hub, agency_id, look)
    found.sort(key=lambda one: (one.due_time, one.own_id, one.categories))
    access = await hub.execute(_looked, caller)
    return found, access


def _looked(work: Work, caller: Caller) -> int:
    return work.record_access(caller, AccessKind.AUDIT)


async def erase_what_is_due(hub: Hub) -> int:
    """Erases everything whose time is over, one entry for each registration; how many of them had any."""
    erased = 0
    agencies = await hub.look(lambda _: tuple(hub.projector.index.agencies))
    for agency_id in agencies:
        due: list[UUID] = []

        def look(transaction: Transaction, registrations: tuple[UUID, ...], due: list[UUID] = due) -> None:
            index, segments = hub.projector.index, Segments(transaction)
            due += [one for one in registrations if any(_to_erase(index, segments, one, transaction.now))]

        await _through(hub, agency_id, look)
        operator = Caller(agency_id=agency_id, operator=True)
        for registration_id in due:
            erased += await hub.execute(
                _erase, operator, registration_id=registration_id, copies_kept=hub.key_copies_kept
            )
    return erased


def _erase(work: Work, caller: Caller, *, registration_id: UUID, copies_kept: timedelta) -> bool:
    """Decided anew at the ledger's head: a hold may have come in between."""
    due = list(_to_erase(work.index, work.segments, registration_id, work.now))
    if not due:
        return False
    registration = work.index.registrations[registration_id]
    part, ground = ErasurePart.FRAGMENTS, ErasureGround.RETENTION
    erase_told(work, caller, part, ground, due, reach=registration, copies_kept=copies_kept)
    return True


def _to_erase(
    index: ConsentIndex, segments: Segments, registration_id: UUID, now: datetime
) -> Iterator[Told]:
    for told, _, _ in _due(index, segments, registration_id, now):
        if keeping(index, told) is None:
            yield told


def _due(
    index: ConsentIndex, segments: Segments, registration_id: UUID, until: datetime
) -> Iterator[tuple[Told, Item, datetime]]:
    registration = index.registrations[registration_id]
    kept = periods(index, registration.agency_id)
    if registration.erased or not kept:
        return
    for fragment_id, item in segments.fragments(registration_id).latest.items():
        ends = _end(kept, item)
        if ends is not None and ends <= until:
            kind = item.kind
            categories = (*kind.fragment.categories, kind.record.envelope_category)
            yield Told(fragment_id, registration_id, UUID(bytes=item.record_id), categories), item, ends


def _end(kept: Periods, item: Item) -> datetime | None:
    """When the fragment's time is over; `None` while one of its categories has no period."""
    lengths = [kept.get(category) for category in item.kind.fragment.categories]
    if None in lengths:
        return None
    return moment(item.recorded_at) + max(length for length in lengths if length is not None)


async def _through(hub: Hub, agency_id: str, look: Look) -> None:
    """Looks at all of an agency's registrations, some at a time, so that nobody waits for long."""
    everyone = await hub.look(lambda _: _with_periods(hub.projector.index, agency_id))
    for start in range(0, len(everyone), _AT_ONCE):
        await hub.look(_looking(look, everyone[start : start + _AT_ONCE]))


def _looking(look: Look, registrations: tuple[UUID, ...]) -> Callable[[Transaction], None]:
    return lambda transaction: look(transaction, registrations)


def _with_periods(index: ConsentIndex, agency_id: str) -> tuple[UUID, ...]:
    return tuple(index.by_agency.get(agency_id, ())) if periods(index, agency_id) else ()
