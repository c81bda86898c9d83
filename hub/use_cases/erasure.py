"""Erasing, holding, and what a hold's end erases (VOCABULARY 5a; UK GDPR Article 17).

One entry each. From it on what it names can be read by nobody here: not disclosed, not in a history, not in a
preview; where it was delivered it is taken back as anything else is, without a reason and in the window.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from consent_ledger import domain
from consent_ledger.erasures import Erasure, ErasureGround, ErasurePart, Hold, HoldGround
from consent_ledger.errors import Refused
from consent_ledger.facts import Registration
from consent_ledger.ledger import KeyOwner, Part
from consent_ledger.records import read_record
from consent_ledger.vocabulary import DataCategory, KeyCategory
from hub.projections.consent_index import ConsentIndex
from hub.use_cases.horizon import COPIES_KEPT, horizon
from hub.use_cases.unreading import Told, Unreading, carry_out, told_on, unreading
from hub.use_cases.work import Caller, Work

ERASED_IDS = "erasure-ids.v1"
"""The part beside an erasure: number of keys (4 bytes), their ids, then the fragments' ids; 16 bytes each."""
_WHOLE = (ErasurePart.REGISTRATION, ErasurePart.CLIENT)
_ID = 16


@dataclass(frozen=True, slots=True)
class Scope:
    """What is erased or held of one registration. `record_id` is the publisher's own."""

    client_reference: str
    part: ErasurePart
    record_id: str = ""
    category: DataCategory | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure's answer. `held`: a part of it waits for a hold to end."""

    erasure_id: UUID
    position: int
    horizon: datetime
    held: bool


@dataclass(frozen=True, slots=True)
class _Reach:
    """A scope as it stands in the ledger."""

    registration: Registration
    registrations: tuple[UUID, ...]
    record_id: UUID | None


def erase(
    work: Work,
    caller: Caller,
    *,
    scope: Scope,
    ground: ErasureGround,
    copies_kept: timedelta = COPIES_KEPT,
) -> Erased:
    """Erases what one agency recorded about one client; for a whole client the operator alone.

    Raises `REFERENCE_NOT_REGISTERED`, `NOT_FOUND` for another's record or none, `OPERATOR_ONLY`,
    `LEGAL_HOLD` when all of it is held.
    """
    reach = _reach(work, caller, scope)
    named = [one for one in told_on(work, reach.registrations) if _named(one, scope, reach)]
    return erase_told(
        work, caller, scope.part, ground, named, reach=reach, category=scope.category, copies_kept=copies_kept
    )


def erase_told(
    work: Work,
    caller: Caller,
    part: ErasurePart,
    ground: ErasureGround,
    named: Sequence[Told],
    *,
    reach: "_Reach | Registration",
    category: DataCategory | None = None,
    copies_kept: timedelta = COPIES_KEPT,
) -> Erased:
    """Erases these fragments but for what is held. Raises `LEGAL_HOLD` when all of it is."""
    if isinstance(reach, Registration):
        reach = _Reach(reach, (reach.registration_id,), None)
    kept = {one.fragment_id: hold for one in named if (hold := keeping(work.index, one)) is not None}
    if kept and len(kept) == len(named):
        raise Refused("LEGAL_HOLD", hold_id=min(kept.values(), key=lambda hold: hold.position).hold_id)
    whole = part in _WHOLE
    if whole and not named and (hold := holding_all(work.index, reach.registrations)) is not None:
        raise Refused("LEGAL_HOLD", hold_id=hold.hold_id)
    doomed = [one for one in named if one.fragment_id not in kept]
    gone = reach.registrations if whole and not kept else ()
    what = unreading(work, doomed, gone)
    carry_out(work, what)
    owner = KeyOwner(reach.registration.registration_id, KeyCategory.CONSENT)
    ends = horizon(work, copies_kept)
    erasure = domain.Erasure.begin(
        work.new_id(),
        agency_id=reach.registration.agency_id,
        registration_id=reach.registration.registration_id,
        registrations=[one.hex for one in reach.registrations],
        part=part,
        record_id=reach.record_id,
        category=category,
        ground=ground,
        by=caller.name,
        fragments=len(doomed),
        waiting={
            one.fragment_id.hex(): [one.registration_id.hex, one.record_id.hex]
            for one in named
            if one.fragment_id in kept
        },
        gone=[one.hex for one in gone],
        horizon=ends,
        told=dict(Counter(one.registration_id.hex for one in doomed)),
    )
    position = work.save(erasure, owner, beside=_ids(what, owner))
    return Erased(erasure.id, position, ends, bool(kept))


def place_hold(
    work: Work, caller: Caller, *, scope: Scope, ground: HoldGround, review_time: datetime
) -> tuple[UUID, int]:
    """Keeps content from being erased: the hold's id and position. Raises as `erase`; `IMPOSSIBLE_TIME`."""
    reach = _reach(work, caller, scope)
    if review_time <= work.now:
        raise Refused("IMPOSSIBLE_TIME", field="review_time")
    hold = domain.Hold.begin(
        work.new_id(),
        agency_id=reach.registration.agency_id,
        registration_id=reach.registration.registration_id,
        registrations=[one.hex for one in reach.registrations],
        part=scope.part,
        record_id=reach.record_id,
        category=scope.category,
        ground=ground,
        review_time=review_time,
        by=caller.name,
    )
    owner = KeyOwner(reach.registration.registration_id, KeyCategory.CONSENT)
    return hold.id, work.save(hold, owner)


