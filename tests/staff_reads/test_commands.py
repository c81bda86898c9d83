"""What an agency's IT team and the hub's operator type: a key made there, its public half known here."""

import json
import stat
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import adapters.cli.app
from hub.__main__ import app
from tests.integration.loopback import make_site


def typed(data: Path, *words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["--data", str(data), *words, "--json"])
    assert result.exit_code == code, result.output
    said = json.loads(result.stdout.splitlines()[-1])
    return said if code == 0 else said["error"]


def at_the_agency(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(adapters.cli.app.app, [*words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout.splitlines()[-1]) if result.stdout else {}


def test_a_key_is_made_at_the_agency_and_known_at_the_hub(tmp_path: Path) -> None:
    data = make_site(tmp_path / "site").config.data
    typed(data, "agency", "add", "northside", "--name", "Northside", "--service-type", "HOSTEL")
    file = tmp_path / "staff.key"
    made = at_the_agency("staff-key", "--file", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and b"PRIVATE KEY" in file.read_bytes()
    again = at_the_agency("staff-key", "--file", str(file))
    assert (made["made"], again["made"], again["public_key"]) == (True, False, made["public_key"])
    assert "PRIVATE" not in json.dumps(made)

    name = ("agency", "assertion-key", "northside", "--id", "staff-1")
    first = typed(data, *name, "--key", made["public_key"])
    assert typed(data, *name, "--key", "not a key", code=2)["reason"] == "INVALID_FIELD"
    other = at_the_agency("staff-key", "--file", str(tmp_path / "other.key"))["public_key"]
    assert typed(data, *name, "--key", other, code=1)["reason"] == "ALREADY_EXISTS"
    ended = typed(data, *name, "--end")
    assert ended["position"]["index"] > first["position"]["index"]
    assert typed(data, *name, "--end", code=1)["reason"] == "NOT_FOUND"


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "staff.key"
    at_the_agency("staff-key", "--file", str(file))
    file.chmod(0o644)
    result = CliRunner().invoke(adapters.cli.app.app, ["staff-key", "--file", str(file)])
    assert result.exit_code == 2 and "chmod 600" in result.output


def test_roles_are_given_listed_and_ended(tmp_path: Path) -> None:
    data = make_site(tmp_path / "site").config.data
    typed(data, "agency", "add", "northside", "--name", "Northside", "--service-type", "HOSTEL")
    acting = ("--as", "northside")
    typed(data, "staff", "give", "k-17", *acting, "--role", "KEYWORKER", "--until", "2999-01-01")
    typed(data, "staff", "give", "dpo-1", *acting, "--role", "data-protection-officer")
    assert [
        (one["staff_reference"], one["role"]) for one in typed(data, "staff", "list", *acting)["roles"]
    ] == [
        ("dpo-1", "DATA_PROTECTION_OFFICER"),
        ("k-17", "KEYWORKER"),
    ]
    past = typed(
        data, "staff", "give", "k-17", *acting, "--role", "NAVIGATOR", "--until", "2020-01-01", code=1
    )
    assert past["reason"] == "IMPOSSIBLE_TIME"
    typed(data, "staff", "end", "k-17", *acting, "--role", "KEYWORKER")
    assert len(typed(data, "staff", "list", *acting)["roles"]) == 1
    gone = typed(data, "staff", "end", "k-17", *acting, "--role", "KEYWORKER", code=1)
    assert gone["reason"] == "NOT_FOUND"


def test_somebody_works_with_a_client_and_then_no_more(tmp_path: Path) -> None:
    data = make_site(tmp_path / "site").config.data
    typed(data, "agency", "add", "northside", "--name", "Northside", "--service-type", "HOSTEL")
    typed(data, "registration", "add", "N-1", "--as", "northside")
    relate = ("staff", "relate", "N-1", "p-1", "--as", "northside", "--kind")
    made = typed(data, *relate, "HANDED_BY_CLIENT", "--handed", "ACCOMMODATION,FAMILY")
    assert typed(data, *relate, "CASELOAD", "--handed", "FAMILY", code=1)["reason"] == "INVALID_FIELD"
    assert typed(data, *relate, "HANDED_BY_CLIENT", code=1)["reason"] == "INVALID_FIELD"
    ended = typed(data, "staff", "unrelate", made["relationship_id"], "--as", "northside")
    assert typed(data, "staff", "unrelate", made["relationship_id"], "--as", "northside") == ended
