"""Who and what the rows refer to: projects, clients, enrolments. Read once, before any row is mapped.

A row in quarantine still stands as a reference when its keys can be read: a birth date that no calendar has
is no reason to lose what else was recorded about a person. Keys are all that is kept here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from adapters.hmis.cells import BadRow, day, text
from adapters.hmis.reasons import Reason
from adapters.hmis.rows import Row
from adapters.kit.source import Origin, Rejected
from oncetold.v1.common_pb2 import ServiceType

REFERENCE = re.compile(r"[!-~]{1,60}")  # with the file's name in front it is still a record id: 100 at most
_PROJECT_ID = re.compile(r"[A-Za-z0-9-]{1,32}")

# HUD's ProjectType. Coordinated entry, services only and "other" find the person other services.
SERVICE_TYPES = {
    "1": ServiceType.SERVICE_TYPE_HOSTEL,  # emergency shelter
    "2": ServiceType.SERVICE_TYPE_HOSTEL,  # transitional housing
    "3": ServiceType.SERVICE_TYPE_HOUSING,  # permanent supportive housing
    "4": ServiceType.SERVICE_TYPE_STREET_OUTREACH,
    "6": ServiceType.SERVICE_TYPE_NAVIGATION,  # services only
    "7": ServiceType.SERVICE_TYPE_NAVIGATION,  # other
    "8": ServiceType.SERVICE_TYPE_HOSTEL,  # safe haven
    "9": ServiceType.SERVICE_TYPE_HOUSING,  # permanent housing, housing only
    "10": ServiceType.SERVICE_TYPE_HOUSING,  # permanent housing with services
    "11": ServiceType.SERVICE_TYPE_HOSTEL,  # day shelter
    "12": ServiceType.SERVICE_TYPE_HOUSING,  # homelessness prevention
    "13": ServiceType.SERVICE_TYPE_HOUSING,  # rapid rehousing
    "14": ServiceType.SERVICE_TYPE_NAVIGATION,  # coordinated entry
}


@dataclass(frozen=True, slots=True)
class HmisAgency:
    """One project, which publishes as an agency of its own. `project_type` is HUD's code."""

    agency_id: str
    project_id: str
    name: str
    project_type: str
    service_type: "ServiceType.ValueType"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What other rows need to know of an enrolment. `client` is None if its own row names no known one."""

    agency: HmisAgency | None
    client: str | None
    entry: date | None
    deleted: bool


class References:
    """Every project, client and enrolment of one export, by key."""

    def __init__(
        self, projects: Iterable[Row], clients: Iterable[Row], enrolments: Iterable[Row], today: date
    ) -> None:
        self._today = today
        self.agencies: dict[str, HmisAgency] = {}  # by ProjectID
        self.unusable_projects: list[Rejected] = []
        self.clients: dict[str, bool] = {}  # PersonalID: deleted
        self.enrolments: dict[str, Enrolment] = {}
        for row in projects:
            self._add_project(row)
        for row in clients:
            key = text(row.cells, "PersonalID")
            if REFERENCE.fullmatch(key) and key not in self.clients:
                self.clients[key] = bool(text(row.cells, "DateDeleted")) and row.problem is None
        for row in enrolments:
            self._add_enrolment(row)
        self._first = self._first_enrolments()

    def first_enrolment(self, client: str) -> Enrolment | None:
        """The enrolment whose project publishes the client's row: the earliest entry, then the lowest key."""
        return self._first.get(client)

    def clients_of(self, agency_id: str) -> list[str]:
        """The references an agency has: every client whom it enrolled, in the order of Enrollment.csv."""
        return list(
            dict.fromkeys(
                enrolment.client
                for enrolment in self.enrolments.values()
                if enrolment.agency is not None
                and enrolment.agency.agency_id == agency_id
                and enrolment.client is not None
                and not enrolment.deleted
                and not self.clients[enrolment.client]
            )
        )

    def _add_project(self, row: Row) -> None:
        key, kind = text(row.cells, "ProjectID"), text(row.cells, "ProjectType")
        agency_id = f"project-{key.lower()}"
        reason = row.problem
        if reason is None and not key:
            reason = Reason.MISSING_KEY
        elif reason is None and not _PROJECT_ID.fullmatch(key):
            reason = Reason.BAD_KEY
        elif reason is None and any(agency.agency_id == agency_id for agency in self.agencies.values()):
            reason = Reason.DUPLICATE_KEY
        elif reason is None and kind not in SERVICE_TYPES:
            reason = Reason.UNKNOWN_CODE
        if reason is not None:
            self.unusable_projects.append(Rejected(Origin(row.file, row.line), reason.value))
            return
        if text(row.cells, "DateDeleted"):
            return
        self.agencies[key] = HmisAgency(
            agency_id, key, text(row.cells, "ProjectName") or agency_id, kind, SERVICE_TYPES[kind]
        )

    def _add_enrolment(self, row: Row) -> None:
        key, client = text(row.cells, "EnrollmentID"), text(row.cells, "PersonalID")
        agency = self.agencies.get(text(row.cells, "ProjectID"))
        known = client in self.clients
        if not REFERENCE.fullmatch(key) or key in self.enrolments:
            return
        # The cells of a broken row may be out of place: then all three keys must be known ones.
        if row.problem is not None and not (known and agency is not None):
            return
        try:
            entry = day(text(row.cells, "EntryDate"), self._today)
        except BadRow:
            entry = None  # the row itself is quarantined for it; here it only cannot be compared with an exit
        deleted = row.problem is None and bool(text(row.cells, "DateDeleted"))
        self.enrolments[key] = Enrolment(agency, client if known else None, entry, deleted)

    def _first_enrolments(self) -> dict[str, Enrolment]:
        best: dict[str, tuple[bool, bool, date, str]] = {}
        first: dict[str, Enrolment] = {}
        for key, enrolment in self.enrolments.items():
            if enrolment.client is None:
                continue
            rank = (enrolment.deleted, enrolment.agency is None, enrolment.entry or date.max, key)
            if enrolment.client not in best or rank < best[enrolment.client]:
                best[enrolment.client] = rank
                first[enrolment.client] = enrolment
        return first
