"""Working days in England: Monday to Friday without bank holidays, in London's local time.

For people's deadlines only: nothing is ever decided, disclosed or retracted by this calendar.

Source: GOV.UK, "UK bank holidays" (https://www.gov.uk/bank-holidays), England and Wales: the days kept under
the Banking and Financial Dealings Act 1971, with the substitute days for those that fall on a weekend.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
START_OF_DAY = time(9)
"""When an office opens, local time."""
END_OF_DAY = time(17)
"""When an office closes: a deadline on a day means this, local time."""

BANK_HOLIDAYS: dict[date, str] = {
    date(2025, 1, 1): "New Year's Day",
    date(2025, 4, 18): "Good Friday",
    date(2025, 4, 21): "Easter Monday",
    date(2025, 5, 5): "Early May bank holiday",
    date(2025, 5, 26): "Spring bank holiday",
    date(2025, 8, 25): "Summer bank holiday",
    date(2025, 12, 25): "Christmas Day",
    date(2025, 12, 26): "Boxing Day",
    date(2026, 1, 1): "New Year's Day",
    date(2026, 4, 3): "Good Friday",
    date(2026, 4, 6): "Easter Monday",
    date(2026, 5, 4): "Early May bank holiday",
    date(2026, 5, 25): "Spring bank holiday",
    date(2026, 8, 31): "Summer bank holiday",
    date(2026, 12, 25): "Christmas Day",
    date(2026, 12, 28): "Boxing Day (substitute day)",
    date(2027, 1, 1): "New Year's Day",
    date(2027, 3, 26): "Good Friday",
    date(2027, 3, 29): "Easter Monday",
    date(2027, 5, 3): "Early May bank holiday",
    date(2027, 5, 31): "Spring bank holiday",
    date(2027, 8, 30): "Summer bank holiday",
    date(2027, 12, 27): "Christmas Day (substitute day)",
    date(2027, 12, 28): "Boxing Day (substitute day)",
    date(2028, 1, 3): "New Year's Day (substitute day)",
    date(2028, 4, 14): "Good Friday",
    date(2028, 4, 17): "Easter Monday",
    date(2028, 5, 1): "Early May bank holiday",
    date(2028, 5, 29): "Spring bank holiday",
    date(2028, 8, 28): "Summer bank holiday",
    date(2028, 12, 25): "Christmas Day",
    date(2028, 12, 26): "Boxing Day",
}
"""Every bank holiday in England of the years from `FIRST_YEAR` to `LAST_YEAR`."""

FIRST_YEAR, LAST_YEAR = 2025, 2028


class CalendarEnds(LookupError):
    """The bank holidays of that year are not known here."""

    def __init__(self, year: int) -> None:
        super().__init__(f"bank holidays are known from {FIRST_YEAR} to {LAST_YEAR}, not for {year}")
        self.year = year


def is_bank_holiday(day: date) -> bool:
    """Whether offices are closed in England. Raises `CalendarEnds` outside the years that are known."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise CalendarEnds(day.year)
    return day in BANK_HOLIDAYS


def is_working_day(day: date) -> bool:
    """Whether people work on that day.

    Outside the years whose bank holidays are known every Monday to Friday counts: a deadline may then fall on
    a holiday, which is too early and never too late, and the hub goes on. `is_bank_holiday` says so instead.
    """
    if day.weekday() >= 5:
        return False
    return not (FIRST_YEAR <= day.year <= LAST_YEAR and is_bank_holiday(day))


def next_office_day(moment: datetime) -> datetime:
    """The end (17:00 in London) of the day on which an office next opens after `moment`; aware, in UTC.

    Before 09:00 on a working day that is the same day: what happens in the night is looked at in the morning.
    """
    local = moment.astimezone(LONDON)
    if local.time() < START_OF_DAY and is_working_day(local.date()):
        return datetime.combine(local.date(), END_OF_DAY, LONDON).astimezone(UTC)
    return working_days_later(moment, 1)


def working_days_later(moment: datetime, days: int) -> datetime:
    """The end (17:00 in London) of the `days`-th working day after the day of `moment`; aware, in UTC.

    `days` is at least 1. Whatever the hour, the day itself does not count.
    """
    day = moment.astimezone(LONDON).date()
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return datetime.combine(day, END_OF_DAY, LONDON).astimezone(UTC)
