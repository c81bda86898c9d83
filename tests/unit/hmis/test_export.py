"""An export as a whole: projects as agencies, whose rows are whose, and every row accounted once."""

from datetime import date
from pathlib import Path

import pytest

from adapters.hmis import HmisError, HmisExport, NothingReason, Reading, Reason
from adapters.hmis.mapping import FILES
from adapters.kit.source import Nothing, Rejected, SourceRecord
from oncetold.v1.common_pb2 import ServiceType
from tests.hmis_damage import Damager
from tests.hmis_export import Rows, small_world, write_export

TODAY = date(2022, 1, 31)


def opened(folder: Path, world: Rows) -> HmisExport:
    return HmisExport(write_export(folder, world), today=TODAY)


def published(export: HmisExport, agency_id: str) -> dict[str, SourceRecord]:
    return {
        found.record.record_id: found
        for found in export.source(agency_id).records()
        if isinstance(found, SourceRecord) and found.record.HasField("content")
    }


def test_each_project_is_an_agency_and_publishes_its_own_rows(tmp_path: Path) -> None:
    export = opened(tmp_path, small_world(3))
    assert [(agency.agency_id, agency.name, agency.service_type) for agency in export.agencies] == [
        ("project-10", "Night shelter", ServiceType.SERVICE_TYPE_HOSTEL),
        ("project-20", "Outreach", ServiceType.SERVICE_TYPE_STREET_OUTREACH),
    ]
    assert export.clients_of("project-10") == ["P1", "P3"]
    assert set(published(export, "project-20")) == {
        "Client:P2", "Enrollment:E2", "CurrentLivingSituation:L2", "Disabilities:D2", "HealthAndDV:H2",
        "IncomeBenefits:I2", "Services:S2", "Exit:X2",
    }  # fmt: skip
    found = published(export, "project-20")["Services:S2"]
    assert found.client_reference == found.record.client_reference == "P2"
    assert found.record.source_system == "hmis:fy2022"
    assert found.record.service_type == ServiceType.SERVICE_TYPE_STREET_OUTREACH
    assert found.record.occurred_time.ToJsonString() == "2021-03-05T00:00:00Z"
    assert (found.origin.file, found.origin.line) == ("Services.csv", 3)


@pytest.mark.parametrize("code", ["1", "2", "3", "4", "6", "7", "8", "9", "10", "11", "12", "13", "14"])
def test_every_project_type_has_a_service_type(tmp_path: Path, code: str) -> None:
    export = opened(tmp_path, {"Project.csv": [{"ProjectID": "10", "ProjectType": code}]})
    assert export.agencies[0].service_type != ServiceType.SERVICE_TYPE_UNSPECIFIED
    assert export.agencies[0].name == "project-10"  # for want of a better one


def test_a_second_reading_yields_the_same(tmp_path: Path) -> None:
    export = opened(tmp_path, small_world())
    assert list(export.read()) == list(export.read()) == list(opened(tmp_path, small_world()).read())


def test_sources_of_all_agencies_and_of_none_are_the_whole_once(tmp_path: Path) -> None:
    folder = write_export(tmp_path, small_world(60))
    Damager(folder, seed=3).run()
    export = HmisExport(folder, today=TODAY)
    sources = [*(export.source(agency.agency_id) for agency in export.agencies), export.unattributed()]
    origins = [found.origin for source in sources for found in source.records()]
    assert len(origins) == len(set(origins))
    assert set(origins) == {found.outcome.origin for found in export.read()}


def test_client_of_two_projects_is_published_by_the_first_and_registered_at_both(tmp_path: Path) -> None:
    world = small_world(1)  # E1 at project 10 from 1 February
    world["Enrollment.csv"] += [
        {"EnrollmentID": "E0", "PersonalID": "P1", "ProjectID": "20", "EntryDate": "2021-02-01"},
        {"EnrollmentID": "A9", "PersonalID": "P1", "ProjectID": "10", "EntryDate": "2021-02-02"},
    ]
    export = opened(tmp_path, world)
    assert [export.clients_of(agency.agency_id) for agency in export.agencies] == [["P1"], ["P1"]]
    assert "Client:P1" in published(export, "project-20")  # same day: E0 before E1
    assert "Client:P1" not in published(export, "project-10")


def test_client_whom_nobody_enrolled_is_nothing_recorded(tmp_path: Path) -> None:
    world = small_world(1)
    world["Client.csv"].append({"PersonalID": "P9", "FirstName": "Unenrolled", "NameDataQuality": "1"})
    export = opened(tmp_path, world)
    [found] = [each for each in export.read() if each.agency_id is None]
    assert (found.reason, found.outcome.origin.line) == (NothingReason.NO_ENROLMENT, 3)
    assert [type(each) for each in export.unattributed().records()] == [Nothing]


