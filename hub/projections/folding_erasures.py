"""Folds erasures and holds into the consent index. What becomes unreadable is gone from the cells already."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import domain
from consent_ledger.erasures import Erasure, ErasureGround, ErasurePart, Hold, HoldGround
from consent_ledger.vocabulary import DataCategory
from hub.projections.consent_index import ConsentIndex
from hub.projections.touched import Touched, component

_WHOLE = (ErasurePart.REGISTRATION, ErasurePart.CLIENT)


def _ids(written: Iterable[str]) -> tuple[UUID, ...]:
    return tuple(UUID(one) for one in written)


def _erased(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    part = ErasurePart(event.part)
    one = Erasure(
        event.originator_id,
        event.registration_id,
        _ids(event.registrations),
        part,
        ErasureGround(event.ground),
        position,
        at,
        event.horizon,
        event.fragments,
        {
            bytes.fromhex(fragment): (UUID(registration), UUID(record))
            for fragment, (registration, record) in event.waiting.items()
        },
        part in _WHOLE,
        position,
        told={UUID(registration): count for registration, count in event.told.items()},
    )
    touched = _around(index, one.registrations)
    index.erasures[one.erasure_id] = one
    for registration_id in one.registrations:
        index.erasures_on[registration_id].append(one)
        if one.whole:
            # While a hold keeps something the reference stays, but nobody works with it any more.
            index.registrations[registration_id].closed = True
    _bury(index, _ids(event.gone), position)
    return touched


def _around(index: ConsentIndex, registrations: Iterable[UUID]) -> Touched:
    """Everybody whom it may concern, as they are joined before anything is cut."""
    return Touched({one for first in registrations for one in component(index, first).registrations})


def _bury(index: ConsentIndex, registrations: Iterable[UUID], position: int) -> None:
    """Nothing is known of these registrations any more but their ids, their agencies and what was refused on
    them: they join nobody."""
    for registration_id in registrations:
        one = index.registrations[registration_id]
        if not one.in_error:
            index.forgotten[registration_id] = position
        index.by_reference.pop((one.agency_id, one.reference), None)
        matching = index.matching_of.pop(registration_id, None)
        if matching is not None:
            index.by_matching[matching].remove(registration_id)
        for former in index.former_of.pop(registration_id, ()):
            index.by_former[former].remove(registration_id)
        one.reference = ""
        one.closed = one.in_error = one.erased = True


def _completed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Changes no decision: what was erased stays erased."""
    one = index.erasures[event.originator_id]
    one.complete_position, one.gone_at, one.horizon = position, event.gone_time, event.horizon
    return Touched()


def _held(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    one = Hold(
        event.originator_id,
        event.agency_id,
        event.registration_id,
        _ids(event.registrations),
        ErasurePart(event.part),
        event.record_id,
        None if event.category is None else DataCategory(event.category),
        HoldGround(event.ground),
        event.review_time,
        position,
    )
    index.holds[one.hold_id] = one
    for registration_id in one.registrations:
        index.holds_on[registration_id].append(one)
    return Touched()


def _lifted(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """What waited for it is erased by this entry."""
    hold = index.holds[event.originator_id]
    hold.lifted, hold.lifted_at = True, position
    released = {bytes.fromhex(one) for one in event.released}
    touched = _around(index, hold.registrations)
    for erasure in {id(one): one for at in hold.registrations for one in index.erasures_on[at]}.values():
        ended = released & erasure.waiting.keys()
        for fragment_id in ended:
            registration_id, _ = erasure.waiting.pop(fragment_id)
            erasure.told[registration_id] = erasure.told.get(registration_id, 0) + 1
        if ended or (erasure.whole and {one.hex for one in erasure.registrations} & {*event.gone}):
            erasure.fragments += len(ended)
            erasure.last_fenced, erasure.horizon = position, event.horizon
    _bury(index, _ids(event.gone), position)
    return touched


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.Erasure.Created: _erased,
    domain.Erasure.Completed: _completed,
    domain.Hold.Created: _held,
    domain.Hold.Lifted: _lifted,
}
