"""`oncetold certificate`: what the operator types, and what is refused before it reaches the ledger."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.kit.enrolment import Invitation
from adapters.kit.errors import ConfigInvalid
from hub.__main__ import app
from hub.config import write_config
from tests.integration.certificates import ISSUING
from tests.integration.loopback import make_site

KEY = "9f" * 32


@pytest.fixture
def data(tmp_path: Path) -> Path:
    site = make_site(tmp_path)
    write_config(replace(site.config, enrolment=replace(ISSUING, listen="")))
    told(site.config.data, "agency", "add", "hostel", "--name", "Hostel", "--service-type", "HOSTEL")
    return site.config.data


def told(data: Path, *command: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["--data", str(data), *command, "--json"])
    assert result.exit_code == code, result.output
    answer: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return answer


def invite(data: Path, to: Path, code: int = 0) -> dict[str, Any]:
    where = ("--hub", "hub.example.org:8443", "--door", "hub.example.org:8444", "--to", str(to))
    return told(data, "certificate", "invite", "hostel", *where, code=code)


def test_an_invitation_is_a_file_without_the_code_that_the_other_reads(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "hostel.invitation"
    answer = invite(data, file)

    assert answer["code"] not in file.read_text()
    assert tomllib.loads(file.read_text())["uri"] == answer["uri"]
    read = Invitation.read(file)
    assert (read.hub, read.door) == ("hub.example.org:8443", "hub.example.org:8444")
    assert read.authorities == (data / "pki" / "authority.pem").read_bytes()
    [row] = told(data, "certificate", "list", "hostel")["certificates"]
    assert (row["uri"], row["state"]) == (answer["uri"], "invited")


def test_an_invitation_never_overwrites_a_file(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "hostel.invitation"
    file.write_text("something else")
    assert invite(data, file, code=2)["error"]["reason"] == "BAD_FILE"
    assert file.read_text() == "something else"


@pytest.mark.parametrize(
    "words",
    [
        ["acorn"] * 5,
        ["acorn"] * 5 + ["spelling"],
        ["acor"] * 5 + ["aco"],
    ],
    ids=["five", "no word of the list", "three letters are too few"],
)
def test_what_are_not_six_words_never_reaches_the_hub(data: Path, words: list[str]) -> None:
    answer = told(data, "certificate", "confirm", "hostel", *words, code=2)
    assert (answer["error"]["reason"], answer["error"]["details"]) == ("INVALID_FIELD", {"field": "words"})


def test_words_that_nobody_waits_with_and_keys_that_never_were_are_not_found(data: Path) -> None:
    answer = told(data, "certificate", "confirm", "hostel", *["acorn"] * 6, code=1)
    assert answer["error"]["reason"] == "NOT_FOUND"
    since = ("--since", "2026-11-20")
    answer = told(data, "certificate", "revoke", "hostel", "--key", KEY, "--reason", "DEVICE_LOST", code=1)
    assert answer["error"]["reason"] == "NOT_FOUND"
    answer = told(data, "certificate", "accesses", "hostel", "--key", KEY, *since, code=1)
    assert answer["error"]["reason"] == "NOT_FOUND"
    answer = told(data, "certificate", "revoke", "hostel", "--key", "9f", "--reason", "DEVICE_LOST", code=2)
    assert answer["error"]["details"] == {"field": "key"}
    answer = told(data, "certificate", "revoke", "hostel", "--key", KEY, "--reason", "BOREDOM", code=2)
    assert answer["error"]["reason"] == "UNKNOWN_ENUM"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"hub": ""}, "where the hub is"),
        ({"door": "hub.example.org"}, "where the hub is"),
        ({"authorities": "nobody"}, "how the hub is known"),
        (None, "not an invitation"),
    ],
)
def test_an_invitation_that_was_spoilt_on_the_way_is_named(
    data: Path, tmp_path: Path, changed: dict[str, str] | None, said: str
) -> None:
    file = tmp_path / "hostel.invitation"
    invite(data, file)
    if changed is None:
        file.write_text("= spoilt")
    else:
        whole = tomllib.loads(file.read_text()) | changed
        file.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in whole.items()))
    with pytest.raises(ConfigInvalid, match=said):
        Invitation.read(file)
