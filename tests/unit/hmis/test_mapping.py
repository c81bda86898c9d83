"""What each of the eight files becomes: record type, categories, original codes; and what stays at home."""

from datetime import date
from pathlib import Path

import protovalidate
import pytest

from adapters.hmis import Accounted, HmisExport, NothingReason, Reason
from adapters.kit.source import SourceRecord
from oncetold.v1.common_pb2 import CategorisedAnswer, DataCategory
from oncetold.v1.record_service_pb2 import Record
from tests.hmis_export import small_world, write_export

TODAY = date(2022, 1, 31)


def only(folder: Path, file: str, **cells: str) -> Accounted:
    """What becomes of the one client's row of a file, with some cells set."""
    world = small_world(1)
    world[file][0].update(cells)
    export = HmisExport(write_export(folder, world), today=TODAY)
    [found] = [each for each in export.read() if each.outcome.origin.file == file]
    return found


def record(folder: Path, file: str, **cells: str) -> Record:
    found = only(folder, file, **cells)
    assert isinstance(found.outcome, SourceRecord), found
    published = Record()
    published.CopyFrom(found.outcome.record)
    published.revision = 1
    protovalidate.validate(published)
    return published


def told(answers: list[CategorisedAnswer]) -> dict[str, tuple[str, str]]:
    """Question to (category, value)."""
    return {
        answer.question.code: (
            DataCategory.Name(answer.category).removeprefix("DATA_CATEGORY_"),
            answer.coded.code or answer.decimal or answer.date or str(answer.whole_number),
        )
        for answer in answers
    }


def test_client_is_a_status_change_with_name_birth_date_and_equality(tmp_path: Path) -> None:
    found = record(tmp_path, "Client.csv", Transgender="1", Male="0", VeteranStatus="9")
    change = found.content.status_change
    assert (change.name.given, change.name.family, change.birth_date) == ("Given1", "Invented", "1990-02-03")
    assert told(list(change.details)) == {
        "White": ("EQUALITY", "1"),
        "Ethnicity": ("EQUALITY", "0"),
        "Transgender": ("EQUALITY", "1"),
    }
    assert b"999999999" not in found.SerializeToString()  # the social security number


def test_a_stand_in_for_a_name_or_birth_date_is_not_published(tmp_path: Path) -> None:
    found = record(tmp_path, "Client.csv", NameDataQuality="9", DOBDataQuality="99")
    assert not found.content.status_change.HasField("name")
    assert not found.content.status_change.HasField("birth_date")


def test_enrolment_is_the_start_of_a_stay(tmp_path: Path) -> None:
    found = record(tmp_path, "Enrollment.csv", ChildWelfareMonths="8", TimesHomelessPastThreeYears="8")
    episode = found.content.service_episode
    assert (episode.start_date, episode.end_date, episode.service.code) == ("2021-02-01", "", "1")
    assert told(list(episode.details)) == {
        "LivingSituation": ("ACCOMMODATION", "16"),
        "DisablingCondition": ("EQUALITY", "1"),
        "ChildWelfareMonths": ("FAMILY", "8"),  # a count: eight months, not "does not know"
    }
    assert episode.details[0].coded.system == "hmis:fy2022:LivingSituation"


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("4", "MENTAL_HEALTH"),
        ("5", "SUBSTANCE_USE"),
        ("6", "PHYSICAL_HEALTH"),
        ("7", "OFFENDING"),
        ("15", "FAMILY"),
        ("26", "SEXUAL_HEALTH"),
        ("20", "ACCOMMODATION"),
    ],
)
def test_where_somebody_stayed_has_the_category_it_reveals(tmp_path: Path, code: str, category: str) -> None:
    before = record(tmp_path / "a", "Enrollment.csv", LivingSituation=code)
    assert told(list(before.content.service_episode.details))["LivingSituation"] == (category, code)
    now = record(tmp_path / "b", "CurrentLivingSituation.csv", CurrentLivingSituation=code).content.contact
    after = record(tmp_path / "c", "Exit.csv", Destination=code).content.service_episode
    if category == "ACCOMMODATION":
        assert (now.living_situation.code, after.destination.code) == (code, code)
    else:
        assert not now.HasField("living_situation")
        assert not after.HasField("destination")
        assert told(list(now.details)) == {"CurrentLivingSituation": (category, code)}
        assert told(list(after.details)) == {"Destination": (category, code)}


