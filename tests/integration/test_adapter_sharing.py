"""`oncetold-adapter sharing` as staff of two agencies meet it, against a real hub; MAIS at the edge."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from adapters.cli.app import app
from adapters.kit.mais_request import RequestUnusable, read_request
from tests.staff import KEY_ID, key_of
from tests.twins.cast import dose
from tests.twins.colleague import hired
from tests.twins.conftest import authority
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

__all__ = ["authority"]

TOLD = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
REQUEST: dict[str, Any] = {
    "RequestedData": {
        "Query": {"Identifier": {"value": "w-1", "system": "https://oncetold.org/ns/client"}},
        "oncetold:categories": ["PHYSICAL_HEALTH"],
    },
    "oncetold:purposes": ["DIRECT_SUPPORT"],
    "oncetold:basis": {"lawful_basis": "A6_1_E", "article9": "A9_2_H"},
    "oncetold:power": "CARE_ACT_2014",
    "oncetold:why": "She is unwell and cannot say what she takes.",
}


class Office:
    """An agency's folder: its adapter's configuration, and the key that signs for its staff."""

    def __init__(self, world: Stage, desk: Desk, folder: Path) -> None:
        self.desk, self.folder = desk, folder
        folder.mkdir()
        (folder / "adapter.toml").write_text(
            f'[hub]\naddress = "localhost:{world.running.port}"\n'
            f'ca_file = "{world.site.authority.certificate}"\n'
            f'certificate_file = "{desk.credentials.certificate}"\nkey_file = "{desk.credentials.key}"\n'
            '[witness]\nfolder = "witness"\n'
        )
        (folder / "why.txt").write_text("Danger.\n")
        pem = key_of(desk.agency_id).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "staff.key").touch(0o600)
        (folder / "staff.key").write_bytes(pem)

    async def told(self, who: str, *words: str, exit_code: int = 0) -> Any:
        """What the command prints for `staff:ROLE`."""
        staff, role = who.split(":")
        typed = [*words, "--by", staff, "--role", role, "--staff-key", "staff.key", "--key-id", KEY_ID]
        typed = [str(self.folder / "why.txt") if one == "why.txt" else one for one in typed]
        typed += ["--config", str(self.folder / "adapter.toml"), "--json"]
        result = await asyncio.to_thread(CliRunner().invoke, app, ["sharing", *typed])
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)


@asynccontextmanager
async def offices(folder: Path, authority: Authority) -> AsyncIterator[tuple[Office, Office]]:
    """A clinic that holds a dose, and a ward that asks, today."""
    async with stage(folder, authority) as world:
        world.clock.advance(datetime.now(UTC) - world.clock.now())
        clinic = await world.agency("clinic", "PRIMARY_CARE")
        ward = await world.agency("ward", "HOSPITAL", receives=TOLD)
        await clinic.register("c-1")
        await ward.register("w-1")
        await clinic.link("c-1", ward, "w-1")
        await clinic.publish("c-1", "dose-1", assessment=dose("40mg"))
        await hired(ward, "sister-1", "KEYWORKER")
        await (await hired(clinic, "nurse-1", "KEYWORKER")).works_with("c-1")
        for staff, role in (
            ("officer-1", "DATA_PROTECTION_OFFICER"),
            ("lead-1", "SAFEGUARDING_LEAD"),
            ("guardian-1", "CALDICOTT_GUARDIAN"),
        ):
            await hired(clinic, staff, role)
        yield Office(world, clinic, folder / "clinic"), Office(world, ward, folder / "ward")


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%d")


SISTER, OFFICER = "sister-1:KEYWORKER", "officer-1:DATA_PROTECTION_OFFICER"
LEAD, GUARDIAN = "lead-1:SAFEGUARDING_LEAD", "guardian-1:CALDICOTT_GUARDIAN"
PERMITTING = (
    *("--until", in_days(30), "--basis", "A6_1_C", "--article9", "A9_2_H", "--why", "why.txt"),
    *("--confidence", "PUBLIC_INTEREST", "--file-reference", "F/7", "--recorded-by", "clerk-9"),
)


async def test_a_request_is_asked_answered_and_listed_in_mais(tmp_path: Path, authority: Authority) -> None:
    async with offices(tmp_path, authority) as (clinic, ward):
        file = ward.folder / "request.json"
        file.write_text(json.dumps(REQUEST))
        asked = await ward.told(SISTER, "ask", str(file))

        [own] = (await ward.told(SISTER, "requests"))["requests"]
        assert (own["Identifier"], own["Decision"]) == (asked["sharing_request_id"], "REVIEW")
        assert "oncetold:why" not in own
        [there] = (await clinic.told(OFFICER, "requests", "--to-answer"))["requests"]
        assert there["RequesterIdentifier"]["value"] == "ward"
        assert there["RequestedData"]["Query"]["Identifier"]["value"] == "c-1"
        assert there["oncetold:why"] == REQUEST["oncetold:why"]
        assert there["AssertedPurpose"] == ["dpv:ServiceProvision"]
        # What was written is what may be asked again.
        assert read_request(json.dumps(there).encode(), "r").categories == [5]

        await clinic.told(OFFICER, "refuse", asked["sharing_request_id"], "--reason", "ASK_THE_PERSON")
        [own] = (await ward.told(SISTER, "requests"))["requests"]
        assert own["Decision"] == "REVIEW"
        permitted = await clinic.told(LEAD, "permit", asked["sharing_request_id"], *PERMITTING)
        [own] = (await ward.told(SISTER, "requests"))["requests"]
        assert (own["Decision"], own["oncetold:decisions"]) == ("PERMIT", [permitted["decision_id"]])
        await ward.desk.drain()
        assert len(ward.desk.store) == 1
        await clinic.told(OFFICER, "end", permitted["decision_id"])
        await ward.desk.drain()
        assert ward.desk.store == {}


async def test_an_override_and_an_emergency_at_the_command_line(tmp_path: Path, authority: Authority) -> None:
    async with offices(tmp_path, authority) as (clinic, _):
        override = await clinic.told(
            "nurse-1:KEYWORKER",
            *("override", "c-1", "--to", "ward", "--category", "PHYSICAL_HEALTH", "--risk", "TO_THE_PERSON"),
            *(
                "--no-consent",
                "CANNOT_GIVE",
                "--told",
                "NOT_REACHED",
                "--until",
                in_days(7),
                "--why",
                "why.txt",
            ),
        )
        [waiting] = (await clinic.told(LEAD, "decisions"))["overrides"]
        assert (waiting["override_id"], waiting["why"]) == (override["override_id"], "Danger.")
        authorised = await clinic.told(LEAD, "authorise", override["override_id"])
        emergency = await clinic.told(
            LEAD, "emergency", "c-1", "--to", "ward", "--category", "PHYSICAL_HEALTH", "--why", "why.txt"
        )
        same = await clinic.told(LEAD, "countersign", emergency["decision_id"], exit_code=1)
        assert same["error"]["reason"] == "SAME_PERSON"
        await clinic.told(GUARDIAN, "countersign", emergency["decision_id"])
        made = (await clinic.told(OFFICER, "decisions", "--client", "c-1"))["decisions"]
        assert [(one["decision_id"], one["kind"], one["countersigned_by"]) for one in made] == [
            (emergency["decision_id"], "EMERGENCY", "guardian-1"),
            (authorised["decision_id"], "SAFEGUARDING", ""),
        ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oncetold:why": ""}, "oncetold:why must be a text"),
        ({"oncetold:purposes": []}, "oncetold:purposes must be a list"),
        ({"oncetold:purposes": ["CURIOSITY"]}, "oncetold:purposes is one of: DIRECT_SUPPORT"),
        ({"oncetold:power": "MINE"}, "oncetold:power is one of: CARE_ACT_2014"),
        ({"oncetold:basis": {"lawful_basis": "A6_1_Z"}}, "lawful_basis is one of: A6_1_A"),
        ({"RequestedData": "everything"}, "RequestedData must be an object"),
    ],
)
def test_a_file_that_cannot_be_asked_says_what_is_wrong(change: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestUnusable) as failure:
        read_request(json.dumps(REQUEST | change).encode(), "r")
    assert said in failure.value.message


@pytest.mark.parametrize(
    "raw", [b"\xff", b"[" * 100_000, b"7", b" " * 70_000], ids=["bytes", "deep", "no", "long"]
)
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestUnusable):
        read_request(raw, "r")
