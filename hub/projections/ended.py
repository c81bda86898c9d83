"""What a stop, an exclusion or an agreement's end takes from the grants that were open.

For people's tasks only: what may be disclosed the policy decides, grant by grant and use by use. Here each
category of a grant counts as a whole, so that nobody is asked twice for one end, nor for what ended before.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

from consent_ledger import domain, facts
from consent_ledger.policy import running
from consent_ledger.vocabulary import SAFETY_CRITICAL, DataCategory, ServiceType
from hub.projections.chosen import ALWAYS, Kind, Recipient, kind_of, position_of
from hub.projections.consent_index import ConsentIndex
from hub.projections.hearing import heard

Ended = tuple[Sequence[facts.Grant], frozenset[DataCategory]]
"""Grants that say the same, oldest first, and the categories of them that ended."""


def counted_for(agreement: facts.Agreement, agency_id: str) -> facts.AgreementVersion | None:
    """The newest version that the agency signed, of those that have begun."""
    signed = (one for one in reversed(agreement.versions) if agency_id in one.signed_by)
    return next((one for one in signed if one.begun), None)


def has_just_ended(agreement: facts.Agreement, version: facts.AgreementVersion, event: Any) -> bool:
    """Whether the event, a lapse or a termination, ended this version."""
    if isinstance(event, domain.Agreement.Terminated):
        return version.begun and not version.lapsed
    return version.version == event.agreement_version and not agreement.terminated


def uncovered(
    index: ConsentIndex, version: facts.AgreementVersion, grant: facts.Grant
) -> frozenset[DataCategory]:
    """The grant's categories that the version listed for its purposes and no other agreement still does."""
    recipient = grant.scope.agency_id
    others = [] if recipient is None else running(index.agreements.values(), grant.captured_by, recipient)
    return frozenset(
        category
        for category in grant.scope.categories
        if any(
            (category, purpose) in version.rows
            and not any((category, purpose) in other.rows for _, other in others)
            for purpose in grant.scope.purposes
        )
    )


