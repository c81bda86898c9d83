"""An agreement file says what is meant, or exactly what is wrong with it and where."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.cli.agreement_file import read_agreement
from hub.cli.enums import CATEGORY, ON_END, PURPOSE
from hub.cli.errors import BadFile
from oncetold.v1 import common_pb2
from tests.unit.cli.conftest import Run

GOOD = """
agreement_id = "northside-2026"
title = "Northside support partnership"
notice_id = "notice-1"
start = 2026-01-01
end = 2027-01-01T09:00:00+01:00

[[party]]
agency_id = "northside"
bases = [{ purpose = "DIRECT_SUPPORT", lawful_basis = "A6_1_F", article9 = "A9_2_H" }]

[[party]]
agency_id = "harbour"
receives_only = true
bases = [{ purpose = "direct-support", lawful_basis = "A6_1_E", article10 = "SCH1_P1" }]

[[share]]
purposes = ["DIRECT_SUPPORT", "CARE_COORDINATION"]
categories = ["IDENTITY", "ACCOMMODATION"]
on_end = "RESTRICT"

[[share]]
purposes = ["DIRECT_SUPPORT"]
categories = ["SUBSTANCE_USE"]
on_end = "ERASE"
self_captured_restricted = true
retention_days = 730
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "agreement.toml"
    path.write_text(text)
    return path


def test_every_purpose_is_shared_with_every_category_of_its_share(tmp_path: Path) -> None:
    agreement = read_agreement(written(tmp_path, GOOD))

    rows = [
        (PURPOSE.word(row.purpose), CATEGORY.word(row.category), ON_END.word(row.on_end))
        for row in agreement.rows
    ]
    assert rows == [
        ("DIRECT_SUPPORT", "IDENTITY", "RESTRICT"),
        ("DIRECT_SUPPORT", "ACCOMMODATION", "RESTRICT"),
        ("CARE_COORDINATION", "IDENTITY", "RESTRICT"),
        ("CARE_COORDINATION", "ACCOMMODATION", "RESTRICT"),
        ("DIRECT_SUPPORT", "SUBSTANCE_USE", "ERASE"),
    ]
    assert [row.self_captured_restricted for row in agreement.rows] == [False] * 4 + [True]
    assert [row.retention_days for row in agreement.rows] == [0] * 4 + [730]


def test_parties_bases_and_times_are_read(tmp_path: Path) -> None:
    agreement = read_agreement(written(tmp_path, GOOD))

    assert [(party.agency_id, party.receives_only) for party in agreement.parties] == [
        ("northside", False),
        ("harbour", True),
    ]
    [basis] = agreement.parties[0].bases
    assert basis.lawful_basis == common_pb2.LAWFUL_BASIS_A6_1_F
    assert basis.article9 == common_pb2.ARTICLE9_CONDITION_A9_2_H
    assert agreement.start_time.ToDatetime(tzinfo=UTC) == datetime(2026, 1, 1, tzinfo=UTC)
    assert agreement.end_time.ToDatetime(tzinfo=UTC) == datetime(2027, 1, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "where", "rule"),
    [
        ('title = "Northside support partnership"', "", "title", "is missing"),
        ('"notice-1"', "7", "notice_id", "must be text"),
        ("start = 2026-01-01", 'start = "2026-01-01"', "start", "must be a date"),
        ("T09:00:00+01:00", "T09:00:00", "end", "offset from UTC"),
        ('"SUBSTANCE_USE"', '"SECRETS"', "share[2].categories", "each must be one of"),
        ('on_end = "ERASE"', "", "share[2].on_end", "is missing"),
        ('["SUBSTANCE_USE"]', '["IDENTITY"]', "share[2].categories", "listed twice"),
        ('["SUBSTANCE_USE"]', "[]", "share[2].categories", "not empty"),
        ("receives_only = true", 'receives_only = "yes"', "party[2].receives_only", "true or false"),
        ("receives_only = true", "recieves_only = true", "party[2].recieves_only", "is not a key"),
        ('"A6_1_F"', '"because"', "party[1].bases[1].lawful_basis", "must be one of"),
        ("[[share]]", "[[shares]]", "share", "at least one"),
        ("[[party]]", "[party", "", "is not TOML"),
        ("730", "36526", "share[2].retention_days", "days"),
        ("730", "true", "share[2].retention_days", "days"),
    ],
)
def test_a_wrong_file_names_the_key_and_the_rule(
    tmp_path: Path, old: str, new: str, where: str, rule: str
) -> None:
    assert old in GOOD
    with pytest.raises(BadFile) as caught:
        read_agreement(written(tmp_path, GOOD.replace(old, new)))

    assert caught.value.details["field"] == where
    assert rule in caught.value.details["rule"]
    assert caught.value.exit_code == 2


def test_a_basis_left_out_is_the_hubs_to_refuse(tmp_path: Path) -> None:
    agreement = read_agreement(written(tmp_path, GOOD.replace('lawful_basis = "A6_1_F", ', "")))

    assert agreement.parties[0].bases[0].lawful_basis == common_pb2.LAWFUL_BASIS_UNSPECIFIED


@pytest.mark.parametrize("content", [b"\xff\xfe", b"title = 'x\x00'", b"x" * (1 << 20) + b"xx"])
def test_bytes_that_are_no_agreement_are_refused_by_the_command(
    oncetold: Run, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "agreement.toml"
    path.write_bytes(content)

    result = oncetold("--data", tmp_path, "agreement", "draft", path)

    assert result.exit_code == 2
    assert "agreement.toml" in result.stderr


def test_a_missing_file_is_refused_by_the_command(oncetold: Run, tmp_path: Path) -> None:
    result = oncetold("--data", tmp_path, "agreement", "draft", tmp_path / "none.toml")

    assert result.exit_code == 2
    assert "No such file" in result.stderr
