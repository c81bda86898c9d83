"""Working days: England's bank holidays as computed from their rules, and deadlines in London's time."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_ledger.working_days import (
    BANK_HOLIDAYS,
    FIRST_YEAR,
    LAST_YEAR,
    LONDON,
    CalendarEnds,
    is_bank_holiday,
    is_working_day,
    next_office_day,
    working_days_later,
)

MINUTES = (LAST_YEAR - FIRST_YEAR + 1) * 365 * 24 * 60 - 30 * 24 * 60
KNOWN = st.integers(0, MINUTES).map(lambda n: datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) + timedelta(minutes=n))


def easter(year: int) -> date:
    """Easter Sunday by the anonymous Gregorian rule (Meeus, Jones, Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    l = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7  # noqa: E741
    m = (a + 11 * h + 22 * l) // 451
    month, day = divmod(h + l - 7 * m + 114, 31)
    return date(year, month, day + 1)


def by_rule(year: int) -> Iterator[date]:
    """The bank holidays that a year has by its rules, a weekend's moved to the next free weekday."""

    def monday(month: int, last: bool) -> date:
        day = date(year, month, 31 if last else 1)
        step = timedelta(days=-1 if last else 1)
        while day.weekday() != 0:
            day += step
        return day

    yield from (easter(year) - timedelta(days=2), easter(year) + timedelta(days=1))
    yield from (monday(5, False), monday(5, True), monday(8, True))
    taken: set[date] = set()
    for fixed in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        day = fixed
        while day.weekday() >= 5 or day in taken:
            day += timedelta(days=1)
        taken.add(day)
    yield from taken


@pytest.mark.parametrize("year", range(FIRST_YEAR, LAST_YEAR + 1))
def test_the_list_is_what_the_rules_of_the_year_give(year: int) -> None:
    assert {day for day in BANK_HOLIDAYS if day.year == year} == set(by_rule(year))


def test_dates_that_everybody_knows() -> None:
    assert easter(2025) == date(2025, 4, 20) and easter(2027) == date(2027, 3, 28)
    assert is_bank_holiday(date(2026, 4, 3)) and is_bank_holiday(date(2026, 4, 6))
    assert not is_bank_holiday(date(2026, 12, 26)), "a Saturday: the Monday is kept instead"
    assert is_bank_holiday(date(2026, 12, 28))


@pytest.mark.parametrize(
    ("said", "days", "due"),
    [
        # Maundy Thursday afternoon: the Tuesday after Easter is due. Summer time: 17:00 is 16:00.
        (datetime(2026, 4, 2, 15, tzinfo=UTC), 1, datetime(2026, 4, 7, 16, tzinfo=UTC)),
        # Christmas Eve, a Thursday: Friday and Monday are holidays.
        (datetime(2026, 12, 24, 9, tzinfo=UTC), 1, datetime(2026, 12, 29, 17, tzinfo=UTC)),
        # An ordinary Monday, early and late, and a Saturday.
        (datetime(2026, 3, 2, 0, 1, tzinfo=UTC), 1, datetime(2026, 3, 3, 17, tzinfo=UTC)),
        (datetime(2026, 3, 2, 23, 59, tzinfo=UTC), 1, datetime(2026, 3, 3, 17, tzinfo=UTC)),
        (datetime(2026, 3, 7, 12, tzinfo=UTC), 1, datetime(2026, 3, 9, 17, tzinfo=UTC)),
        # Half past eleven at night in UTC is the next day already in London's summer.
        (datetime(2026, 6, 1, 23, 30, tzinfo=UTC), 1, datetime(2026, 6, 3, 16, tzinfo=UTC)),
        (datetime(2026, 3, 2, 9, tzinfo=UTC), 5, datetime(2026, 3, 9, 17, tzinfo=UTC)),
    ],
)
def test_deadlines(said: datetime, days: int, due: datetime) -> None:
    assert working_days_later(said, days) == due


@given(KNOWN, st.integers(1, 15))
def test_a_deadline_is_the_end_of_a_working_day_with_so_many_in_between(said: datetime, days: int) -> None:
    due = working_days_later(said, days).astimezone(LONDON)
    began = said.astimezone(LONDON).date()
    passed = [began + timedelta(days=n + 1) for n in range((due.date() - began).days)]
    assert due.time() == time(17) and is_working_day(due.date())
    assert sum(map(is_working_day, passed)) == days


@given(KNOWN, st.integers(1, 15))
def test_later_is_never_due_earlier_and_a_day_more_is_a_later_day(said: datetime, days: int) -> None:
    assert working_days_later(said, days) <= working_days_later(said + timedelta(hours=1), days)
    assert working_days_later(said, days) < working_days_later(said, days + 1)


def test_beyond_what_is_known_it_says_so_and_deadlines_go_on() -> None:
    for year in (FIRST_YEAR - 1, LAST_YEAR + 1):
        with pytest.raises(CalendarEnds, match=str(year)):
            is_bank_holiday(date(year, 6, 1))
    assert working_days_later(datetime(2029, 12, 24, 9, tzinfo=UTC), 1) == datetime(
        2029, 12, 25, 17, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (datetime(2026, 3, 10, 2, tzinfo=UTC), datetime(2026, 3, 10, 17, tzinfo=UTC)),  # a Tuesday's night
        (datetime(2026, 3, 10, 9, tzinfo=UTC), datetime(2026, 3, 11, 17, tzinfo=UTC)),  # the office is open
        (datetime(2026, 3, 13, 23, tzinfo=UTC), datetime(2026, 3, 16, 17, tzinfo=UTC)),  # Friday, late
        (datetime(2026, 3, 14, 2, tzinfo=UTC), datetime(2026, 3, 16, 17, tzinfo=UTC)),  # Saturday's night
        (datetime(2026, 4, 6, 2, tzinfo=UTC), datetime(2026, 4, 7, 16, tzinfo=UTC)),  # Easter Monday's
        (datetime(2026, 7, 1, 7, 59, tzinfo=UTC), datetime(2026, 7, 1, 16, tzinfo=UTC)),  # 08:59 in summer
        (datetime(2026, 7, 1, 8, tzinfo=UTC), datetime(2026, 7, 2, 16, tzinfo=UTC)),  # 09:00 in summer
        (
            datetime(2026, 6, 30, 23, 30, tzinfo=UTC),
            datetime(2026, 7, 1, 16, tzinfo=UTC),
        ),  # past midnight here
    ],
)
def test_what_happens_at_night_is_looked_at_when_the_office_next_opens(
    moment: datetime, end: datetime
) -> None:
    assert next_office_day(moment) == end
