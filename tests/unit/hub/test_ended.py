"""What ended is found without looking through all that somebody ever chose, and is what looking would find.

The plain definitions stand here: a closing choice is held against each category of each grant.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from consent_ledger.domain import recording_time
from consent_ledger.facts import Grant as Granted
from consent_ledger.facts import Scope, Stop
from consent_ledger.policy.confidentiality import CLOSED_BY_A_STOP, NOT_OF_THE_PERSON
from consent_ledger.vocabulary import (
    SAFETY_CRITICAL,
    CaptureMethod,
    DataCategory,
    Purpose,
    ServiceType,
)
from hub.projections.chosen import ALWAYS
from hub.projections.consent_index import ConsentIndex
from hub.projections.ended import Ended, Ends
from tests.unit.hub.choosing import AGENCIES, CATEGORIES, PURPOSES, History
from tests.unit.hub.folded import MONDAY, RISK, Facts


@pytest.fixture
def facts() -> Iterator[Facts]:
    token = recording_time.set(MONDAY)
    try:
        made = Facts()
        made.agree()
        yield made
    finally:
        recording_time.reset(token)


def services(index: ConsentIndex, scope: Scope) -> set[ServiceType | None]:
    if scope.agency_id is None:
        return {scope.service_type}
    return {index.feeds[one].service_type for one in index.agencies[scope.agency_id].feeds}


def closes(index: ConsentIndex, scope: Scope, own: Scope, category: DataCategory) -> bool:
    """Whether nothing is left of the category, for no purpose and no recipient."""
    if (scope.categories and category not in scope.categories) or (
        scope.purposes and not own.purposes <= scope.purposes
    ):
        return False
    if scope.agency_id is not None:
        return scope.agency_id == own.agency_id
    return scope.service_type is None or services(index, own) == {scope.service_type}


def reaches(index: ConsentIndex, scope: Scope, own: Scope) -> bool:
    if (scope.categories and not scope.categories & own.categories) or (
        scope.purposes and not scope.purposes & own.purposes
    ):
        return False
    for one in (scope, own):
        if one.agency_id is None and one.service_type is None:
            return True
    if scope.agency_id is not None and own.agency_id is not None:
        return scope.agency_id == own.agency_id
    return bool(services(index, scope) & services(index, own))


def open_before(index: ConsentIndex, grant: Granted, position: int) -> frozenset[DataCategory]:
    if not grant.begun:
        return frozenset()
    person = index.person(grant.registration_id)
    yields = grant.weak or grant.basis in NOT_OF_THE_PERSON

    def counts(stop: Stop) -> bool:
        own = stop.grant_id == grant.grant_id
        late = stop.position > grant.position or yields
        return late and stop.position < position and (own or grant.basis in CLOSED_BY_A_STOP)

    closing = [stop.scope for stop in person.stops if counts(stop)]
    for one in person.exclusions:
        if not one.lifted and one.position < position:
            named = frozenset() if one.category is None else frozenset({one.category})
            closing.append(Scope(frozenset(), named, one.agency_id))
    return frozenset(
        category
        for category in grant.scope.categories
        if not any(closes(index, scope, grant.scope, category) for scope in closing)
    )


def counting(index: ConsentIndex, any_registration: Any) -> list[Granted]:
    """The active grants that count, oldest first."""
    person = index.person(any_registration)
    return [
        grant
        for grant in person.grants
        if grant.active
        and not index.registrations[grant.registration_id].erased
        and not (grant.given_by and any(out.shuts_out(grant.given_by) for out in person.exclusions))
        and not (
            grant.method is CaptureMethod.PARENTAL_RESPONSIBILITY
            and any(one in index.own_words_on for one in person.registrations)
        )
    ]


def one_by_one(ended: list[Ended]) -> list[tuple[Granted, frozenset[DataCategory]]]:
    found = [(grant, categories) for grants, categories in ended for grant in grants]
    return sorted(found, key=lambda one: one[0].position)


def taken(
    index: ConsentIndex, at: Any, scope: Scope, position: int, *, by_stop: bool
) -> list[tuple[Granted, frozenset[DataCategory]]]:
    found = [
        (grant, open_before(index, grant, position) & (scope.categories or SAFETY_CRITICAL) & SAFETY_CRITICAL)
        for grant in counting(index, at)
        if reaches(index, scope, grant.scope) and (grant.basis in CLOSED_BY_A_STOP or not by_stop)
    ]
    return [one for one in found if one[1]]


def renewed(index: ConsentIndex, ended: Granted, categories: frozenset[DataCategory], by: str) -> bool:
    def recipient(grant: Granted) -> tuple[Any, ...]:
        return (grant.scope.agency_id, grant.scope.service_type, grant.scope.support_team)

    return any(
        grant is not ended
        and grant.captured_by == by
        and recipient(grant) == recipient(ended)
        and grant.scope.purposes >= ended.scope.purposes
        and categories <= open_before(index, grant, ALWAYS)
        for grant in counting(index, ended.registration_id)
    )


@pytest.mark.parametrize("seed", range(12))
def test_what_is_found_is_what_looking_through_all_of_it_finds(facts: Facts, seed: int) -> None:
    history, index = History(facts, seed), facts.index
    any_of = history.any
    seen = {"open": 0, "closed": 0, "taken": 0, "renewed": 0, "not renewed": 0}
    for number in range(70):
        history.step()
        if number % 5:
            continue
        for at in facts.registrations.values():
            # As of the newest entry, whatever it was, and as of a stop or an exclusion that comes next.
            ends = Ends(index, facts.position, at)
            next_ends = Ends(index, facts.position + 1, at)
            purposes = frozenset(map(Purpose, history.some(PURPOSES)))
            categories = frozenset(map(DataCategory, history.some(CATEGORIES)))
            named = history.recipient()
            service = None if named["service_type"] is None else ServiceType(named["service_type"])
            scope = Scope(purposes, categories, named["agency_id"], service)
            for by_stop, found in ((True, next_ends.closed_by(scope)), (False, next_ends.shut_by(scope))):
                assert one_by_one(found) == taken(index, at, scope, facts.position + 1, by_stop=by_stop)
                seen["taken"] += len(found)
                for grants, _ in found:
                    by, some = grants[0].captured_by, frozenset({DataCategory(any_of.choice(CATEGORIES))})
                    left = [one for one in grants if not renewed(index, one, some, by)]
                    assert list(next_ends.not_renewed(grants, some, by)) == left
            for grant in (one for member in ends.members for one in index.grants_on[member]):
                opened = ends.open_before(grant)
                assert opened == open_before(index, grant, facts.position)
                seen["open" if opened else "closed"] += 1
                asked = any_of.choice((opened, opened & SAFETY_CRITICAL, frozenset({DataCategory(RISK)})))
                by = any_of.choice((grant.captured_by, any_of.choice(AGENCIES)))
                says = not ends.not_renewed([grant], asked, by)
                assert says == renewed(index, grant, asked, by)
                seen["renewed" if says else "not renewed"] += 1
    assert all(seen.values()), f"nothing was asked of some: {seen}"


def test_a_parents_word_is_found_as_it_stands(facts: Facts) -> None:
    history, index = History(facts, 5), facts.index
    found = 0
    for _ in range(80):
        history.step()
        ends = Ends(index, facts.position, facts.registrations["clinic"])
        parental = [
            (grant, open_before(index, grant, facts.position))
            for member in ends.members
            for grant in index.grants_on[member]
            if grant.active and grant.method is CaptureMethod.PARENTAL_RESPONSIBILITY
        ]
        said = one_by_one(ends.said_by_parents())
        assert said == sorted((one for one in parental if one[1]), key=lambda one: one[0].position)
        found += len(said)
    assert found
