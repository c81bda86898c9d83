"""Protecting a place: from its first entry on nobody is told it, whoever wrote it wherever (SAFETY H10)."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger.access import AccessKind
from consent_ledger.domain import PLACE_DETAILS, Place
from consent_ledger.errors import Refused
from consent_ledger.facts import Registration
from consent_ledger.ledger import KeyOwner, Part
from consent_ledger.places import says_enough, spelt
from consent_ledger.records import StoredRecord
from consent_ledger.vocabulary import KeyCategory
from hub.projections.places import ProtectedPlace
from hub.use_cases.place_search import Found, found_on, given_to, tombstone
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class Named:
    """All that a place is known by: each line of its address, other names, postcode, property number."""

    lines: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    postcode: str = ""
    uprn: str = ""

    def each(self) -> list[tuple[str, str]]:
        """Every name, with the contract's field that it came in."""
        found = [(f"place.lines[{at}]", one) for at, one in enumerate(self.lines)]
        found += [(f"place.names[{at}]", one) for at, one in enumerate(self.names)]
        found += [("place.postcode", self.postcode)] if self.postcode else []
        found += [("place.uprn", self.uprn)] if self.uprn else []
        return found


@dataclass(frozen=True, slots=True)
class Shown:
    """A protected place as the agency that protects it sees it. `place` is unset where nobody may be told it.

    `care_of_record_id`: the agency's own id. `looked_through`: percent of what was recorded before.
    """

    place_id: UUID
    place: Named | None
    care_of_record_id: str
    protected_time: datetime
    looked_through: int
    lifted: bool


def protect_place(
    work: Work, caller: Caller, *, client_reference: str, place: Named, care_of_record_id: str = ""
) -> tuple[UUID, int]:
    """Protects a place: its id and position. What the person's own registrations hold is found at once.

    `care_of_record_id`: the caller's own record with the address that is given out instead, as it is now.
    Raises `REFERENCE_NOT_REGISTERED`, `INVALID_FIELD`, and `NOT_FOUND` for a record that is not the caller's.
    """
    found = work.registration(caller, client_reference)
    if not place.each():
        raise Refused("INVALID_FIELD", field="place", rule="names the place in some way")
    for field, name in place.each():
        if not says_enough(name):
            raise Refused("INVALID_FIELD", field=field, rule="at least four letters or digits")
    spellings = spelt(name for _, name in place.each())
    tombstones = {tombstone(work.vault, one) for one in spellings}
    sizes = frozenset(map(len, spellings))
    care_of = _care_of(work, found, care_of_record_id) if care_of_record_id else None
    place_id = work.new_id()
    holding = _held_by_the_person(work, found, place_id, tombstones, sizes)
    if care_of is not None and _holds(care_of, holding):
        raise Refused("INVALID_FIELD", field="care_of_record_id", rule="another address than the place")
    protected = Place.begin(
        place_id,
        registration_id=found.registration_id,
        protected_by=found.agency_id,
        tombstones=sorted(one.hex() for one in tombstones),
        sizes=sorted(sizes),
        care_of=None if care_of is None else UUID(bytes=care_of.record_id),
        care_of_revision=1 if care_of is None else care_of.revision,
        everyone=len(work.index.registrations),
        found=[one.written() for one in holding],
        to_ring=[one.hex for one in given_to(work.index, work.transaction, holding)],
    )
    details = json.dumps(asdict(place), separators=(",", ":")).encode()
    own = Part(PLACE_DETAILS, details, (KeyOwner(found.registration_id, KeyCategory.PLACE),))
    return place_id, work.save(protected, _owner(found.registration_id), beside=own)


def _care_of(work: Work, registration: Registration, record_id: str) -> StoredRecord:
    record = work.record(work.vault.opaque_id("record", registration.agency_id, record_id))
    if record is None or record.registration_id != registration.registration_id.bytes:
        raise Refused("NOT_FOUND")
    return record


def _held_by_the_person(
    work: Work, registration: Registration, place_id: UUID, tombstones: set[bytes], sizes: frozenset[int]
) -> list[Found]:
    """What the person's own registrations hold of a place: told by the same entry that protects it."""
    person = sorted(work.index.component(registration.registration_id))
    place = ProtectedPlace(
        place_id, registration.registration_id, "", frozenset(tombstones), sizes, None, everyone=0
    )
    return found_on(work.index, work.transaction, person, place)


def _holds(record: StoredRecord, holding: Sequence[Found]) -> bool:
    ids = {one.fragment_id for one in holding}
    return any(one.fragment_id in ids for one in record.fragments)


def lift_place(work: Work, caller: Caller, *, client_reference: str, place_id: UUID) -> int:
    """Ends a protection. Raises `NOT_FOUND` unless the caller protected the place for this reference."""
    known = _own(work, caller, client_reference, place_id)
    place = work.repository.get(Place, place_id)
    place.lift()
    return work.save(place, _owner(known.registration_id))


def _own(work: Work, caller: Caller, client_reference: str, place_id: UUID) -> ProtectedPlace:
    found = work.registration(caller, client_reference, open_only=False)
    known = work.index.places.every.get(place_id)
    if known is None or known.registration_id != found.registration_id:
        raise Refused("NOT_FOUND")
    return known


def list_places(work: Work, caller: Caller, *, client_reference: str) -> tuple[list[Shown], int]:
    """The places that the caller protects for its reference, and the access position.

    Only the agency itself is shown which: the operator sees no content.
    """
    found = work.registration(caller, client_reference, open_only=False)
    shown = [_shown(work, caller, one) for one in work.index.places.on.get(found.registration_id, ())]
    return shown, work.record_access(caller, AccessKind.AUDIT)


def _shown(work: Work, caller: Caller, place: ProtectedPlace) -> Shown:
    care_of = None if place.care_of is None else work.record(place.care_of[0])
    percent = 100 if place.looked_through else 100 * place.looked // place.everyone
    return Shown(
        place.place_id,
        None if caller.operator else _details(work, place.place_id),
        "" if care_of is None else care_of.own_id,
        work.index.recorded_times[place.place_id],
        percent,
        place.lifted,
    )


def _details(work: Work, place_id: UUID) -> Named | None:
    """Which place it is; `None` once that is erased."""
    [entry, *_] = work.transaction.stream(place_id)
    for part in entry.parts:
        if part.schema == PLACE_DETAILS:
            said = json.loads(part.payload)
            return Named(tuple(said["lines"]), tuple(said["names"]), said["postcode"], said["uprn"])
    return None


def looked(
    work: Work,
    caller: Caller,
    *,
    place_id: UUID,
    after: int,
    through: int,
    found: Sequence[Found],
) -> bool:
    """Records that more registrations were looked through. False if somebody else has recorded as much."""
    known = work.index.places.every[place_id]
    if known.lifted or known.looked != after:
        return False
    place = work.repository.get(Place, place_id)
    place.look(
        through,
        [one.written() for one in found],
        [one.hex for one in given_to(work.index, work.transaction, found)],
    )
    work.save(place, _owner(known.registration_id))
    return True


def _owner(registration_id: UUID) -> KeyOwner:
    return KeyOwner(registration_id, KeyCategory.CONSENT)
