"""Law as data: a duty binds from the beginning of its day in England, and one that has no day does not."""

from datetime import UTC, date, datetime, timedelta

import pytest

from consent_ledger.statutory_duties import DUTIES, DutyInLaw, starting
from consent_ledger.vocabulary import StatutoryDuty

S16LA = StatutoryDuty.CHILDREN_ACT_2004_S16LA
INSTANT = timedelta(microseconds=1)


def test_every_duty_has_its_source() -> None:
    assert set(DUTIES) == set(StatutoryDuty)
    assert all(known.source for known in DUTIES.values())
    assert [duty for duty, known in DUTIES.items() if known.in_force_from is None] == [S16LA]


@pytest.mark.parametrize(
    ("duty", "begins"),
    [
        # In October, and in April, England's clocks are an hour ahead.
        (StatutoryDuty.CHILDREN_ACT_1989_S47, datetime(1991, 10, 13, 23, tzinfo=UTC)),
        (StatutoryDuty.CARE_ACT_2014_S45, datetime(2015, 3, 31, 23, tzinfo=UTC)),
        (StatutoryDuty.HOUSING_ACT_1996_S213B, datetime(2018, 9, 30, 23, tzinfo=UTC)),
        (StatutoryDuty.SERIOUS_VIOLENCE_2022_S9, datetime(2023, 1, 31, tzinfo=UTC)),
    ],
)
def test_a_duty_binds_from_its_first_moment(duty: StatutoryDuty, begins: datetime) -> None:
    known = DUTIES[duty]
    assert known.since == begins
    assert not known.in_force_at(begins - INSTANT)
    assert known.in_force_at(begins)


def test_a_duty_that_starts_by_regulations_binds_once_its_day_is_named() -> None:
    assert not DUTIES[S16LA].in_force_at(datetime(2099, 1, 1, tzinfo=UTC))
    named = starting({S16LA: date(2026, 12, 1)})
    assert not named[S16LA].in_force_at(datetime(2026, 12, 1, tzinfo=UTC) - INSTANT)
    assert named[S16LA].in_force_at(datetime(2026, 12, 1, tzinfo=UTC))
    others = set(StatutoryDuty) - {S16LA}
    assert {duty: named[duty] for duty in others} == {duty: DUTIES[duty] for duty in others}


def test_a_repealed_duty_no_longer_binds() -> None:
    repealed = DutyInLaw(date(2000, 1, 1), "for the test", date(2020, 6, 30))
    assert repealed.in_force_at(datetime(2020, 6, 30, 22, 59, tzinfo=UTC))
    assert not repealed.in_force_at(datetime(2020, 6, 30, 23, tzinfo=UTC)), "midnight in England"
