"""What a feed should hold about a person, and the steps from what it holds to that.

Permitted is what may be newly sent; retained is what was sent before its permission ended and may stay, as
the agreement's `on_end` says. No cause is a special case: each changes what this computes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from consent_ledger.access import StepKind, TermRow
from consent_ledger.entry import microseconds
from consent_ledger.facts import AgreementVersion, Feed, Fragment, Person, Registration
from consent_ledger.policy import permitted_rows, running
from consent_ledger.vocabulary import (
    DataCategory,
    HandlingMark,
    OnEnd,
    PermissionState,
    PostKind,
    Purpose,
)
from hub.projections.fragments import Fragments, Item, ItemClass
from hub.projections.held import VOID, Held, Terms, terms_of
from hub.use_cases.observer import Outcomes
from hub.use_cases.place_search import names
from hub.use_cases.taking import (
    does_not_wait,
    ends_in_any_case,
    said,
    unread_without_delay,
    warning_stays,
)
from hub.use_cases.wanted import Wanted, as_held, etags
from hub.use_cases.work import Work

_ALWAYS = (HandlingMark.NORDSCLCD, HandlingMark.PERSISTLABEL)
_STATE_AFTER = {OnEnd.STOP: PermissionState.STOPPED, OnEnd.RESTRICT: PermissionState.RESTRICTED}
_ID = 16
_made = tuple.__new__
"""Makes what a long story has hundreds of without the cost of its constructor."""
_FOR_EVER = 2**63


@dataclass(slots=True)
class Desired:
    """What a feed should hold about a person, by element id; and of what it should hold no longer, or only
    for less, what does not wait for the feed's window.

    `told`: the elements that can be read, of registrations of which something was erased.
    """

    wanted: dict[bytes, Wanted] = field(default_factory=dict)
    urgent: set[bytes] = field(default_factory=set)
    told: set[bytes] = field(default_factory=set)


class Change(NamedTuple):
    """One step that is due. `wanted` is unset for a retraction; `held` for what is new.

    `held` is what was sent last for a retraction, and what is durable at the partner for a correction.
    """

    kind: StepKind
    element_id: bytes
    wanted: Wanted | None
    held: Held | None

    @property
    def order(self) -> tuple[int, int, bytes]:
        """Take away first, then mend, then give; within each by time of occurrence."""
        occurred = 0 if self.wanted is None else self.wanted.item.occurred_at
        return (_ORDER[self.kind], occurred, self.element_id)

    @property
    def takes(self) -> bool:
        """Whether it only takes back, or ends purposes: nothing in it is news that may be used."""
        if self.wanted is None:
            return True
        if self.kind is not StepKind.CORRECT or self.held is None:
            return False
        if self.wanted.ring is not None:
            return not self.held.stub
        if self.wanted.terms.active and self.wanted.item.revision != self.held.revision:
            return False
        before = {row.key: _ALLOWS[row.state] for row in self.held.terms.rows}
        return all(_ALLOWS[row.state] <= before.get(row.key, 0) for row in self.wanted.terms.rows)


_ALLOWS = {PermissionState.RESTRICTED: 1, PermissionState.STOPPED: 2, PermissionState.ACTIVE: 3}
"""How much each state allows: greyed is less than stopped, nothing less than either."""
_ORDER = {StepKind.RETRACT: 0, StepKind.CORRECT: 1, StepKind.DISCLOSE: 2}


def _active(terms: Terms) -> set[str]:
    return {row.key for row in terms.rows if row.state is PermissionState.ACTIVE}


def desired(
    work: Work,
    feed: Feed,
    pair: UUID,
    held: dict[bytes, Held],
    acknowledged: int,
    seen_as: Person | None = None,
) -> Desired:
    """What the feed should hold about the person behind one of its agency's references.

    `seen_as`: the person as somebody there reads of them, where that differs; nothing is kept of it.
    """
    own = work.index.current_of_pair(pair)
    person = seen_as or work.index.person(own.registration_id)
    found = Desired()
    unopened = _never_opened(feed, person, held)
    for registration in person.registrations.values():
        if registration.agency_id != feed.agency_id:
            fragments = work.segments.fragments(registration.registration_id, unopened)
            for erased in work.index.awaiting_erasure(registration.registration_id):
                fragments.latest.pop(erased, None)
            if fragments.latest:
                before = len(found.wanted)
                _Teller(work, feed, own, person, registration).add(pair, fragments, held, acknowledged, found)
                going = len(found.wanted) - before
                work.outcomes += Outcomes(permit=going, deny=len(fragments.latest) - going)
    if work.index.erasures_on:
        found.urgent |= unread_without_delay(work.index, feed, person, held, acknowledged, found.told)
    return found


def _never_opened(feed: Feed, person: Person, held: dict[bytes, Held]) -> frozenset[DataCategory]:
    """Categories that the feed never was, and now cannot be, sent: nothing of them is even decrypted."""
    if held:
        open_to_it = feed.categories
    else:
        granted = (grant.scope.categories for grant in person.grants if grant.active)
        decided = (one.categories for one in person.decisions if one.active)
        open_to_it = feed.categories & frozenset().union(*granted, *decided)
    return frozenset(DataCategory) - open_to_it


def changes(
    work: Work, held: dict[bytes, Held], wanted: dict[bytes, Wanted], acknowledged: int
) -> list[Change]:
    """The steps from what is held to what is wanted, in the order in which they are sent.

    What was sent, not acknowledged and since forbidden is retracted too, under a new number.
    """
    found = [
        Change(StepKind.RETRACT, element_id, None, one)
        for element_id, one in held.items()
        if element_id not in wanted
    ]
    for element_id, one in wanted.items():
        sent = held.get(element_id)
        if sent is None:
            found.append(Change(StepKind.DISCLOSE, element_id, one, None))
        elif not _is_held_as(work, one, sent):
            # What was sent and lost gave the partner nothing: giving it again is no taking.
            durable = sent.acknowledged(acknowledged)
            kind = StepKind.DISCLOSE if durable is None else StepKind.CORRECT
            found.append(Change(kind, element_id, one, durable))
    return sorted(found, key=lambda change: change.order)


def _is_held_as(work: Work, wanted: Wanted, held: Held) -> bool:
    """Whether the partner was sent exactly this."""
    if held.sequence == VOID or held.stub is (wanted.ring is None) or held.terms != wanted.terms:
        return False
    if wanted.ring is not None:
        # The number to ring may have changed.
        return etags(work, [wanted])[wanted.element_id] == held.etag
    return held.revision == wanted.item.revision


class _Teller:
    """One registration's fragments as one feed may hold them about one person."""

    def __init__(
        self, work: Work, feed: Feed, own: Registration, person: Person, registration: Registration
    ) -> None:
        self._work = work
        self._feed = feed
        self._own = own
        self._person = person
        self._registration = registration
        self._running: list[tuple[str, AgreementVersion]] = running(
            work.index.agreements.values(), registration.agency_id, feed.agency_id
        )
        self._marked = {
            marker.record_id.bytes
            for marker in person.markers
            if marker.record_id is not None and not marker.lifted
        } | {record_id.bytes for one in person.decisions if one.active for record_id in one.record_ids}
        self._marked |= {record_id.bytes for record_id, _ in person.care_of}
        self._periods = [
            (
                -_FOR_EVER if grant.data_from is None else microseconds(grant.data_from),
                _FOR_EVER if grant.data_until is None else microseconds(grant.data_until),
            )
            for grant in person.grants
            if grant.data_from or grant.data_until
        ]
        self._decided: dict[bytes, Terms | None] = {}
        as_ever = person is work.index.person(own.registration_id)
        self._known: dict[tuple[UUID, UUID, UUID, bytes], Any] = work.index.decisions if as_ever else {}
        self._places = work.index.places.any_held(registration.registration_id)
        self._not_searched = work.index.places.not_searched()

    def add(
        self, pair: UUID, fragments: Fragments, held: dict[bytes, Held], acknowledged: int, found: Desired
    ) -> None:
        origin = self._registration.registration_id.bytes
        elements = self._work.vault.opaque_ids("element", pair.bytes, blocks=b"".join(fragments.latest))
        wanted, at, decided = found.wanted, 0, self._decided
        alike = not (self._marked or self._periods or self._work.index.passed or self._places)
        if self._registration.registration_id in self._work.index.erasures_on:
            found.told.update(elements[at : at + _ID] for at in range(0, len(elements), _ID))
        for fragment_id, item in fragments.latest.items():
            element_id = elements[at : at + _ID]
            at += _ID
            if item.gone:
                if element_id in held:
                    self._gone(element_id, fragment_id, item, held[element_id], acknowledged, found.urgent)
                continue
            key = item.kind.key
            terms = decided[key] if alike and key in decided else self._active_terms(fragment_id, item)
            sent = held.get(element_id) if held else None
            durable = None if sent is None else sent.acknowledged(acknowledged)
            earlier: Sequence[Item] = fragments.earlier.get(fragment_id, ())
            if self._not_searched and terms is not None:
                known = 0 if durable is None else durable.revision
                if item.revision != known and names(self._work.vault, self._not_searched, item):
                    # What they hold stays; copies that are out already, the search takes back.
                    if durable is None or (before := as_held(earlier, durable)) is None:
                        continue
                    item, terms = before, self._active_terms(fragment_id, before)
            if durable is None or durable.terms is terms:
                if terms is not None:
                    wanted[element_id] = _made(Wanted, (element_id, fragment_id, origin, item, terms, None))
            else:
                revisions = (*earlier, item)
                warned = sent is not None and sent.stub
                one = self._after_sending(
                    element_id, fragment_id, revisions, terms, durable, warned, found.urgent
                )
                if one is not None:
                    wanted[element_id] = one

    def _gone(
        self,
        element_id: bytes,
        fragment_id: bytes,
        item: Item,
        sent: Held,
        acknowledged: int,
        urgent: set[bytes],
    ) -> None:
        """Its author took it away; if the person said *now* before that, it still does not wait."""
        durable = sent.acknowledged(acknowledged)
        if durable is not None:
            ended = list(zip(durable.terms.rows, durable.since, strict=True))
            subjects = (self._person, *self._others(item.kind))
            # What was sent may hold a place that what took it away says nothing of.
            facts = replace(
                self._facts(fragment_id, item), holds_place=self._place_in(fragment_id, durable.revision)
            )
            if does_not_wait(self._feed, facts, subjects, ended):
                urgent.add(element_id)

    def _active_terms(self, fragment_id: bytes, item: Item) -> Terms | None:
        """The terms under which the fragment may newly go; `None` when it may not.

        Fragments of one class are decided alike, and a decision stands until a fact changes, unless something
        speaks of this one record.
        """
        kind, index = item.kind, self._work.index
        if (
            item.record_id in self._marked
            or item.record_id in index.passed
            or kind.solely_about
            or (self._places and self._place_in(fragment_id, item.revision) is not None)
        ):
            return self._decide(fragment_id, item)
        alike = kind.key
        if self._periods:
            alike += bytes(first <= item.occurred_at <= last for first, last in self._periods)
        key = (self._feed.feed_id, self._own.registration_id, self._registration.registration_id, alike)
        terms: Terms | None
        if key in self._known:
            terms = self._known[key]
        else:
            terms = self._known[key] = self._decide(fragment_id, item)
        self._decided[alike] = terms
        return terms

    def _decide(self, fragment_id: bytes, item: Item) -> Terms | None:
        facts = self._facts(fragment_id, item)
        active = permitted_rows(
            facts, self._feed, self._own, self._person, self._running, self._others(item.kind)
        )
        if not active:
            return None
        return terms_under(active, facts)

    def _facts(self, fragment_id: bytes, item: Item) -> Fragment:
        return self._work.index.dated(item.facts(fragment_id, self._registration.registration_id))

    def _place_in(self, fragment_id: bytes, revision: int) -> str | None:
        """Who protects a place that this revision of the fragment holds; `None`: it holds none."""
        one = self._registration
        return self._work.index.places.protector(one.registration_id, fragment_id, revision, one.agency_id)

    def _others(self, kind: ItemClass) -> list[Person]:
        return [self._work.index.person(other) for other in kind.solely_about]

    def _after_sending(
        self,
        element_id: bytes,
        fragment_id: bytes,
        revisions: Sequence[Item],
        active: Terms | None,
        durable: Held,
        warned: bool,
        urgent: set[bytes],
    ) -> Wanted | None:
        """The element where purposes may have ended since it was sent. `warned`: a warning was sent last."""
        item = revisions[-1]
        facts = self._facts(fragment_id, item)
        subjects = (self._person, *self._others(item.kind))
        known = set() if active is None else _active(active)
        ended = [
            (row, since)
            for row, since in zip(durable.terms.rows, durable.since, strict=True)
            if row.key not in known
        ]
        held = replace(facts, holds_place=self._place_in(fragment_id, durable.revision))
        if ended and (
            does_not_wait(self._feed, facts, subjects, ended)
            or does_not_wait(self._feed, held, subjects, ended)
        ):
            urgent.add(element_id)
        rows = [] if active is None else list(active.rows)
        # A copy of what was erased, and told again since: nothing of what it was allowed for stays.
        readable = any(one.revision == durable.revision for one in revisions)
        taken_back = ends_in_any_case(facts, subjects) or not readable
        if active is None and held.holds_place is not None:
            taken_back = True
        if not taken_back:
            for row, since in ended:
                state = self._after_end(facts, subjects, row, since)
                if state is not None:
                    rows.append(TermRow(row.purpose, row.agreement_id, state))
        origin = self._registration.registration_id.bytes
        stored = item if active is not None else as_held(revisions, durable)
        if stored is None:
            return None
        # A mark that a newer revision bears would tell of that revision.
        shown = facts if stored is item else self._facts(fragment_id, stored)
        if rows:
            return Wanted(element_id, fragment_id, origin, stored, _terms(rows, shown))
        if taken_back or not warning_stays(self._work.index, self._own, facts, durable, warned):
            return None
        rows = [
            TermRow(row.purpose, row.agreement_id, PermissionState.RESTRICTED) for row in durable.terms.rows
        ]
        post = self._work.index.agencies[facts.origin_agency_id].posts.get(PostKind.SAFEGUARDING_LEAD)
        ring = "" if post is None else post.telephone
        return Wanted(element_id, fragment_id, origin, stored, _terms(rows, shown), ring)

    def _after_end(
        self, facts: Fragment, subjects: Iterable[Person], row: TermRow, since: int
    ) -> PermissionState | None:
        """What becomes of a row whose permission has ended; `None` when it is to be retracted."""
        if any(said(self._feed, facts, subject, row, since, "remove") for subject in subjects):
            return None
        if self._person.deceased:
            return PermissionState.STOPPED
        agreement = self._work.index.agreements.get(row.agreement_id)
        if agreement is None:  # what people decided is taken back when it ends
            return None
        end = agreement.end_of(facts.categories, row.purpose, facts.origin_agency_id, self._feed.agency_id)
        return None if end is None else _STATE_AFTER.get(end)


def terms_under(rows: Iterable[tuple[Purpose, str]], facts: Fragment) -> Terms:
    """The terms of a fragment that is permitted now under these purposes and agreements."""
    return _terms([TermRow(purpose, agreement, PermissionState.ACTIVE) for purpose, agreement in rows], facts)


def _terms(rows: Iterable[TermRow], facts: Fragment) -> Terms:
    ordered = tuple(sorted(rows, key=lambda row: row.key))
    active = {row.purpose for row in ordered if row.state is PermissionState.ACTIVE}
    marks = {*_ALWAYS, *facts.marks}
    if Purpose.REFERRAL_ELIGIBILITY not in active:
        marks.add(HandlingMark.NOREUSE)
    return terms_of(ordered, tuple(sorted(marks)))
