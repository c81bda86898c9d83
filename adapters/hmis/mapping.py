"""Makes the content of one record out of one row, per file. Pure: a row's cells in, content or nothing out.

Client                  a status change: name, birth date, equality answers
Enrollment              the start of a stay with a service, and where the person came from
CurrentLivingSituation  a contact, and where the person then lived; never the words about where it was
Disabilities            an assessment of one answer, whose category its DisabilityType decides
HealthAndDV             an assessment with up to four categories
IncomeBenefits          an assessment: money and work
Services                a contact: the service given
Exit                    the end of a stay with a service, and where the person went
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from adapters.hmis import columns
from adapters.hmis.cells import BadRow, answers, code, coded_answer, coding, day, name, question, text
from adapters.hmis.columns import Column, Kind
from adapters.hmis.reasons import Reason
from oncetold.v1.common_pb2 import CategorisedAnswer
from oncetold.v1.records_pb2 import (
    Assessment,
    Contact,
    PersonName,
    RecordContent,
    ServiceEpisode,
    StatusChange,
)

Cells = Mapping[str, str]
_STAND_IN = frozenset({"8", "9", "99"})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a row's content depends on beside the row."""

    occurred: date  # the row's own date
    project_type: str
    today: date


Mapper = Callable[[Cells, Circumstances], RecordContent | None]


@dataclass(frozen=True, slots=True)
class FileMap:
    """How one of the eight files is read. `date` is the column that says when it happened."""

    name: str
    key: str
    date: str
    mapped: frozenset[str]
    content: Mapper

    @property
    def stem(self) -> str:
        return self.name.removesuffix(".csv")

    @property
    def required(self) -> frozenset[str]:
        """Columns without which the file cannot be read."""
        linking = {"PersonalID"} if self.stem == "Client" else {"PersonalID", "EnrollmentID"}
        if self.stem == "Enrollment":
            linking |= {"ProjectID"}
        audit = {"DateCreated", "DateUpdated", "DateDeleted"}
        return self.mapped | linking | audit | {self.key, self.date}


def _client(cells: Cells, at: Circumstances) -> RecordContent | None:
    change = StatusChange(details=answers(cells, columns.CLIENT, at.today))
    given, family = name(text(cells, "FirstName")), name(text(cells, "LastName"))
    born = text(cells, "DOB") and day(text(cells, "DOB"), at.today).isoformat()
    # 8, 9 and 99 as the quality of a name or birth date say that what stands in the cells is a stand-in.
    if (given or family) and text(cells, "NameDataQuality") not in _STAND_IN:
        change.name.CopyFrom(PersonName(given=given or None, family=family or None))
    if born and text(cells, "DOBDataQuality") not in _STAND_IN:
        change.birth_date = born
    return RecordContent(status_change=change) if change.ByteSize() else None


def _enrollment(cells: Cells, at: Circumstances) -> RecordContent | None:
    return RecordContent(
        service_episode=ServiceEpisode(
            start_date=at.occurred.isoformat(),
            service=coding("ProjectType", at.project_type),
            details=answers(cells, columns.ENROLLMENT, at.today),
        )
    )


def _living_situation(cells: Cells, at: Circumstances) -> RecordContent | None:
    contact = Contact(details=answers(cells, columns.CURRENT_LIVING_SITUATION, at.today))
    column = "CurrentLivingSituation"
    if situation := code(cells, column):
        if situation in columns.PLACES:
            contact.details.append(
                coded_answer(columns.PLACES[situation], question(column), column, situation)
            )
        else:
            contact.living_situation.CopyFrom(coding(column, situation))
    return RecordContent(contact=contact) if contact.ByteSize() else None


def _disability(cells: Cells, at: Circumstances) -> RecordContent | None:
    kind = text(cells, "DisabilityType")
    if kind not in columns.DISABILITY_TYPES:
        raise BadRow(Reason.UNKNOWN_CODE)
    category = columns.DISABILITY_TYPES[kind]
    found: list[CategorisedAnswer] = []
    if response := code(cells, "DisabilityResponse"):
        found.append(coded_answer(category, coding("DisabilityType", kind), "DisabilityResponse", response))
    found += answers(cells, (Column("IndefiniteAndImpairs", category),), at.today)
    found += answers(cells, columns.DISABILITY_HIV, at.today)
    return _assessment(cells, found)


