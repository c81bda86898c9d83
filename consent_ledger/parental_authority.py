"""How long somebody's parents speak for them, in the law of England (VOCABULARY section 10, case 6).

At 16 a young person is presumed able to decide (Mental Capacity Act 2005 s.1, Family Law Reform Act 1969
s.8), so a parent's yes ends then, unless an assessment says that they cannot decide this; at 18 it ends in
any case. Earlier it ends when a child who understands what that means objects (Gillick), whoever recorded it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from consent_ledger.working_days import LONDON


@dataclass(frozen=True, slots=True)
class ParentalAuthority:
    """What a yes by somebody with parental responsibility rests on. The birth date itself is not kept.

    `lacks_capacity_reference`: where the assessment is kept that at 16 they will not be able to decide this.
    """

    sixteenth_birthday: date
    lacks_capacity_reference: str = ""

    @property
    def age(self) -> int:
        """At which the parent's word ends: 16 or 18."""
        return 18 if self.lacks_capacity_reference else 16

    @property
    def ends(self) -> datetime:
        """The first moment of that birthday, by London's clock."""
        day = self.sixteenth_birthday
        return _first_moment(day if self.age == 16 else _two_years_on(day))


def _two_years_on(day: date) -> date:
    """Whoever was born on 29 February comes of age on 1 March."""
    try:
        return day.replace(year=day.year + 2)
    except ValueError:
        return date(day.year + 2, 3, 1)


def _first_moment(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON).astimezone(UTC)