@pytest.mark.parametrize(("file", "gone"), [("Services.csv", 1), ("Enrollment.csv", 8), ("Client.csv", 8)])
def test_what_is_deleted_says_nothing_and_is_withdrawn(tmp_path: Path, file: str, gone: int) -> None:
    world = small_world(2)
    world[file][0]["DateDeleted"] = "2021-12-01 00:00:00"
    export = opened(tmp_path, world)
    deleted = [found for found in export.read() if found.reason is NothingReason.DELETED]
    assert len(deleted) == gone
    assert all(found.withdrawal and not found.withdrawal.record.HasField("content") for found in deleted)
    withdrawn = [
        found.record.record_id
        for found in export.source("project-10").records()
        if isinstance(found, SourceRecord) and not found.record.HasField("content")
    ]
    assert len(withdrawn) == gone
    assert export.clients_of("project-10") == (["P1"] if file == "Services.csv" else [])


def test_a_broken_row_still_stands_as_a_reference(tmp_path: Path) -> None:
    folder = write_export(tmp_path, small_world(1))
    for file in ("Client.csv", "Enrollment.csv"):
        (folder / file).write_bytes((folder / file).read_bytes().rstrip() + b"caf\xe9\r\n")
    export = HmisExport(folder, today=TODAY)
    rejected = [found for found in export.read() if isinstance(found.outcome, Rejected)]
    assert [(found.agency_id, found.outcome.origin.file, found.reason) for found in rejected] == [
        ("project-10", "Client.csv", Reason.ENCODING),
        ("project-10", "Enrollment.csv", Reason.ENCODING),
    ]
    assert len(published(export, "project-10")) == 6


@pytest.mark.parametrize("seed", range(5))
def test_exactly_the_damaged_rows_are_quarantined(tmp_path: Path, seed: int) -> None:
    folder = write_export(tmp_path, small_world(60))
    damages = Damager(folder, seed).run()
    reading = Reading()
    found = [each.outcome for each in HmisExport(folder, today=TODAY).read(reading)]
    rejected = sorted(
        (each.origin.file, each.origin.line, each.reason) for each in found if isinstance(each, Rejected)
    )
    assert rejected == [(damage.file, damage.line, damage.reason) for damage in damages]
    assert {damage.reason for damage in damages} == {reason.value for reason in Reason}
    assert {damage.file for damage in damages} == {file.name for file in FILES}
    for file in FILES:
        tally = reading.files[file.name]
        assert tally.rows == 61  # sixty, and one that is there twice
        assert tally.rows == tally.published + tally.nothing + tally.quarantined


def test_bad_rows_of_projects_are_named_and_are_no_agencies(tmp_path: Path) -> None:
    projects = [
        {"ProjectID": "10", "ProjectType": "1"},
        {"ProjectID": "", "ProjectType": "1"},
        {"ProjectID": "1 0", "ProjectType": "1"},
        {"ProjectID": "10", "ProjectType": "4"},
        {"ProjectID": "30", "ProjectType": "5"},
        {"ProjectID": "40", "ProjectType": "4", "DateDeleted": "2021-01-01"},
    ]
    export = opened(tmp_path, {"Project.csv": projects})
    assert [agency.agency_id for agency in export.agencies] == ["project-10"]
    assert [(bad.origin.line, bad.reason) for bad in export.unusable_projects] == [
        (3, "MISSING_KEY"), (4, "BAD_KEY"), (5, "DUPLICATE_KEY"), (6, "UNKNOWN_CODE"),
    ]  # fmt: skip


def test_progress_names_every_file_and_ends_at_its_rows(tmp_path: Path) -> None:
    seen: dict[str, int] = {}
    folder = write_export(tmp_path, small_world(3))
    for _ in HmisExport(folder, today=TODAY, progress=seen.__setitem__).read():
        pass
    assert seen == {file.name: 3 for file in FILES}


@pytest.mark.parametrize("file", ["Project.csv", *(file.name for file in FILES)])
def test_a_missing_file_or_column_is_named_before_anything_is_read(tmp_path: Path, file: str) -> None:
    folder = write_export(tmp_path, small_world(1))
    (folder / file).write_text("ExportID\nE1\n", encoding="utf-8")
    with pytest.raises(HmisError) as raised:
        HmisExport(folder)
    assert (raised.value.code, raised.value.details["file"]) == ("HMIS_COLUMNS_MISSING", file)
    (folder / file).unlink()
    with pytest.raises(HmisError) as raised:
        HmisExport(folder)
    assert (raised.value.code, raised.value.details) == ("HMIS_FILE_MISSING", {"file": file})


def test_a_missing_folder_and_an_unknown_agency_are_named(tmp_path: Path) -> None:
    with pytest.raises(HmisError) as raised:
        HmisExport(tmp_path / "nowhere")
    assert raised.value.code == "HMIS_FOLDER_MISSING"
    export = opened(tmp_path, small_world(1))
    for ask in (export.source, export.clients_of):
        with pytest.raises(HmisError) as raised:
            ask("project-99")
        assert raised.value.code == "HMIS_AGENCY_UNKNOWN"
