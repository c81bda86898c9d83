"""Tells short histories for hand-worked cases: agencies, one linked person, then the case."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.oracle import history as h
from tests.oracle.decide import Element, permitted
from tests.oracle.evidence import SHOWN
from tests.oracle.facts import Facts
from tests.oracle.store import Held, expected_store

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
P, Q = "DIRECT_SUPPORT", "REFERRAL_ELIGIBILITY"
CATEGORIES = (
    "IDENTITY",
    "CONTACT_LOCATION",
    "EQUALITY",
    "ACCOMMODATION",
    "PHYSICAL_HEALTH",
    "MENTAL_HEALTH",
    "SUBSTANCE_USE",
    "OFFENDING",
    "DOMESTIC_ABUSE",
    "SEXUAL_HEALTH",
    "SAFEGUARDING_RISK",
    "IMMIGRATION",
    "MONEY_WORK",
    "FAMILY",
    "OWN_STORY",
    "SERVICE_CONTACT",
)
HOME, CONTACT = "r1:ACCOMMODATION", "r1:SERVICE_CONTACT"
DAY = timedelta(days=1)
USUAL = frozenset({"SERVICE_CONTACT", "ACCOMMODATION", "MENTAL_HEALTH", "CONTACT_LOCATION", "DOMESTIC_ABUSE"})


class Story:
    """The hostel tells, the drug service ("drugs", feed "drugs") reads; "gp" is a third agency."""

    def __init__(self) -> None:
        self.now = START
        self.events: list[h.Event] = []
        self.observations: list[h.Observation] = []
        self.seq = 0
        self.sequence = 0
        for agency, kind in (("hostel", "HOSTEL"), ("drugs", "SUBSTANCE_USE"), ("gp", "PRIMARY_CARE")):
            self.say(h.AgencyRegistered, agency=agency, service_type=kind)
            self.feed(agency, agency, kind)
        for agency in ("hostel", "drugs", "gp"):
            self.say(h.ClientRegistered, agency=agency, reference=f"{agency}-1")
        self.link("l1", "hostel", "drugs")

    def say(self, kind: type[h.Event], /, **fields: Any) -> None:
        """Appends one event a minute after the one before."""
        self.seq += 1
        self.now += timedelta(minutes=1)
        self.events.append(kind(seq=self.seq, at=self.now, **fields))

    def feed(
        self, feed: str, agency: str, kind: str, purposes: tuple[str, ...] = (P, Q), window: str = ""
    ) -> None:
        self.say(
            h.FeedOpened,
            feed=feed,
            agency=agency,
            service_type=kind,
            purposes=frozenset(purposes),
            categories=frozenset(CATEGORIES),
            window=window,
        )

    def link(self, link: str, a: str, b: str) -> None:
        self.say(h.LinkConfirmed, link=link, a=(a, f"{a}-1"), b=(b, f"{b}-1"))

    def agreement(
        self,
        name: str = "isa",
        version: int = 1,
        *,
        agencies: tuple[str, ...] = ("hostel", "drugs", "gp"),
        signed: tuple[str, ...] | None = None,
        basis: str = "A6_1_C",
        article9: str | None = "A9_2_H",
        article10: str | None = "SCH1_P1",
        categories: tuple[str, ...] = CATEGORIES,
        purposes: tuple[str, ...] = (P,),
        on_end: str = "STOP",
        flag: bool = False,
        receives_only: tuple[str, ...] = (),
        notice: str = "notice-1",
        days: int = 365,
        starts_in: timedelta = timedelta(),
    ) -> None:
        bases = tuple(h.Basis(purpose, basis, article9, article10) for purpose in purposes)
        self.say(
            h.AgreementDrafted,
            agreement=name,
            version=version,
            parties=tuple(h.Party(agency, bases, agency in receives_only) for agency in agencies),
            rows=tuple(h.Row(category, one, on_end, flag) for category in categories for one in purposes),
            start=self.now + starts_in,
            end=self.now + timedelta(days=days),
            notice=notice,
        )
        for agency in agencies if signed is None else signed:
            self.say(h.AgreementSigned, agreement=name, version=version, agency=agency)

    def grant(
        self,
        grant: str = "g1",
        *,
        by: str = "hostel",
        to: str | None = "drugs",
        kind: str | None = None,
        categories: frozenset[str] = USUAL,
        purposes: frozenset[str] = frozenset({P}),
        days: int = 100,
        given_ago: timedelta = timedelta(),
        basis: str = "EXPLICIT_CONSENT",
        **fields: Any,
    ) -> None:
        """With its evidence, unless the case says otherwise."""
        shown = {"method": "BEST_INTERESTS_RECORD"} if basis == "BEST_INTERESTS" else {}
        self.say(
            h.GrantRecorded,
            grant=grant,
            basis=basis,
            agency=by,
            reference=f"{by}-1",
            purposes=purposes,
            categories=categories,
            recipient=h.Recipient(agency=to, service_type=kind, support_team=to is None and kind is None),
            given=self.now - given_ago,
            effective_until=self.now + timedelta(days=days),
            **{"evidence": SHOWN[basis], **shown, **fields},
        )

    def withdraw(self, grant: str, by: str = "hostel", remove: bool = False) -> None:
        self.say(h.GrantWithdrawn, grant=grant, by_agency=by, reference=f"{by}-1", remove=remove)

    def refuse(self, by: str = "hostel", **fields: Any) -> None:
        self.say(h.RefusalRecorded, refusal=f"r{self.seq}", agency=by, reference=f"{by}-1", **fields)

    def involve(self, agency: str = "drugs", by: str = "hostel") -> None:
        self.say(h.InvolvementOpened, by_agency=by, reference=f"{by}-1", agency=agency, ground="REFERRAL")

    def record(
        self,
        *categories: str,
        name: str = "r1",
        by: str = "hostel",
        service: str = "HOSTEL",
        revision: int = 1,
        free_text: bool = False,
        third_party: bool = False,
        occurred_ago: timedelta = timedelta(hours=1),
        risk: h.Risk | None = None,
        **fields: Any,
    ) -> None:
        """One part for each category; one part with them all for free text. `risk` is SAFEGUARDING_RISK's."""
        names = [frozenset(categories)] if free_text else [frozenset({one}) for one in categories]
        self.say(
            h.RecordPublished,
            agency=by,
            reference=f"{by}-1",
            record_id=name,
            revision=revision,
            service_type=service,
            occurred=self.now - occurred_ago,
            parts=tuple(
                h.Part(
                    one,
                    free_text,
                    third_party,
                    risk=risk if one == frozenset({"SAFEGUARDING_RISK"}) else None,
                )
                for one in names
                if one
            ),
            **fields,
        )

    def permitted(self, feed: str = "drugs") -> dict[str, Element]:
        """What may be sent now: by `record:CATEGORY+CATEGORY`."""
        found = permitted(Facts(self.events), feed, self.now)
        return {_label(key): element for (_, key), element in found.items()}

    def store(self, feed: str = "drugs") -> dict[str, Held]:
        """What must be held now."""
        found = expected_store(Facts(self.events), self.observations, feed, self.now)
        return {_label(key): held for (_, key), held in found.items()}

    def deliver(self, feed: str = "drugs", acknowledge: bool = True) -> None:
        """The feed fetches until nothing is left: it holds what it must."""
        facts = Facts(self.events)
        store = expected_store(facts, self.observations, feed, self.now)
        self.seq += 1
        epoch = 1
        for (reference, key), held in store.items():
            self.sequence += 1
            self.observations.append(
                h.Delivered(
                    seq=self.seq,
                    feed=feed,
                    epoch=epoch,
                    sequence=self.sequence,
                    client_reference=reference,
                    key=key,
                    revision=held.revision,
                    rows=held.rows,
                    ring=held.ring,
                )
            )
        gone = {
            (one.client_reference, one.key)
            for one in self.observations
            if isinstance(one, h.Delivered) and (one.client_reference, one.key) not in store
        }
        for reference, key in gone:
            self.sequence += 1
            self.observations.append(
                h.Retracted(
                    seq=self.seq,
                    feed=feed,
                    epoch=epoch,
                    sequence=self.sequence,
                    client_reference=reference,
                    key=key,
                )
            )
        if acknowledge:
            self.observations.append(
                h.Acknowledged(seq=self.seq, feed=feed, epoch=epoch, sequence=self.sequence)
            )


def _label(key: h.FragmentKey) -> str:
    return f"{key.record_id}:{'+'.join(sorted(key.categories))}"


def told(**agreement: object) -> Story:
    """An agreement, a record of where she sleeps and of the contact, and no choice yet."""
    story = Story()
    story.agreement(**agreement)  # type: ignore[arg-type]
    story.record("ACCOMMODATION", "SERVICE_CONTACT")
    return story


def granted(**agreement: object) -> Story:
    story = told(**agreement)
    story.grant()
    return story


def states(held: Held) -> set[tuple[str, str]]:
    return {(agreement, state) for _, agreement, state in held.rows}


def nothing_after(change: Callable[[Story], object]) -> None:
    story = granted()
    assert set(story.permitted()) == {HOME, CONTACT}
    change(story)
    assert story.permitted() == {}
