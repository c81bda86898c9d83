"""Compares what stands in the ledger with what the callers received, and both with what the stop covered.

It reads the ledger's entries itself and asks no policy: which content a step is about it knows from the
stamp within the content as published.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from consent_ledger.access import Accessed, AccessKind, Step, StepKind, read_access_entry
from consent_ledger.ledger import Entry
from consent_ledger.records import read_record
from consent_ledger.vocabulary import PermissionState
from tests.races.seen import Listed, Outcome, Seen
from tests.races.stops import HOSTEL, ROSA, Stamp, Stop
from tests.races.town import ENDS, PURPOSES

_STAMP = re.compile(rb"(?:rosa|ann)-\d+\.\d+\.[A-Z_]+")
_GIVING = ("FetchDeliveries", "GetHistory")
_CHOICES = ("refusal", "exclusion", "marker")
"""Kinds of stop that stand in the person's list under the same name."""
_HOSTEL = ("hostel", "hostel's next key")


@dataclass(frozen=True)
class Access:
    """One access entry of the hostel's, and whether it stands behind the stop."""

    position: int
    accessed: Accessed
    behind: bool


class Judge:
    """What is wrong with one schedule's outcome."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._stop: Stop = outcome.stop
        self._stamps = _published(outcome.entries)
        self._accesses = {
            entry.position: Access(entry.position, access, is_behind(outcome, entry))
            for entry in outcome.entries
            if (access := read_access_entry(entry)) is not None
        }
        self.broken: list[str] = []

    def judge(self) -> list[str]:
        """Every breach, in words for whoever replays the seed; empty when all is right."""
        self._check_order()
        for access in self._accesses.values():
            if access.behind and access.accessed.agency_id == HOSTEL:
                for person in access.accessed.people:
                    for step in person.steps:
                        self._check_step(access, step)
        for seen in self._outcome.seen:
            self._check_bytes(seen)
        return self.broken

    def _check_order(self) -> None:
        """What began behind an acknowledgement, or behind another answer, stands behind it in the ledger."""
        for seen in self._outcome.seen:
            if seen.stopped_before and seen.position and not self._accesses[seen.position].behind:
                self._say(seen, "began behind the stop's acknowledgement and stands before it")
            for other in self._outcome.seen:
                if 0 <= other.ended < seen.begun and 0 < seen.position < other.position:
                    self._say(seen, f"began when {other.position} was answered, and stands before it")

    def _check_step(self, access: Access, step: Step) -> None:
        stamp = self._stamp_of(step)
        if step.kind is StepKind.RETRACT or stamp is None:
            return
        active = {str(row.purpose) for row in step.rows if row.state is PermissionState.ACTIVE}
        covered = sorted(purpose for purpose in active if self._stop.covers(stamp, purpose))
        if covered:
            self.broken.append(f"entry {access.position}: {step.kind} {stamp} active for {covered}")
        if self._stop.covers_wholly(stamp):
            if step.kind is StepKind.DISCLOSE:
                self.broken.append(f"entry {access.position}: discloses {stamp}")
            if self._stop.hard:
                self.broken.append(f"entry {access.position}: {step.kind} {stamp}, which has to go")

    def _stamp_of(self, step: Step) -> Stamp | None:
        return None if step.fragment_id is None else self._stamps.get((step.fragment_id, step.revision))

    def _check_bytes(self, seen: Seen) -> None:
        if seen.refused or seen.ended < 0:
            if seen.refused == "INTERNAL":
                self._say(seen, "failed inside the hub")
            return
        if seen.method == "ExplainDecision":
            self._check_explanation(seen)
        if seen.method == "ListDisclosures":
            self._check_disclosures(seen)
        if seen.method == "ListChoices":
            self._check_choices(seen)
        if seen.who not in _HOSTEL:
            return
        access = self._accesses.get(seen.position)
        if access is None:
            self._say(seen, "was answered without an entry")
            return
        self._check_recorded(seen, access)
        if access.behind or seen.stopped_before:
            self._check_behind(seen)

    def _check_recorded(self, seen: Seen, access: Access) -> None:
        """The entry names everything that left."""
        expected = {"FetchDeliveries": AccessKind.FETCH, "GetHistory": AccessKind.READ}.get(
            seen.method, AccessKind.RECONCILE
        )
        if access.accessed.kind is not expected or access.accessed.agency_id != HOSTEL:
            self._say(seen, f"is recorded as {access.accessed.kind} by {access.accessed.agency_id}")
        recorded = {self._stamp_of(step) for one in access.accessed.people for step in one.steps}
        if not seen.stamps <= recorded:
            self._say(seen, f"gave {sorted(map(str, seen.stamps - recorded))}, and its entry does not say so")

    def _check_behind(self, seen: Seen) -> None:
        if self._stop.other_key and seen.who == HOSTEL and self._outcome.stopped_at is not None:
            self._say(seen, "was answered to a certificate that no longer speaks for the agency")
        for stamp in seen.stamps:
            if not self._stop.covers_wholly(stamp):
                continue
            if seen.method == "FetchDeliveries" or self._stop.hard or not self._may_still_be_read(stamp):
                self._say(seen, f"gave {stamp}")

    def _may_still_be_read(self, stamp: Stamp) -> bool:
        """The agreement lets it stay, and it was delivered before the stop."""
        return ENDS[stamp.category] != "ERASE" and any(
            stamp == self._stamp_of(step)
            for access in self._accesses.values()
            if not access.behind
            and access.accessed.kind is AccessKind.FETCH
            and access.accessed.agency_id == HOSTEL
            for person in access.accessed.people
            for step in person.steps
        )

    def _check_explanation(self, seen: Seen) -> None:
        if seen.stopped_before:
            wrong = sorted(
                f"{stamp.category} for {purpose}"
                for stamp, purpose in seen.permitted
                if self._stop.covers(stamp, purpose)
            )
            if wrong:
                self._say(seen, f"explained that {wrong} may go")

    def _check_disclosures(self, seen: Seen) -> None:
        """It lists all that left and stands in the ledger before its own entry: no more, no less."""
        whose = {fragment_id: stamp.person for (fragment_id, _), stamp in self._stamps.items()}
        recorded = {
            Listed(str(step.fragment_id), step.kind, position)
            for position, access in self._accesses.items()
            if position < seen.position
            for person in access.accessed.people
            for step in person.steps
            if step.fragment_id is not None
            and whose.get(step.fragment_id) == ROSA
            and step.kind is not StepKind.RETRACT
        }
        if seen.listed != recorded:
            self._say(
                seen, f"left out {len(recorded - seen.listed)} and invented {len(seen.listed - recorded)}"
            )

    def _check_choices(self, seen: Seen) -> None:
        """A stop that is a choice is listed exactly behind it."""
        behind = self._accesses[seen.position].behind or seen.stopped_before
        if self._stop.kind == "withdrawal":
            stands = self._outcome.granted_at_first in seen.granted
            if stands is behind:
                self._say(seen, "listed the grant as it was not")
        elif self._stop.kind in _CHOICES and (self._stop.kind in seen.chosen) is not behind:
            self._say(seen, f"listed the {self._stop.kind} where it does not stand")

    def _say(self, seen: Seen, what: str) -> None:
        self.broken.append(f"{seen.who} {seen.method} at {seen.position}: {what}")


def is_behind(outcome: Outcome, entry: Entry) -> bool:
    """Whether an entry stands behind the stop, or is of a time when it had passed."""
    if outcome.boundary is not None:
        return entry.recorded_at >= outcome.boundary
    return outcome.stopped_at is not None and entry.position > outcome.stopped_at


def gave_covered(outcome: Outcome) -> bool:
    """Whether the hostel received, in the race and before any stop, what the stop covers or would have."""
    before = {
        entry.position
        for entry in outcome.entries
        if entry.position > outcome.raced_from and not is_behind(outcome, entry)
    }
    return any(
        (outcome.stop.other_key and seen.who == HOSTEL)
        or any(outcome.stop.covers(stamp, purpose) for purpose in PURPOSES)
        for seen in outcome.seen
        if seen.who in _HOSTEL and seen.method in _GIVING and seen.position in before
        for stamp in seen.stamps
    )


def _published(entries: list[Entry]) -> dict[tuple[UUID, int], Stamp]:
    """The stamp of every fragment ever published, by its id and revision."""
    found: dict[tuple[UUID, int], Stamp] = {}
    for entry in entries:
        record = read_record(entry)
        for fragment in () if record is None else record.fragments:
            [code] = _STAMP.findall(fragment.content)
            found[UUID(bytes=fragment.fragment_id), entry.version] = Stamp.read(code.decode())
    return found
