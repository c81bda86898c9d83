"""The oracle on when copies are taken back (H4), by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.oracle import history as h
from tests.oracle.facts import Facts
from tests.oracle.store import Held, Place, expected_store
from tests.oracle.story import Story, granted
from tests.oracle.windows import Watch, is_taking, is_urgent, next_window, takings

MARKS = frozenset({"NORDSCLCD"})
ACTIVE = ("DIRECT_SUPPORT", "isa", "ACTIVE")
STOPPED = ("DIRECT_SUPPORT", "isa", "STOPPED")
GREYED = ("DIRECT_SUPPORT", "isa", "RESTRICTED")
OTHER = ("REFERRAL_ELIGIBILITY", "isa", "ACTIVE")


@pytest.mark.parametrize(
    ("after", "window", "moment"),
    [
        (datetime(2026, 3, 2, 9, 0, tzinfo=UTC), "03:00", datetime(2026, 3, 3, 3, 0, tzinfo=UTC)),
        (datetime(2026, 3, 2, 2, 59, tzinfo=UTC), "03:00", datetime(2026, 3, 2, 3, 0, tzinfo=UTC)),
        (datetime(2026, 3, 2, 3, 0, tzinfo=UTC), "03:00", datetime(2026, 3, 3, 3, 0, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "00:00", datetime(2027, 1, 1, 0, 0, tzinfo=UTC)),
    ],
)
def test_s1_the_next_window_is_later_than_the_look(after: datetime, window: str, moment: datetime) -> None:
    assert next_window(after, window) == moment


@pytest.mark.parametrize(
    ("before", "then", "takes"),
    [
        ((1, {ACTIVE}), None, True),
        ((1, {ACTIVE}), (1, {GREYED}), True),
        ((1, {STOPPED}), (1, {GREYED}), True),
        ((1, {ACTIVE, OTHER}), (1, {OTHER}), True),
        ((1, {ACTIVE}), (1, {ACTIVE, OTHER}), False),
        ((1, {ACTIVE}), (1, {OTHER}), False),
        ((1, {ACTIVE, OTHER}), (2, {OTHER}), False),
        ((1, {GREYED}), (1, {ACTIVE}), False),
        ((1, {ACTIVE}), (1, {ACTIVE}), False),
    ],
)
def test_s1_what_is_a_taking(
    before: tuple[int, set[tuple[str, str, str]]], then: object, takes: bool
) -> None:
    def held(one: object) -> Held | None:
        return None if one is None else Held(one[0], frozenset(one[1]), MARKS)  # type: ignore[index]

    first = held(before)
    assert first is not None
    assert is_taking(first, held(then)) is takes


def test_s1_nothing_is_taken_before_a_window_has_opened_since_it_was_found() -> None:
    watch, place = Watch("03:00"), ("drugs-1", h.FragmentKey("hostel", "r1", frozenset({"FAMILY"})))
    monday = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert watch.is_early(monday, place), "at the look that finds it"
    watch.looked(monday, [place])
    assert watch.is_early(monday, place)
    assert watch.is_early(monday + timedelta(hours=17, minutes=59), place)
    assert not watch.is_early(monday + timedelta(hours=18), place)


def _excluding_somebody_else(story: Story, now: bool) -> None:
    where = {"agency": "hostel", "reference": "hostel-1"}
    story.say(h.ExclusionRecorded, exclusion="x", excluded_agency="gp", at_once=now, **where)
    story.withdraw("g1")


TAKES: dict[str, tuple[Callable[[Story, bool], object], bool]] = {
    "withdrawal": (
        lambda story, now: story.say(
            h.GrantWithdrawn, grant="g1", by_agency="hostel", reference="hostel-1", at_once=now
        ),
        True,
    ),
    "refusal": (lambda story, now: story.refuse(at_once=now), True),
    "exclusion": (
        lambda story, now: story.say(
            h.ExclusionRecorded,
            exclusion="x",
            agency="hostel",
            reference="hostel-1",
            excluded_agency="drugs",
            at_once=now,
        ),
        True,
    ),
    "another's exclusion": (lambda story, now: _excluding_somebody_else(story, now), False),
    "unlinking": (lambda story, _: story.say(h.LinkUndone, link="l1"), False),
    "correction": (lambda story, _: story.record(revision=2, withdrawn=True), False),
}


@pytest.mark.parametrize("said_now", [False, True])
@pytest.mark.parametrize("cause", TAKES)
def test_s1_only_the_persons_own_now_is_urgent(cause: str, said_now: bool) -> None:
    story = granted(on_end="ERASE")
    story.deliver()
    facts = Facts(story.events)
    before = expected_store(facts, story.observations, "drugs", story.now)
    take, can_be_urgent = TAKES[cause]
    take(story, said_now)
    facts = Facts(story.events)
    after = expected_store(facts, story.observations, "drugs", story.now)
    taken = takings(before, after)
    assert taken == set(before)

    def urgent(place: Place) -> bool:
        return is_urgent(facts, story.observations, "drugs", story.now, place, after.get(place))

    assert {urgent(place) for place in taken} == {said_now and can_be_urgent}


def test_s1_a_protected_address_is_urgent() -> None:
    story = granted(on_end="STOP")
    story.record("CONTACT_LOCATION", name="r2")
    story.deliver()
    before = expected_store(Facts(story.events), story.observations, "drugs", story.now)
    story.say(h.MarkerPlaced, marker="m", kind="PROTECTED_ADDRESS", agency="drugs", reference="drugs-1")
    facts = Facts(story.events)
    after = expected_store(facts, story.observations, "drugs", story.now)
    [place] = takings(before, after)
    assert is_urgent(facts, story.observations, "drugs", story.now, place, None)