def test_words_about_a_place_stay_home_and_are_counted(tmp_path: Path) -> None:
    found = only(tmp_path, "CurrentLivingSituation.csv", LocationDetails="behind Planted Court 7")
    assert isinstance(found.outcome, SourceRecord)
    assert found.outcome.texts_kept_home == 1
    assert b"Planted" not in found.outcome.record.SerializeToString()
    assert not found.outcome.record.content.contact.HasField("place")


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        ("5", "PHYSICAL_HEALTH"),
        ("6", "EQUALITY"),
        ("7", "PHYSICAL_HEALTH"),
        ("8", "SEXUAL_HEALTH"),
        ("9", "MENTAL_HEALTH"),
        ("10", "SUBSTANCE_USE"),
    ],
)
def test_disability_type_decides_the_category(tmp_path: Path, kind: str, category: str) -> None:
    found = record(
        tmp_path, "Disabilities.csv", DisabilityType=kind, DisabilityResponse="1", IndefiniteAndImpairs="0"
    )
    [response, impairs] = found.content.assessment.answers
    assert (response.question.system, response.question.code) == ("hmis:fy2022:DisabilityType", kind)
    assert (response.coded.system, response.coded.code) == ("hmis:fy2022:DisabilityResponse", "1")
    assert {DataCategory.Name(answer.category) for answer in (response, impairs)} == {
        f"DATA_CATEGORY_{category}"
    }


def test_what_is_asked_about_hiv_only_is_sexual_health_whatever_the_type(tmp_path: Path) -> None:
    found = record(
        tmp_path, "Disabilities.csv", DisabilityType="5", DisabilityResponse="99", TCellCount="412"
    )
    assert told(list(found.content.assessment.answers)) == {"TCellCount": ("SEXUAL_HEALTH", "412")}


def test_health_and_domestic_violence_are_split(tmp_path: Path) -> None:
    found = record(
        tmp_path, "HealthAndDV.csv", GeneralHealthStatus="3", MentalHealthStatus="4", PregnancyStatus="1",
        DueDate="2022-06-01", WhenOccurred="8",
    )  # fmt: skip
    assert told(list(found.content.assessment.answers)) == {
        "DomesticViolenceVictim": ("DOMESTIC_ABUSE", "1"),
        "CurrentlyFleeing": ("DOMESTIC_ABUSE", "0"),
        "GeneralHealthStatus": ("PHYSICAL_HEALTH", "3"),
        "MentalHealthStatus": ("MENTAL_HEALTH", "4"),
        "PregnancyStatus": ("SEXUAL_HEALTH", "1"),
        "DueDate": ("SEXUAL_HEALTH", "2022-06-01"),  # may lie ahead
    }


def test_income_is_money_except_benefits_that_name_a_condition_or_a_people(tmp_path: Path) -> None:
    found = record(
        tmp_path, "IncomeBenefits.csv", TotalMonthlyIncome="2253.3300000000004", PensionAmount="99", ADAP="0",
        IndianHealthServices="1", OtherIncomeSourceIdentify="Planted Trust",
    )  # fmt: skip
    assert told(list(found.content.assessment.answers)) == {
        "IncomeFromAnySource": ("MONEY_WORK", "1"),
        "TotalMonthlyIncome": ("MONEY_WORK", "2253.33"),
        "PensionAmount": ("MONEY_WORK", "99"),  # 99 dollars
        "ADAP": ("SEXUAL_HEALTH", "0"),
        "IndianHealthServices": ("EQUALITY", "1"),
    }
    assert found.content.assessment.stage.code == "1"
    assert b"Planted" not in found.SerializeToString()


@pytest.mark.parametrize(
    ("programme", "provided", "category"),
    [
        ("141", "6", "MENTAL_HEALTH"),
        ("161", "2", "SUBSTANCE_USE"),
        ("143", "1", "SEXUAL_HEALTH"),
        ("142", "28", "SEXUAL_HEALTH"),
        ("142", "17", "SUBSTANCE_USE"),
        ("142", "14", "PHYSICAL_HEALTH"),
    ],
)
def test_a_service_that_tells_more_than_a_contact_carries_what_it_tells(
    tmp_path: Path, programme: str, provided: str, category: str
) -> None:
    contact = record(
        tmp_path, "Services.csv", RecordType=programme, TypeProvided=provided, ReferralOutcome="1"
    ).content.contact
    assert not contact.HasField("service")
    assert told(list(contact.details)) == {
        "TypeProvided": (category, provided),
        "ReferralOutcome": (category, "1"),
    }
    assert contact.details[0].coded.system == f"hmis:fy2022:TypeProvided:{programme}"