class Ends:
    """What the entry at a position, the newest, ended for the person whom a registration belongs to.

    Made for one entry, it remembers what it found: many grants say the same, and are asked after alike.
    """

    def __init__(self, index: ConsentIndex, position: int, registration_id: UUID) -> None:
        self._index = index
        self.position = position
        self.members = sorted(index.component(registration_id))
        self.warned: set[UUID] = set()
        """Registrations whose warnings somebody has to look at by now."""
        self._heard = heard(index, self.members)
        self._chosen = [index.chosen_on[one] for one in self._heard if one in index.chosen_on]
        self._kinds: list[tuple[Kind, list[facts.Grant]]] | None = None
        self._closed: dict[tuple[object, ...], int] = {}
        self._renewing: dict[tuple[object, ...], list[facts.Grant]] = {}
        self._services: dict[Recipient, set[ServiceType | None]] = {}

    def open_before(self, grant: facts.Grant) -> frozenset[DataCategory]:
        """The categories of a grant that nothing recorded before the entry has closed altogether."""
        if not grant.begun:
            return frozenset()
        on = self._index.chosen_on[grant.registration_id]
        if on.is_withdrawn(grant.grant_id, self.position):
            return frozenset()
        return _open(grant, self._closings(kind_of(grant), self.position))

    def closed_by(self, scope: facts.Scope) -> list[Ended]:
        """What a stop, which is this entry, took from the grants that were open: of what is safety-critical.

        Nobody is asked about the rest.
        """
        return self._taken(scope, [one for one in self._standing() if one[0].closable])

    def shut_by(self, scope: facts.Scope) -> list[Ended]:
        """The same of an exclusion, which shuts out whatever a grant rests on."""
        return self._taken(scope, self._standing())

    def _taken(self, scope: facts.Scope, kinds: list[tuple[Kind, list[facts.Grant]]]) -> list[Ended]:
        asked = (scope.categories or SAFETY_CRITICAL) & SAFETY_CRITICAL
        least: dict[tuple[object, ...], int] = {}
        found: list[Ended] = []
        for kind, grants in kinds:
            own = kind.scope
            alike = (kind.closable, kind.yields, own.agency_id, own.service_type, own.purposes)
            closed = least.get(alike)
            if closed is None:
                closings = self._closings(kind, self.position, asked)
                closed = least[alike] = min(closings.values(), default=ALWAYS)
            if grants[-1].position > closed and self._reaches(scope, own):
                categories = asked & own.categories
                found += _in_rows(grants, self._closings(kind, self.position, categories))
        return found

    def said_by_parents(self) -> list[Ended]:
        """What parents allowed for the person, and nothing had closed."""
        return [
            row
            for one in self.members
            if one in self._index.chosen_on
            for kind, grants in self._index.chosen_on[one].standing.items()
            if kind.parental
            for row in _in_rows(grants, self._closings(kind, self.position))
        ]

    def not_renewed(
        self, grants: Sequence[facts.Grant], categories: frozenset[DataCategory], by: str
    ) -> Sequence[facts.Grant]:
        """Of grants that say the same, those without another that the agency captured and that still says as
        much to the same recipient."""
        own = grants[0].scope
        alike = (own.agency_id, own.service_type, own.support_team, own.purposes, categories, by)
        if alike not in self._renewing:
            self._renewing[alike] = self._saying_as_much(own, categories, by)
        renewing = self._renewing[alike]
        if not renewing:
            return grants
        [one, *others] = renewing
        # One grant does not renew itself, two renew each other.
        return () if others else [grant for grant in _behind(grants, one.position - 1)[:1] if grant is one]

    def _saying_as_much(
        self, own: facts.Scope, categories: frozenset[DataCategory], by: str
    ) -> list[facts.Grant]:
        """Two grants that do, or one if there is but one: one may be the very grant that ended."""
        found: list[facts.Grant] = []
        for kind, grants in self._standing():
            scope = kind.scope
            if (
                kind.captured_by == by
                and scope.agency_id == own.agency_id
                and scope.service_type == own.service_type
                and scope.support_team == own.support_team
                and scope.purposes >= own.purposes
                and scope.categories >= categories
            ):
                closings = self._closings(kind, ALWAYS, categories)
                found += _behind(grants, max(closings.values(), default=0))[-2:]
                if len(found) >= 2:
                    break
        return found

    def _standing(self) -> list[tuple[Kind, list[facts.Grant]]]:
        """The active grants that count, by kind: as `ConsentIndex.person` has them."""
        if self._kinds is None:
            index = self._index
            grown = any(one in index.own_words_on for one in self._heard)
            self._kinds = [
                (kind, grants)
                for one in self.members
                if one in index.chosen_on and not index.registrations[one].erased
                for kind, grants in index.chosen_on[one].standing.items()
                if not (grown and kind.parental)
                if kind.given_by is None or not any(on.silences(kind.given_by) for on in self._chosen)
            ]
        return self._kinds

    def _closings(
        self, kind: Kind, before: int, categories: frozenset[DataCategory] | None = None
    ) -> dict[DataCategory, int]:
        """By category, up to where grants of the kind are closed in it: what is behind that is open."""
        asked = kind.scope.categories if categories is None else categories
        return {category: self._closed_to(kind, category, before) for category in asked}

    def _closed_to(self, kind: Kind, category: DataCategory, before: int) -> int:
        own = kind.scope
        agency_id, service_type, purposes = own.agency_id, own.service_type, own.purposes
        alike = (kind.closable, kind.yields, agency_id, service_type, purposes, category, before)
        known = self._closed.get(alike)
        if known is None:
            known = self._closed[alike] = self._find_closed_to(kind, category, before)
        return known

    def _find_closed_to(self, kind: Kind, category: DataCategory, before: int) -> int:
        own = kind.scope
        if any(on.shuts(own.agency_id, category, before) for on in self._chosen):
            return ALWAYS
        if not kind.closable:
            return 0
        recipients: list[Recipient] = [(None, None)]
        if own.agency_id is not None:
            recipients.append((own.agency_id, None))
        services = self._services_of(own.agency_id, own.service_type)
        if len(services) == 1:
            recipients += [(None, one) for one in services if one is not None]
        newest = max(
            (on.stop_on(recipients, category, own.purposes, before) for on in self._chosen), default=0
        )
        return ALWAYS if newest and kind.yields else newest

    def _reaches(self, scope: facts.Scope, own: facts.Scope) -> bool:
        """Whether a choice takes anything from a grant: some purpose, category and recipient of both."""
        if scope.categories and not scope.categories & own.categories:
            return False
        if scope.purposes and not scope.purposes & own.purposes:
            return False
        mine, theirs = (scope.agency_id, scope.service_type), (own.agency_id, own.service_type)
        if mine == (None, None) or theirs == (None, None):
            return True
        if mine[0] is not None and theirs[0] is not None:
            return mine[0] == theirs[0]
        return not self._services_of(*mine).isdisjoint(self._services_of(*theirs))

    def _services_of(
        self, agency_id: str | None, service_type: ServiceType | None
    ) -> set[ServiceType | None]:
        """The kinds of service that a recipient reads as. Of an agency that nobody registered: none."""
        asked = (agency_id, service_type)
        if asked not in self._services:
            if agency_id is None:
                self._services[asked] = {service_type}
            else:
                agency = self._index.agencies.get(agency_id)
                feeds = () if agency is None else agency.feeds
                self._services[asked] = {self._index.feeds[feed_id].service_type for feed_id in feeds}
        return self._services[asked]


def _open(grant: facts.Grant, closings: dict[DataCategory, int]) -> frozenset[DataCategory]:
    return frozenset(category for category, at in closings.items() if at < grant.position)


def _in_rows(grants: list[facts.Grant], closings: dict[DataCategory, int]) -> Iterator[Ended]:
    """Grants of one kind in rows of which the same is open, and what that is."""
    limits = sorted({*closings.values()})
    for closed, until in pairwise([*limits, ALWAYS]):
        behind = _behind(grants, closed)
        row = behind[: bisect_right(behind, until, key=position_of)]
        if row:
            yield row, _open(row[0], closings)


def _behind(grants: Sequence[facts.Grant], position: int) -> Sequence[facts.Grant]:
    """Those recorded behind the position."""
    return grants[bisect_right(grants, position, key=position_of) :]
