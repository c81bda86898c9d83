"""Which places are protected, and which fragments hold one: folded from entries like every other fact."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

Told = tuple[bytes, int]
"""One revision of one fragment: its id, 16 bytes, and the revision."""


@dataclass(slots=True)
class ProtectedPlace:
    """One place. `tombstones` and `sizes` as in `domain.Place`.

    `looked` of `everyone`, the registrations there were when it was protected, have been looked through.
    """

    place_id: UUID
    registration_id: UUID
    agency_id: str
    tombstones: frozenset[bytes]
    sizes: frozenset[int]
    care_of: tuple[UUID, int] | None
    """The revision of a record with the address given out instead."""
    everyone: int
    looked: int = 0
    lifted: bool = False

    @property
    def looked_through(self) -> bool:
        """Whether all that was recorded before has been looked through."""
        return self.lifted or self.looked >= self.everyone


@dataclass(slots=True)
class Places:
    """Every protected place. `folding_places` alone changes it.

    `sizes`: the lengths of all spellings that are searched for. `on`: places by the registration they were
    protected for.
    """

    every: dict[UUID, ProtectedPlace] = field(default_factory=dict)
    on: defaultdict[UUID, list[ProtectedPlace]] = field(default_factory=lambda: defaultdict(list))
    sizes: frozenset[int] = frozenset()
    _to_search: dict[UUID, ProtectedPlace] = field(default_factory=dict)
    _tombstones: defaultdict[bytes, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    _lengths: Counter[int] = field(default_factory=Counter)
    _held: dict[UUID, dict[Told, set[UUID]]] = field(default_factory=dict)
    _told: defaultdict[bytes, list[tuple[UUID, Told, UUID]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, place: ProtectedPlace) -> None:
        """Protects a place from now on."""
        self.every[place.place_id] = place
        self.on[place.registration_id].append(place)
        if not place.looked_through:
            self._to_search[place.place_id] = place
        for one in place.tombstones:
            self._tombstones[one].add(place.place_id)
        self._lengths.update(place.sizes)
        self.sizes = frozenset(self._lengths)

    def lift(self, place_id: UUID) -> set[UUID]:
        """Ends a protection; the registrations with fragments that hold the place."""
        place = self.every[place_id]
        if not place.lifted:
            place.lifted = True
            self._to_search.pop(place_id, None)
            for one in place.tombstones:
                self._tombstones[one].discard(place_id)
                if not self._tombstones[one]:
                    del self._tombstones[one]
            self._lengths.subtract(place.sizes)
            self._lengths = +self._lengths
            self.sizes = frozenset(self._lengths)
        holding = {one for one, told in self._held.items() if any(place_id in ids for ids in told.values())}
        return holding | {place.registration_id}

    def look(self, place_id: UUID, through: int) -> None:
        """So many registrations were looked through for a place."""
        place = self.every[place_id]
        place.looked = through
        if place.looked_through:
            self._to_search.pop(place_id, None)

    def not_searched(self) -> tuple[ProtectedPlace, ...]:
        """Places that have not been looked for everywhere yet."""
        return tuple(self._to_search.values())

    def named(self, tombstone: bytes) -> frozenset[UUID]:
        """The protected places that something spelt so names."""
        return frozenset(self._tombstones.get(tombstone, ()))

    def found(self, place_id: UUID, registration_id: UUID, told: Told) -> None:
        """One revision of a fragment holds a place."""
        self._held.setdefault(registration_id, {}).setdefault(told, set()).add(place_id)

    def told(self, place_id: UUID, registration_id: UUID, told: Told, record_id: bytes) -> None:
        """The same, as the record itself says: it is known as long as that can be read."""
        self.found(place_id, registration_id, told)
        self._told[record_id].append((registration_id, told, place_id))

    def forget(self, record_id: bytes) -> None:
        """What a record said of itself is not known any more."""
        for registration_id, told, place_id in self._told.pop(record_id, ()):
            held = self._held.get(registration_id, {})
            if told in held:
                held[told].discard(place_id)
                if not held[told]:
                    del held[told]
                if not held:
                    del self._held[registration_id]

    def is_known(self, place_id: UUID, registration_id: UUID, told: Told) -> bool:
        """Whether it was found already that this holds the place."""
        return place_id in self._held.get(registration_id, {}).get(told, ())

    def on_any(self, registrations: Iterable[UUID]) -> bool:
        """Whether a place is protected for one of these registrations."""
        return any(not one.lifted for id_ in registrations for one in self.on.get(id_, ()))

    def any_held(self, registration_id: UUID) -> bool:
        """Whether something told on the registration was found to hold a place, protected still or not."""
        return bool(self._held.get(registration_id))

    def protector(self, registration_id: UUID, fragment_id: bytes, revision: int, origin: str) -> str | None:
        """The agency that protects a place that this holds, `origin` itself if it does; `None`: no place."""
        on_it = self._held.get(registration_id)
        if not on_it:
            return None
        places = [self.every[one] for one in on_it.get((fragment_id, revision), ())]
        agencies = sorted(one.agency_id for one in places if not one.lifted)
        if not agencies:
            return None
        return origin if origin in agencies else agencies[0]

    def care_of(self, registrations: Iterable[UUID]) -> frozenset[tuple[UUID, int]]:
        """The records, each as of one revision, that hold an address given out instead of a protected one."""
        return frozenset(
            one.care_of
            for id_ in registrations
            for one in self.on.get(id_, ())
            if one.care_of is not None and not one.lifted
        )
