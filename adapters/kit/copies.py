"""Where else an agency's system keeps what it deleted, and what a receipt may therefore say (SAFETY H33).

A deleted row may live on in a version history, a search index or a backup. Only the agency knows which of
them its system has. What it did not say is taken to be there and out of reach: then the answer is RESTRICTED,
never ERASED.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from oncetold.v1.delivery_service_pb2 import RetractionOutcome

LIVE_ROWS = "live-rows"
VERSION_HISTORY = "version-history"
SEARCH_INDEX = "search-index"
LONGEST_BACKUP_DAYS = 36_500


class Copy(StrEnum):
    """What becomes of a place's copy when the live row is deleted."""

    NONE = "none"
    """The system has no such place."""
    CLEARED = "cleared"
    """It is gone from there too, and the adapter looks whether that is so."""
    KEPT = "kept"
    """It stays, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Copies:
    """The places beside the live rows. `backups_until_days`: how long the longest-kept backup lives; 0 for no
    backups, `None` when nobody said."""

    version_history: Copy = Copy.KEPT
    search_index: Copy = Copy.KEPT
    backups_until_days: int | None = None

    @property
    def beside(self) -> dict[str, Copy]:
        """The places by the word a receipt has for them."""
        return {VERSION_HISTORY: self.version_history, SEARCH_INDEX: self.search_index}


UNKNOWN = Copies()
"""Nobody said what the system has."""

NOTHING_ELSE = Copies(Copy.NONE, Copy.NONE, 0)
"""A system that has live rows and nothing beside them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receipt states of one retraction: the outcome, where was looked, and where could not be."""

    outcome: RetractionOutcome.ValueType
    looked_at: tuple[str, ...]
    not_looked_at: tuple[str, ...]


def answer(
    copies: Copies, done: datetime, *, still_in: Collection[str] = (), own_basis: bool = False
) -> Answer:
    """What may be said after the live row was deleted, and read back, at `done`.

    `still_in`: places that were looked at and hold it yet. `own_basis`: the agency keeps it as its own.
    """
    looked, not_looked = [LIVE_ROWS], []
    for place, copy in copies.beside.items():
        match copy:
            case Copy.NONE:
                looked.append(f"no-{place}")
            case Copy.CLEARED:
                looked.append(place)
            case Copy.KEPT:
                not_looked.append(place)
    match copies.backups_until_days:
        case None:
            not_looked.append("backups")
        case 0:
            looked.append("no-backups")
        case days:
            not_looked.append(f"backups-until:{(done + timedelta(days=days)).date().isoformat()}")
    if own_basis:
        outcome = RetractionOutcome.RETRACTION_OUTCOME_RETAINED_OWN_BASIS
    elif still_in or Copy.KEPT in copies.beside.values():
        outcome = RetractionOutcome.RETRACTION_OUTCOME_RESTRICTED
    else:
        outcome = RetractionOutcome.RETRACTION_OUTCOME_ERASED
    return Answer(outcome, tuple(looked), tuple(not_looked))


SETTINGS = frozenset({"version_history", "search_index", "backups_until_days"})


def read_copies(section: str, table: Mapping[str, object], problems: list[str]) -> Copies:
    """The three settings of a section; what is wrong with them is added to `problems`, with what to write."""
    kinds = {}
    for key in ("version_history", "search_index"):
        value = table.get(key, Copy.KEPT.value)
        if value not in tuple(Copy):
            problems.append(
                f'{section}.{key} must be "none" (there is none), "cleared" (it is cleared too) or "kept".'
            )
            value = Copy.KEPT.value
        kinds[key] = Copy(str(value))
    days = table.get("backups_until_days")
    if days is not None and not _is_days(days):
        problems.append(
            f"{section}.backups_until_days must be the days that your longest-kept backup lives;"
            " 0 if there are no backups."
        )
        days = None
    return Copies(kinds["version_history"], kinds["search_index"], days if isinstance(days, int) else None)


def _is_days(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LONGEST_BACKUP_DAYS
