"""One question to the decision table."""

from dataclasses import dataclass

from consent_ledger import facts
from consent_ledger.staff import BreakGlassReason
from consent_ledger.vocabulary import DEFAULT_LEVEL, DataCategory, Level, Purpose, Reason, Verdict

Why = tuple[Verdict, int, Reason | None]
"""A verdict and the test it stands on. Test 5's reason is left open: neighbouring codes say the same."""


@dataclass(frozen=True, slots=True)
class Question:
    """May this fragment go to this feed, at this registration of its agency's, for this purpose?"""

    fragment: facts.Fragment
    feed: facts.Feed
    registration: facts.Registration | None
    purpose: Purpose
    person: facts.Person
    agreements: tuple[facts.Agreement, ...]
    others: tuple[facts.Person, ...] = ()
    glass: BreakGlassReason | None = None  # it is a read, by somebody who broke glass

    @property
    def origin(self) -> str:
        return self.fragment.origin_agency_id

    @property
    def recipient(self) -> str:
        return self.feed.agency_id

    @property
    def subjects(self) -> tuple[facts.Person, ...]:
        """Whose choices count: the teller's, and those of whom it is solely about."""
        return (self.person, *self.others)

    @property
    def parts(self) -> list[tuple[DataCategory, Level, bool]]:
        """Each category with its level and whether it is the envelope's: a fragment needs that too."""
        own = self.fragment.level
        if "CONTACT_LOCATION" in self.fragment.categories and self.gives_a_sleep_site_away:
            own = Level.V
        content = [
            (one, max(DEFAULT_LEVEL[one], own, key="NRV".index), False) for one in self.fragment.categories
        ]
        envelope = self.fragment.envelope_category
        return [*content, (envelope, DEFAULT_LEVEL[envelope], True)]

    @property
    def gives_a_sleep_site_away(self) -> bool:
        """H23: to somebody who could move them on, fine or detain them; what is not known counts as one."""
        return self.feed.has_enforcement_powers and not self.fragment.no_sleep_site

    @property
    def for_life(self) -> bool:
        """Test 5 yields to glass broken for vital interests, in an emergency; not immigration (ruling 23)."""
        return (
            self.glass == BreakGlassReason.VITAL_INTERESTS
            and self.purpose == Purpose.EMERGENCY
            and DataCategory.IMMIGRATION not in self.touched
        )

    @property
    def touched(self) -> set[DataCategory]:
        return {category for category, _, _ in self.parts}
