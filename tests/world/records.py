"""Records of what the files do not hold, so that all sixteen categories and every protection occur."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.oracle import history as h
from tests.oracle.generate_terms import CATEGORIES
from tests.world.choices import BASICS, Place
from tests.world.planner import Planner

MISSING = ("CONTACT_LOCATION", "OFFENDING", "SAFEGUARDING_RISK", "IMMIGRATION", "FAMILY", "OWN_STORY")
SERVICES = ("SUBSTANCE_USE", "MENTAL_HEALTH", "PROBATION", "FAMILY_SUPPORT", "MONEY_ADVICE")
KINDS = ("THIRD_PARTY", "SERIOUS_HARM", "PRIVILEGED", "CRIME_PREJUDICE")


class Writer:
    """Writes one person's further records. `places` are their registrations; `neighbours` other people's."""

    def __init__(
        self,
        planner: Planner,
        services: dict[str, str],
        places: list[Place],
        neighbours: dict[str, str],
    ) -> None:
        self._planner, self._services, self._places = planner, services, places
        self._neighbours = neighbours  # another person's reference by agency

    def records(self) -> Iterator[h.Event]:
        planner = self._planner
        for place in self._places:
            if not planner.chance(0.6):
                continue
            first = self._record(place, planner.name("more-"), 1)
            yield first
            change = planner.random.random()
            if change < 0.12:
                yield self._record(place, first.record_id, 2, service=first.service_type)
            elif change < 0.16:
                yield self._record(
                    place, first.record_id, 2, service=first.service_type, parts=(), withdrawn=True
                )
        home = self._places[0]
        if planner.chance(0.15):
            yield from self._marked(home)
        if planner.chance(0.06):
            tomorrow = planner.start + timedelta(days=1)
            yield self._record(home, planner.name("risk-"), 1, only="SAFEGUARDING_RISK", review_by=tomorrow)
        if planner.chance(0.06):
            tomorrow = planner.start + timedelta(days=1)
            yield self._record(home, planner.name("spent-"), 1, only="OFFENDING", spent_on=tomorrow)
        if planner.chance(0.05):
            yield self._note_about_somebody_else(home)

    def _marked(self, place: Place) -> Iterator[h.Event]:
        record = self._record(place, name := self._planner.name("marked-"), 1, only="ACCOMMODATION")
        yield record
        yield self._planner.event(
            h.MarkerPlaced,
            marker=self._planner.name("marker-"),
            agency=place[0],
            reference=place[1],
            kind=self._planner.random.choice(KINDS),
            record_id=name,
        )

    def _note_about_somebody_else(self, place: Place) -> h.Event:
        name = self._planner.name("note-")
        words = h.Part(frozenset({"ACCOMMODATION"}), True, True, f"{name}/1/words")
        flag = h.Part(frozenset({"SERVICE_CONTACT"}), third_party=True, content="third-party")
        return self._record(place, name, 1, parts=(words, flag))

    def _record(
        self,
        place: Place,
        name: str,
        revision: int,
        *,
        only: str | None = None,
        service: str | None = None,
        parts: tuple[h.Part, ...] | None = None,
        **fields: Any,
    ) -> h.RecordPublished:
        planner, (agency, reference) = self._planner, place
        if service is None:
            special = only is None and parts is None and planner.chance(0.25)
            service = planner.random.choice(SERVICES) if special else self._services[agency]
        if parts is None:
            parts = self._parts(f"{name}/{revision}", only)
        others: tuple[h.OtherSubject, ...] = ()
        if agency in self._neighbours and only is None and planner.chance(0.15):
            other = h.OtherSubject(self._neighbours[agency], frozenset({"FAMILY"}), planner.chance(0.5))
            others = (other,)
        event = planner.event(
            h.RecordPublished,
            agency=agency,
            reference=reference,
            record_id=name,
            revision=revision,
            service_type=service,
            occurred=planner.start - timedelta(days=planner.random.randint(1, 1500)),
            parts=parts,
            marks=frozenset({"DELAU"} if planner.chance(0.1) else ()),
            other_subjects=others,
            **fields,
        )
        assert isinstance(event, h.RecordPublished)
        return event

    def _parts(self, stamp: str, only: str | None) -> tuple[h.Part, ...]:
        planner = self._planner
        if only is not None:
            return (h.Part(frozenset({only}), content=f"{stamp}/{only}"),)
        categories = [*planner.some(MISSING, 1, 4), *planner.some(CATEGORIES, 0, 2)]
        parts = [
            h.Part(frozenset({category}), content=f"{stamp}/{category}")
            for category in dict.fromkeys(categories)
        ]
        if planner.chance(0.15):
            words = frozenset(planner.some(BASICS, 1, 2))
            parts.append(h.Part(words, free_text=True, content=f"{stamp}/words"))
        return tuple(parts)
