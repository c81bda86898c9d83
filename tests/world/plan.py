"""A whole area planned from one seed around the clients that one export knows.

Play `founding`, then `registered` (before or with the export's publication), then each list of `people`; the
lists are independent of one another, so they may run side by side, each in its own order. Let `first_wait`
pass: some choices end, some begin. Compare. Then play `changes`, let `second_wait` pass (two agreements
lapse), and compare again. An event's `seq` and `at` are the plan's; a harness puts the ledger's in their
place. Nothing here is about real people, and nothing here knows the product.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from tests.oracle import history as h
from tests.world.agreements import SOON, Places, founding
from tests.world.choices import Place, choices
from tests.world.planner import Planner
from tests.world.records import Writer

FIRST_WAIT = timedelta(days=2)
SECOND_WAIT = SOON


class Plan:
    """`registrations` are the export's (agency, reference); a person has one reference everywhere in it."""

    first_wait = FIRST_WAIT
    second_wait = SECOND_WAIT

    def __init__(
        self,
        seed: int,
        service_types: Mapping[str, str],
        registrations: Sequence[Place],
        start: datetime,
    ) -> None:
        self.start = start
        self._planner = Planner(seed, start)
        self.services = dict(sorted(service_types.items()))
        known: dict[str, list[str]] = defaultdict(list)
        for agency, reference in sorted(set(registrations)):
            known[reference].append(agency)
        sizes = dict.fromkeys(self.services, 0)
        for agencies in known.values():
            for agency in agencies:
                sizes[agency] += 1
        self.places = Places.of(sizes)
        self.founding = list(founding(self._planner, self.services, self.places))
        self._registered = {
            (agency, reference): self._planner.event(h.ClientRegistered, agency=agency, reference=reference)
            for agency, reference in sorted(set(registrations))
        }
        self._neighbours: dict[str, list[str]] = defaultdict(list)
        for reference, agencies in known.items():
            for agency in agencies:
                self._neighbours[agency].append(reference)
        self.behind: dict[Place, str] = {place: place[1] for place in registrations}
        """The person behind each registration, by the export's reference; those at further agencies too."""
        self.people = [list(self._person(ref, agencies)) for ref, agencies in known.items()]
        self.changes = list(self._changes())

    @property
    def registered(self) -> list[h.Event]:
        """Every registration of the export."""
        return self.registered_beside(set())

    def registered_beside(self, known: AbstractSet[Place]) -> list[h.Event]:
        """The export's registrations that nobody made yet: publishing registers as well."""
        return [event for place, event in self._registered.items() if place not in known]

    @property
    def events(self) -> Iterator[h.Event]:
        """Everything up to the first comparison, in order."""
        yield from self.founding
        yield from self.registered
        for person in self.people:
            yield from person

    def _person(self, reference: str, agencies: list[str]) -> Iterator[h.Event]:
        planner = self._planner
        home = (agencies[0], reference)
        elsewhere = [agency for agency in self.services if agency not in agencies]
        further = [
            (agency, f"{agency}-{planner.random.randrange(16**8):08x}")
            for agency in planner.some(elsewhere, 2, 6)
        ]
        for agency, own in further:
            self.behind[agency, own] = reference
            yield planner.event(h.ClientRegistered, agency=agency, reference=own)
        kin = [(agency, reference) for agency in agencies[1:]] + further
        linked = [place for place in kin if planner.chance(0.96)]
        links: dict[Place, str] = {}
        for place in linked:
            links[place] = planner.name("link-")
            yield planner.event(h.LinkConfirmed, link=links[place], a=home, b=place)
        yield from choices(planner, self.places, home, linked, kin)
        neighbours = {
            agency: planner.random.choice([one for one in self._neighbours[agency] if one != reference])
            for agency in agencies
            if len(self._neighbours[agency]) > 1
        }
        places = [home, *(place for place in linked if place != home)]
        yield from Writer(planner, self.services, places, neighbours).records()
        yield from self._unlinking(links)

    def _unlinking(self, links: Mapping[Place, str]) -> Iterator[h.Event]:
        """Now and then a link was wrong; or it was cut while both stay joined through a third."""
        planner, places = self._planner, list(links)
        if len(places) >= 2 and planner.chance(0.03):
            yield planner.event(h.LinkConfirmed, link=planner.name("link-"), a=places[0], b=places[1])
            yield planner.event(h.LinkUndone, link=links[places[0]])
        elif places and planner.chance(0.03):
            yield planner.event(h.LinkUndone, link=links[places[-1]])

    def _changes(self) -> Iterator[h.Event]:
        """A third of the grants are withdrawn, an agreement is ended, some links are undone."""
        planner = self._planner
        grants = [one for person in self.people for one in person if isinstance(one, h.GrantRecorded)]
        for grant in planner.random.sample(grants, len(grants) // 3):
            yield planner.event(
                h.GrantWithdrawn,
                grant=grant.grant,
                by_agency=grant.agency,
                reference=grant.reference,
                remove=planner.chance(0.2),
            )
        yield planner.event(h.AgreementTerminated, agreement="ended")