def test_an_ordinary_service_is_a_contact(tmp_path: Path) -> None:
    contact = record(
        tmp_path, "Services.csv", RecordType="142", TypeProvided="8", FAAmount="50.00"
    ).content.contact
    # 8 is an entry of this list (life skills), not "does not know".
    assert (contact.service.system, contact.service.code) == ("hmis:fy2022:TypeProvided:142", "8")
    assert told(list(contact.details)) == {"FAAmount": ("MONEY_WORK", "50.00")}


def test_exit_is_the_end_of_a_stay(tmp_path: Path) -> None:
    episode = record(
        tmp_path, "Exit.csv", ProjectCompletionStatus="1", ExchangeForSex="1", WorkplaceViolenceThreats="0"
    ).content.service_episode
    assert (episode.start_date, episode.end_date, episode.destination.code) == ("", "2021-06-07", "10")
    assert told(list(episode.end_reasons)) == {"ProjectCompletionStatus": ("SERVICE_CONTACT", "1")}
    assert told(list(episode.details)) == {
        "ExchangeForSex": ("SEXUAL_HEALTH", "1"),
        "WorkplaceViolenceThreats": ("SAFEGUARDING_RISK", "0"),
    }


@pytest.mark.parametrize("value", ["8", "9", "99", "", " "])
@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("CurrentLivingSituation.csv", ["CurrentLivingSituation"]),
        ("Disabilities.csv", ["DisabilityResponse"]),
        ("HealthAndDV.csv", ["DomesticViolenceVictim", "CurrentlyFleeing"]),
    ],
)
def test_a_row_with_nothing_left_says_nothing(
    tmp_path: Path, file: str, columns: list[str], value: str
) -> None:
    found = only(tmp_path, file, **dict.fromkeys(columns, value))
    assert found.reason is NothingReason.NOT_RECORDED
    # What an earlier export said in this row is taken back: the record, without content.
    assert found.withdrawal is not None
    assert not found.withdrawal.record.HasField("content")


@pytest.mark.parametrize(
    ("file", "column", "cell", "reason"),
    [
        ("Client.csv", "DOB", "1980-02-30", Reason.IMPOSSIBLE_DATE),
        ("Client.csv", "DOB", "1880-02-01", Reason.IMPOSSIBLE_DATE),
        ("Client.csv", "DOB", "2022-02-01", Reason.FUTURE_DATE),
        ("Client.csv", "FirstName", "A\u202eb", Reason.BAD_TEXT),
        ("Client.csv", "LastName", "x" * 101, Reason.BAD_TEXT),
        ("Enrollment.csv", "EntryDate", "", Reason.IMPOSSIBLE_DATE),
        ("Enrollment.csv", "EntryDate", "01/02/2021", Reason.IMPOSSIBLE_DATE),
        ("Enrollment.csv", "EntryDate", "2021-W05-1", Reason.IMPOSSIBLE_DATE),
        ("Enrollment.csv", "DateUpdated", "2021-04-31 00:00:00", Reason.IMPOSSIBLE_DATE),
        ("Enrollment.csv", "MoveInDate", "2022-02-01", Reason.FUTURE_DATE),
        ("Enrollment.csv", "LivingSituation", "-1", Reason.BAD_CODE),
        ("Enrollment.csv", "HPScreeningScore", "1.5", Reason.BAD_NUMBER),
        ("Disabilities.csv", "DisabilityType", "11", Reason.UNKNOWN_CODE),
        ("IncomeBenefits.csv", "EarnedAmount", "1e3", Reason.BAD_NUMBER),
        ("IncomeBenefits.csv", "EarnedAmount", "NaN", Reason.BAD_NUMBER),
        ("Exit.csv", "ExitDate", "2021-01-31", Reason.EXIT_BEFORE_ENTRY),
    ],
)
def test_a_cell_that_cannot_be_so_quarantines_its_row(
    tmp_path: Path, file: str, column: str, cell: str, reason: Reason
) -> None:
    assert only(tmp_path, file, **{column: cell}).reason is reason