def lift_hold(work: Work, caller: Caller, *, hold_id: UUID, copies_kept: timedelta = COPIES_KEPT) -> int:
    """Ends a hold; what waited for it alone is erased by the same entry. Raises `NOT_FOUND`."""
    known = work.index.holds.get(hold_id)
    if known is None or known.agency_id != caller.agency():
        raise Refused("NOT_FOUND")
    if known.part is ErasurePart.CLIENT and not caller.operator:
        raise Refused("NOT_FOUND")
    if known.lifted:
        return known.lifted_at
    waiting = {one for at in known.registrations for one in work.index.awaiting_erasure(at)}
    freed = [
        one
        for one in told_on(work, known.registrations)
        if one.fragment_id in waiting and keeping(work.index, one, known) is None
    ]
    gone = _gone_with(work, known, {one.fragment_id for one in freed})
    what = unreading(work, freed, gone)
    carry_out(work, what)
    hold = work.repository.get(domain.Hold, hold_id)
    hold.lift(
        caller.name,
        [one.fragment_id.hex() for one in freed],
        [one.hex for one in gone],
        horizon(work, copies_kept),
    )
    owner = KeyOwner(known.registration_id, KeyCategory.CONSENT)
    return work.save(hold, owner, beside=_ids(what, owner) if freed or gone else None)


def _reach(work: Work, caller: Caller, scope: Scope) -> _Reach:
    if scope.part is ErasurePart.CLIENT:
        caller.require_operator()
    index = work.index
    # What was registered in error has to go too, so a reference counts here as long as it is not erased.
    found = index.current_registration(caller.agency(), scope.client_reference)
    if found is None:
        raise Refused("REFERENCE_NOT_REGISTERED")
    members = index.component(found.registration_id) if scope.part is ErasurePart.CLIENT else ()
    chains = [index.chain_of[one] for one in (found.registration_id, *sorted(members))]
    registrations = tuple(dict.fromkeys(one for chain in chains for one in chain))
    registrations = tuple(one for one in registrations if not index.registrations[one].erased)
    if scope.part is not ErasurePart.RECORD:
        return _Reach(found, registrations, None)
    stream = work.vault.opaque_id("record", found.agency_id, scope.record_id)
    entries = work.transaction.stream(stream) if work.transaction.version_of(stream) else []
    told = [UUID(bytes=one.registration_id) for entry in entries if (one := read_record(entry)) is not None]
    if not told or told[-1] not in registrations:
        raise Refused("NOT_FOUND")
    # What was first told of somebody else, in error, is the same record.
    return _Reach(found, tuple(dict.fromkeys(told)), stream)


def _named(told: Told, scope: Scope, reach: _Reach) -> bool:
    if scope.part is ErasurePart.RECORD:
        return told.record_id == reach.record_id
    return scope.category is None or scope.category in told.categories


def keeping(index: ConsentIndex, told: Told, but: Hold | None = None) -> Hold | None:
    """The first hold that keeps the fragment, `but` this one."""
    for hold in index.holds_on.get(told.registration_id, ()):
        if hold is not but and hold.keeps(told.registration_id, told.record_id, told.categories):
            return hold
    return None


def holding_all(index: ConsentIndex, registrations: Iterable[UUID], but: Hold | None = None) -> Hold | None:
    """A hold that keeps the references themselves, `but` this one."""
    for registration_id in registrations:
        for hold in index.holds_on.get(registration_id, ()):
            if hold is not but and hold.part in _WHOLE and not hold.lifted:
                return hold
    return None


def _gone_with(work: Work, hold: Hold, freed: set[bytes]) -> tuple[UUID, ...]:
    """The registrations that were to go altogether and of which nothing is kept any more."""
    ending: dict[UUID, Erasure] = {
        one.erasure_id: one for at in hold.registrations for one in work.index.erasures_on.get(at, ())
    }
    gone: list[UUID] = []
    for erasure in ending.values():
        kept = holding_all(work.index, erasure.registrations, hold) is not None
        if erasure.whole and not kept and erasure.waiting.keys() <= freed:
            gone += [one for one in erasure.registrations if not work.index.registrations[one].erased]
    return tuple(dict.fromkeys(gone))


def _ids(what: Unreading, owner: KeyOwner) -> Part:
    keys = what.key_ids()
    written = len(keys).to_bytes(4) + b"".join(keys) + b"".join(sorted(what.fragments))
    return Part(ERASED_IDS, written, (owner,))


def erased_fragments(part: Part) -> list[UUID]:
    """The fragments that the part beside an erasure or a hold's end names."""
    at = 4 + _ID * int.from_bytes(part.payload[:4])
    return [UUID(bytes=part.payload[one : one + _ID]) for one in range(at, len(part.payload), _ID)]
