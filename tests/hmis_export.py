"""Writes small HMIS CSV exports of invented people, in the layout that the adapter requires."""

import csv
from collections.abc import Mapping
from pathlib import Path

from adapters.hmis.columns import FREE_TEXT
from adapters.hmis.mapping import FILES, FileMap

Rows = Mapping[str, list[dict[str, str]]]

PROJECT_COLUMNS = ["ProjectID", "OrganizationID", "ProjectName", "ProjectType", "DateDeleted"]
DATES = {"DateCreated": "2021-01-02 10:30:00", "DateUpdated": "2021-01-03 00:00:00"}


def header(file: FileMap) -> list[str]:
    """Keys in front, as in the real layout; then what is mapped, what stays home, the audit columns."""
    keys = [
        column
        for column in (file.key, "EnrollmentID", "PersonalID", "ProjectID")
        if column in file.required and (column != "EnrollmentID" or file.stem != "Client")
    ]
    audit = ["DateCreated", "DateUpdated", "UserID", "DateDeleted", "ExportID"]
    home = [*FREE_TEXT.get(file.name, ()), *(["SSN"] if file.stem == "Client" else [])]
    between = sorted({file.date, *file.mapped, *home} - set(keys) - set(audit))
    return [*dict.fromkeys(keys), *between, *audit]


def write_export(folder: Path, rows: Rows) -> Path:
    """Makes the folder with all nine files. A file that `rows` leaves out has its header only."""
    folder.mkdir(parents=True, exist_ok=True)
    layout = {"Project.csv": PROJECT_COLUMNS} | {file.name: header(file) for file in FILES}
    unknown = set(rows) - set(layout)
    assert not unknown, unknown
    for name, columns in layout.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            for row in rows.get(name, []):
                audit = {} if name == "Project.csv" else DATES | {"UserID": "7", "ExportID": "E1"}
                writer.writerow(audit | row)
    return folder


def small_world(clients: int = 12) -> dict[str, list[dict[str, str]]]:
    """Two projects, their clients, and for each client a row in every one of the eight files."""
    world: dict[str, list[dict[str, str]]] = {
        "Project.csv": [
            {"ProjectID": "10", "ProjectName": "Night shelter", "ProjectType": "1"},
            {"ProjectID": "20", "ProjectName": "Outreach", "ProjectType": "4"},
        ]
    }
    for file in FILES:
        world[file.name] = []
    for number in range(1, clients + 1):
        person, enrolment = f"P{number}", f"E{number}"
        refers = {"EnrollmentID": enrolment, "PersonalID": person}
        dated = refers | {"InformationDate": "2021-03-04"}
        assessed = dated | {"DataCollectionStage": "1"}
        world["Client.csv"].append(
            {"PersonalID": person, "FirstName": f"Given{number}", "LastName": "Invented", "DOB": "1990-02-03"}
            | {
                "NameDataQuality": "1",
                "DOBDataQuality": "1",
                "White": "1",
                "Ethnicity": "0",
                "SSN": "999999999",
            }
        )
        world["Enrollment.csv"].append(
            refers
            | {"ProjectID": "10" if number % 2 else "20", "EntryDate": "2021-02-01"}
            | {"LivingSituation": "16", "DisablingCondition": "1"}
        )
        world["CurrentLivingSituation.csv"].append(
            dated
            | {"CurrentLivingSitID": f"L{number}", "CurrentLivingSituation": "16"}
            | {"LocationDetails": f"under bridge {number}"}
        )
        world["Disabilities.csv"].append(
            assessed | {"DisabilitiesID": f"D{number}", "DisabilityType": "10", "DisabilityResponse": "3"}
        )
        world["HealthAndDV.csv"].append(
            assessed | {"HealthAndDVID": f"H{number}", "DomesticViolenceVictim": "1", "CurrentlyFleeing": "0"}
        )
        world["IncomeBenefits.csv"].append(
            assessed
            | {"IncomeBenefitsID": f"I{number}", "IncomeFromAnySource": "1", "TotalMonthlyIncome": "712.50"}
        )
        world["Services.csv"].append(
            refers
            | {"ServicesID": f"S{number}", "DateProvided": "2021-03-05", "RecordType": "200"}
            | {"TypeProvided": "200"}
        )
        world["Exit.csv"].append(
            refers | {"ExitID": f"X{number}", "ExitDate": "2021-06-07", "Destination": "10"}
        )
    return world
