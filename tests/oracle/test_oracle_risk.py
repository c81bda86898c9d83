"""The oracle on what stays of a risk to others, and on judgements that end by themselves, by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.oracle import history as h
from tests.oracle.store import Held
from tests.oracle.story import DAY, Story
from tests.oracle.terms import review_end

RISKY = frozenset({"SAFEGUARDING_RISK", "SERVICE_CONTACT"})
RISK = "r1:SAFEGUARDING_RISK"
TO_A_WORKER = h.Risk(risk_to="worker", source="observed")


def held(risk: h.Risk = TO_A_WORKER, on_end: str = "ERASE", **fields: object) -> Story:
    """The drug service holds the judgement; its permission is one grant, `g1`."""
    story = Story()
    story.say(h.PostAppointed, agency="hostel", kind="SAFEGUARDING_LEAD", telephone="0121 1")
    story.agreement(on_end=on_end)
    story.record("SAFEGUARDING_RISK", risk=risk, **fields)  # type: ignore[arg-type]
    story.grant(categories=RISKY)
    story.deliver()
    assert set(story.store()) == {RISK}
    return story


def warning(story: Story) -> Held | None:
    """What is left of the judgement, as the feed holds it once it has fetched."""
    story.deliver()
    found = story.store()
    assert set(found) <= {RISK}
    return found.get(RISK)


@pytest.mark.parametrize("remove", [False, True])
def test_5a5_a_warning_stays_of_a_risk_to_others_even_when_it_is_to_be_removed(remove: bool) -> None:
    story = held()
    story.withdraw("g1", remove=remove)
    left = warning(story)
    assert left is not None
    assert left.ring == "0121 1"
    assert {state for *_, state in left.rows} == {"RESTRICTED"}
    assert warning(story) == left, "and it stays"
    story.say(h.PostAppointed, agency="hostel", kind="SAFEGUARDING_LEAD", telephone="0121 2")
    story.say(h.PostAppointed, agency="hostel", kind="DUTY_WORKER", telephone="0121 3")
    now = warning(story)
    assert now is not None and now.ring == "0121 2", "the newest appointment counts"


@pytest.mark.parametrize("risk_to", ["self", "from-others", None])
def test_5a5_what_is_no_risk_to_others_goes(risk_to: str | None) -> None:
    story = held(h.Risk(risk_to=risk_to))
    story.withdraw("g1")
    assert warning(story) is None


@pytest.mark.parametrize("on_end", ["STOP", "RESTRICT"])
def test_s2_where_the_content_stays_there_is_no_warning_instead(on_end: str) -> None:
    story = held(on_end=on_end)
    story.withdraw("g1")
    left = warning(story)
    assert left is not None and left.ring is None


EXCEPTIONS: dict[str, Callable[[Story], object]] = {
    "withdrawn by its author": lambda story: story.record(revision=2, withdrawn=True),
    "no such part any more": lambda story: story.record("SERVICE_CONTACT", revision=2),
    "no risk to others any more": lambda story: story.record(
        "SAFEGUARDING_RISK", revision=2, risk=h.Risk(risk_to="self")
    ),
    "unlinked": lambda story: story.say(h.LinkUndone, link="l1"),
    "ended by the lead": lambda story: story.say(h.WarningEnded, agency="hostel", record_id="r1"),
    "recipient's case closed": lambda story: story.say(
        h.RegistrationClosed, agency="drugs", reference="drugs-1", reason="CASE_CLOSED"
    ),
    "recipient in error": lambda story: story.say(
        h.RegistrationClosed, agency="drugs", reference="drugs-1", reason="IN_ERROR"
    ),
}


@pytest.mark.parametrize("cause", EXCEPTIONS)
@pytest.mark.parametrize("after_it_was_sent", [False, True])
def test_s2_each_exception_takes_the_warning_too(cause: str, after_it_was_sent: bool) -> None:
    story = held()
    story.withdraw("g1")
    if after_it_was_sent:
        assert warning(story) is not None
    EXCEPTIONS[cause](story)
    left = warning(story)
    assert left is None or left.ring is None
    assert left is None


def test_s2_a_judgement_overdue_for_review_leaves_no_warning() -> None:
    story = held(review_by=datetime(2026, 3, 5, tzinfo=UTC))
    story.now += 4 * DAY
    assert warning(story) is None


def test_s2_a_new_yes_brings_the_content_back_and_a_new_end_the_warning() -> None:
    story = held()
    story.withdraw("g1")
    assert warning(story) is not None
    story.say(h.WarningEnded, agency="hostel", record_id="r1")
    assert warning(story) is None
    story.grant("g2", categories=RISKY)
    again = warning(story)
    assert again is not None and again.ring is None
    story.withdraw("g2")
    left = warning(story)
    assert left is not None and left.ring == "0121 1"


def test_s2_a_warning_once_held_is_not_turned_back_into_content_by_kinder_terms() -> None:
    story = held()
    story.withdraw("g1")
    assert warning(story) is not None
    story.agreement(version=2, on_end="RESTRICT")
    left = warning(story)
    assert left is not None and left.ring == "0121 1"


def test_s2_nothing_warns_who_never_held_it() -> None:
    story = Story()
    story.agreement(on_end="ERASE")
    story.record("SAFEGUARDING_RISK", risk=TO_A_WORKER)
    story.grant(categories=RISKY)
    story.withdraw("g1")
    assert warning(story) is None


@pytest.mark.parametrize(
    ("source", "outcome", "ends"),
    [("alleged", None, True), ("alleged", "founded", False), ("observed", None, False), (None, None, False)],
)
def test_h25_what_is_only_alleged_ends_after_a_year(
    source: str | None, outcome: str | None, ends: bool
) -> None:
    story = Story()
    story.agreement()
    story.record(
        "SAFEGUARDING_RISK",
        risk=h.Risk(risk_to="self", source=source, outcome=outcome),
        occurred_ago=timedelta(days=364),
    )
    story.grant(categories=RISKY)
    assert set(story.permitted()) == {RISK}
    story.now += DAY
    assert bool(story.permitted()) is not ends


@pytest.mark.parametrize(
    ("occurred", "review_by", "end"),
    [
        (datetime(2024, 2, 29, 13, tzinfo=UTC), None, datetime(2025, 2, 28, 13, tzinfo=UTC)),
        (datetime(2025, 12, 31, tzinfo=UTC), None, datetime(2026, 12, 31, tzinfo=UTC)),
        (
            datetime(2025, 12, 31, tzinfo=UTC),
            datetime(2026, 4, 1, tzinfo=UTC),
            datetime(2026, 4, 1, tzinfo=UTC),
        ),
        (
            datetime(2025, 1, 1, tzinfo=UTC),
            datetime(2026, 4, 1, tzinfo=UTC),
            datetime(2026, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_s3_twelve_calendar_months_or_its_own_date(
    occurred: datetime, review_by: datetime | None, end: datetime
) -> None:
    story = Story()
    story.record("SAFEGUARDING_RISK", risk=h.Risk(source="alleged"), review_by=review_by)
    published = story.events[-1]
    assert isinstance(published, h.RecordPublished)
    assert review_end(h.RecordPublished(**{**published.__dict__, "occurred": occurred})) == end