def _health(cells: Cells, at: Circumstances) -> RecordContent | None:
    return _assessment(cells, list(answers(cells, columns.HEALTH_AND_DV, at.today)))


def _income(cells: Cells, at: Circumstances) -> RecordContent | None:
    return _assessment(cells, list(answers(cells, columns.INCOME_BENEFITS, at.today)))


def _assessment(cells: Cells, found: list[CategorisedAnswer]) -> RecordContent | None:
    stage = code(cells, "DataCollectionStage", Kind.LISTED)
    if not found:
        return None
    return RecordContent(
        assessment=Assessment(answers=found, stage=coding("DataCollectionStage", stage) if stage else None)
    )


def _service(cells: Cells, at: Circumstances) -> RecordContent | None:
    programme = code(cells, "RecordType", Kind.LISTED)
    provided = code(cells, "TypeProvided", Kind.LISTED)
    contact = Contact()
    # Each programme has a list of its own, so its number is part of the coding system. Where the programme or
    # the service itself tells more than that there was a contact, all of it is of that category.
    category = columns.SERVICES_PROVIDED.get(
        (programme, provided), columns.PROGRAMMES.get(programme, columns.SERVICE_CONTACT)
    )
    if programme:
        column, value = (f"TypeProvided:{programme}", provided) if provided else ("RecordType", programme)
        if category == columns.SERVICE_CONTACT:
            contact.service.CopyFrom(coding(column, value))
        else:
            contact.details.append(coded_answer(category, question("TypeProvided"), column, value))
    detail = (
        Column("SubTypeProvided", category, Kind.LISTED),
        Column("ReferralOutcome", category),
        Column("FAAmount", columns.MONEY_WORK, Kind.DECIMAL),
    )
    contact.details.extend(answers(cells, detail, at.today))
    return RecordContent(contact=contact) if contact.ByteSize() else None


def _exit(cells: Cells, at: Circumstances) -> RecordContent | None:
    episode = ServiceEpisode(
        end_date=at.occurred.isoformat(),
        service=coding("ProjectType", at.project_type),
        end_reasons=answers(cells, columns.EXIT_REASONS, at.today),
        details=answers(cells, columns.EXIT, at.today),
    )
    if destination := code(cells, "Destination"):
        if destination in columns.PLACES:
            episode.details.append(
                coded_answer(columns.PLACES[destination], question("Destination"), "Destination", destination)
            )
        else:
            episode.destination.CopyFrom(coding("Destination", destination))
    return RecordContent(service_episode=episode)


def _names(found: tuple[Column, ...], *others: str) -> frozenset[str]:
    return frozenset(column.name for column in found).union(others)


FILES: tuple[FileMap, ...] = (
    FileMap(
        "Client.csv",
        "PersonalID",
        "DateCreated",
        _names(columns.CLIENT, "FirstName", "LastName", "NameDataQuality", "DOB", "DOBDataQuality"),
        _client,
    ),
    FileMap("Enrollment.csv", "EnrollmentID", "EntryDate", _names(columns.ENROLLMENT), _enrollment),
    FileMap(
        "CurrentLivingSituation.csv",
        "CurrentLivingSitID",
        "InformationDate",
        _names(columns.CURRENT_LIVING_SITUATION, "CurrentLivingSituation"),
        _living_situation,
    ),
    FileMap(
        "Disabilities.csv",
        "DisabilitiesID",
        "InformationDate",
        _names(
            columns.DISABILITY_HIV,
            "DisabilityType",
            "DisabilityResponse",
            "IndefiniteAndImpairs",
            "DataCollectionStage",
        ),
        _disability,
    ),
    FileMap(
        "HealthAndDV.csv",
        "HealthAndDVID",
        "InformationDate",
        _names(columns.HEALTH_AND_DV, "DataCollectionStage"),
        _health,
    ),
    FileMap(
        "IncomeBenefits.csv",
        "IncomeBenefitsID",
        "InformationDate",
        _names(columns.INCOME_BENEFITS, "DataCollectionStage"),
        _income,
    ),
    FileMap(
        "Services.csv",
        "ServicesID",
        "DateProvided",
        frozenset({"RecordType", "TypeProvided", "SubTypeProvided", "ReferralOutcome", "FAAmount"}),
        _service,
    ),
    FileMap(
        "Exit.csv", "ExitID", "ExitDate", _names(columns.EXIT + columns.EXIT_REASONS, "Destination"), _exit
    ),
)
