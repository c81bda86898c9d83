"""Law as data: duties to share, each with the day it came into force and where that is written.

A duty is in force from the beginning of its day in England. A duty without a day has been passed but starts
by regulations; the hub's operator names the day once it is known (`[law]` in `hub.toml`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from zoneinfo import ZoneInfo

from consent_ledger.vocabulary import StatutoryDuty

_ENGLAND = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class DutyInLaw:
    """When a duty is in force, and the source that says so. `in_force_until`: its last day, if it has one."""

    in_force_from: date | None
    source: str
    in_force_until: date | None = None

    @property
    def since(self) -> datetime | None:
        """The moment it came, or will come, into force; UTC."""
        return None if self.in_force_from is None else _begins(self.in_force_from)

    def in_force_at(self, moment: datetime) -> bool:
        """Whether it binds at an aware moment."""
        today = moment.astimezone(_ENGLAND).date()
        return (
            self.in_force_from is not None
            and self.in_force_from <= today
            and (self.in_force_until is None or today <= self.in_force_until)
        )


Duties = Mapping[StatutoryDuty, DutyInLaw]

DUTIES: Duties = MappingProxyType(
    {
        StatutoryDuty.CHILDREN_ACT_1989_S47: DutyInLaw(date(1991, 10, 14), "Children Act 1989 s.47"),
        StatutoryDuty.HOUSING_ACT_1996_S213B: DutyInLaw(
            date(2018, 10, 1), "Homelessness Reduction Act 2017 s.10; SI 2018/167"
        ),
        StatutoryDuty.CARE_ACT_2014_S45: DutyInLaw(date(2015, 4, 1), "Care Act 2014 s.45; SI 2015/993"),
        StatutoryDuty.SERIOUS_VIOLENCE_2022_S9: DutyInLaw(
            date(2023, 1, 31), "Police, Crime, Sentencing and Courts Act 2022 s.9"
        ),
        StatutoryDuty.CHILDREN_ACT_2004_S16LA: DutyInLaw(
            None, "Children's Wellbeing and Schools Act 2026 s.4; starts by regulations"
        ),
    }
)
"""As the law stands without any setting of the operator's."""


def starting(days: Mapping[StatutoryDuty, date]) -> Duties:
    """The duties, those named in force from the day given."""
    return MappingProxyType(
        {
            duty: replace(known, in_force_from=days.get(duty, known.in_force_from))
            for duty, known in DUTIES.items()
        }
    )


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), _ENGLAND).astimezone(UTC)
