"""Two people at the command line: a new data folder, two enrolments, a proposal, an approval."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from hub.__main__ import app
from hub.cli.connection import call, connect
from oncetold.v1 import administration_service_pb2 as messages
from tests.integration.typing_operator import Operator

ROOT = Path(__file__).resolve().parents[2]
ANSWERED = -1.0
"""Killed only once the answer has come."""
ADD = ("agency", "add", "northside", "--name", "Northside", "--service-type", "HOSTEL")
SERVING = """
import asyncio, sys
from pathlib import Path
from hub.bootstrap import running_hub
from hub.config import read_config

async def main():
    async with running_hub(read_config(Path(sys.argv[1])), adapters=False):
        print("ready", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


class Office(Operator):
    """A hub whose commands are typed by several people, each with a key of their own."""

    def __init__(self, data: Path, keys: Path) -> None:
        super().__init__(data)
        self.keys = keys

    def key(self, name: str) -> Path:
        return self.keys / f"{name}.key"

    def typed(self, name: str, *words: object, code: int = 0) -> dict[str, Any]:
        """A command that somebody types as themselves."""
        return self("--administrator", name, "--key", self.key(name), *words, code=code)

    def proposed(self, name: str, *words: object) -> str:
        """What somebody proposes by typing it; the proposal's id."""
        error = self.typed(name, *words, code=3)["error"]
        assert error["reason"] == "PROPOSED"
        return str(error["details"]["proposal_id"])

    def approve(self, name: str, proposal_id: str, code: int = 0) -> dict[str, Any]:
        return self("proposals", "approve", proposal_id, "--as", name, "--key", self.key(name), code=code)

    def agencies(self) -> list[str]:
        return [one["agency_id"] for one in self("agency", "list")["agencies"]]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A new hub that two people have founded; nobody serves it."""
    office = Office(tmp_path / "hub", tmp_path / "keys")
    codes = office("init")["administrator_codes"]
    for name, code in zip(("amina", "bela"), codes, strict=True):
        enrolled = office("admin", "enrol", name, "--code", code, "--key", office.key(name))
        assert enrolled["founded"] is (name == "bela")
    return office


def test_from_a_new_folder_to_an_agency_that_two_people_added(office: Office) -> None:
    assert office.refused(*ADD) == "TWO_PEOPLE_NEEDED"
    proposal_id = office.proposed("amina", *ADD)
    [waiting] = office("proposals", "list")["proposals"]
    shown = office("proposals", "show", proposal_id)
    assert (waiting["proposal_id"], waiting["by"]) == (proposal_id, "amina")
    assert shown["request"]["name"] == "Northside", "word for word"
    assert office.agencies() == []
    assert office.approve("amina", proposal_id, code=1)["error"]["reason"] == "SAME_PERSON"
    done = office.approve("bela", proposal_id)

    assert done["method"] == "oncetold.v1.AgencyService.RegisterAgency"
    assert office.agencies() == ["northside"]
    assert office.approve("bela", proposal_id, code=1)["error"]["reason"] == "DECISION_STATE"
    assert office.agencies() == ["northside"]
    assert office("proposals", "list") == {"proposals": [], "stops": []}


def test_what_is_printed_says_how_another_approves(office: Office) -> None:
    words = ["--data", str(office.data), "--administrator", "amina", "--key", str(office.key("amina")), *ADD]
    result = CliRunner().invoke(app, words)

    assert result.exit_code == 3
    assert "Not done yet." in result.stderr
    assert "oncetold proposals approve" in result.stderr
    assert "--as NAME" in result.stderr


def test_a_third_is_added_by_their_card_and_ended_by_one(office: Office) -> None:
    card = office("admin", "card", "carys", "--key", office.key("carys"))["card"]
    office.approve("bela", office.proposed("amina", "admin", "add", "carys", "--card", card))
    assert office.refused("admin", "add", "dafydd", "--card", "nonsense", code=2) == ""
    office("admin", "end", "carys", "--as", "bela", "--key", office.key("bela"))
    ended = {one["name"]: one["ended"] for one in office("admin", "list")["administrators"]}
    [stop] = office("proposals", "list")["stops"]
    office.approve("bela", office.proposed("amina", "proposals", "ratify", stop["position"]))

    assert ended == {"amina": False, "bela": False, "carys": True}
    assert office("admin", "list")["founded"] is True
    assert office("proposals", "list")["stops"] == []
    assert office.refused("admin", "codes") == "DECISION_STATE", "two are left"


def test_who_takes_the_place_of_one_who_left_enrols_by_a_new_code(office: Office) -> None:
    office("admin", "end", "bela", "--as", "amina", "--key", office.key("amina"))
    assert office.refused(*ADD) == "TWO_PEOPLE_NEEDED", "one is not enough, and the hub is not founded again"
    told = CliRunner().invoke(app, ["--data", str(office.data), "admin", "codes"]).stdout
    [code, _] = [line.strip() for line in told.splitlines() if line.startswith("    ")]
    assert "alone" not in told
    office("admin", "enrol", "carys", "--code", code, "--key", office.key("carys"))
    office.approve("carys", office.proposed("amina", *ADD))
    assert office.agencies() == ["northside"]


def test_codes_are_made_anew_only_with_the_lease(tmp_path: Path) -> None:
    office = Office(tmp_path / "hub", tmp_path / "keys")
    old = office("init")["administrator_codes"]
    office("dev-pki", "northside")
    with office.serving():
        assert office.refused("admin", "codes", code=2)
    new = office("admin", "codes")["administrator_codes"]
    enrol = ("admin", "enrol", "amina", "--key", office.key("amina"), "--code")
    assert office.refused(*enrol, old[0]) == "ADMINISTRATOR"
    assert office(*enrol, new[0])["founded"] is False


def test_a_key_that_others_may_read_or_that_is_anothers_is_not_used(office: Office) -> None:
    office.key("amina").chmod(0o640)
    assert office.typed("amina", *ADD, code=2)["error"]["reason"] == "BAD_FILE"
    office.key("amina").chmod(0o600)
    error = office("--administrator", "amina", "--key", office.key("bela"), *ADD, code=2)["error"]
    assert error["reason"] == "BAD_FILE"
    assert "PRIVATE" not in str(error)


def test_a_hub_is_wound_up_only_when_two_people_want_that(office: Office, tmp_path: Path) -> None:
    office.approve("bela", office.proposed("amina", *ADD))
    assert office.refused("wind-down", tmp_path / "one", "--rehearse") == "TWO_PEOPLE_NEEDED"
    assert not list((tmp_path / "one").iterdir()), "nobody is given anything"
    proposal_id = office.proposed("amina", "admin", "allow-wind-down")
    assert office.refused("wind-down", tmp_path / "one", "--yes") == "TWO_PEOPLE_NEEDED"
    office.approve("bela", proposal_id)
    assert office("wind-down", tmp_path / "two", "--rehearse")["keys_destroyed"] is False


def test_production_waits_for_the_word_of_a_data_protection_officer(office: Office) -> None:
    office("dev-pki", "northside")
    with (office.data / "hub.toml").open("a") as settings:
        settings.write("\n[serve]\nproduction = true\n")
    error = office("serve", "--listen", "localhost:0", code=2)["error"]
    assert error["details"]["setting"] == "serve.production"
    appoint = ("agency", "appoint", "northside", "DATA_PROTECTION_OFFICER", "--staff", "dpo-1")
    for words in (
        ADD,
        (*appoint, "--telephone", "01632 960001"),
        ("keys", "accept-file-root", "northside", "--dpo", "dpo-1"),
    ):
        office.approve("bela", office.proposed("amina", *words))
    with office.serving():
        assert office.agencies() == ["northside"]


@pytest.mark.slow
def test_killed_again_and_again_an_approval_is_whole_or_not_there(office: Office) -> None:
    chance, done = random.Random(6), set[str]()
    for number, delay in enumerate([chance.uniform(0, 0.2) for _ in range(5)] + [ANSWERED]):
        agency_id = f"agency-{number}"
        proposal_id = office.proposed("amina", "agency", "add", agency_id, *ADD[3:])
        request = messages.ApproveRequest(
            request_id=str(uuid4()),
            proposal_id=proposal_id,
            administrator="bela",
            signature=signed(office, "bela", proposal_id),
        )
        hub = subprocess.Popen(
            [sys.executable, "-c", SERVING, str(office.data)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert hub.stdout is not None
        assert hub.stdout.readline() == b"ready\n"
        approving = subprocess.Popen(
            [sys.executable, "-c", APPROVING, str(office.data), request.SerializeToString().hex()],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it says that the hub went away
            cwd=ROOT,
        )
        assert approving.stdout is not None
        assert approving.stdout.readline() == b"asking\n"
        if delay == ANSWERED:
            assert approving.stdout.readline() == b"answered\n"
        else:
            time.sleep(delay)
        hub.kill()
        for process in (hub, approving):
            process.communicate()
        known = agency_id in office.agencies()
        state = office("proposals", "show", proposal_id)["state"]
        assert state == ("approved" if known else "open")
        # The same attempt once more is the first one's answer, or does it now.
        answer = asyncio.run(asked(office, request))
        assert answer.method.endswith("RegisterAgency")
        assert office.agencies().count(agency_id) == 1
        assert delay != ANSWERED or known, "what was answered is durable"
        done.add(state)
    print(f"killed while approving: found {sorted(done)}")


APPROVING = """
import asyncio, sys
from pathlib import Path
from hub.cli.connection import call, connect
from oncetold.v1.administration_service_pb2 import ApproveRequest

async def main():
    request = ApproveRequest.FromString(bytes.fromhex(sys.argv[2]))
    async with connect(Path(sys.argv[1])) as client:
        print("asking", flush=True)
        await call(client, lambda hub: hub.administration.Approve, request)
        print("answered", flush=True)

asyncio.run(main())
"""


async def asked(office: Office, request: messages.ApproveRequest) -> messages.ApproveResponse:
    async with connect(office.data) as client:
        return await call(client, lambda hub: hub.administration.Approve, request)


def signed(office: Office, name: str, proposal_id: str) -> bytes:
    from consent_ledger.administration import Act
    from hub.cli.commands.proposals import find, signature_of

    found = find(office.data, proposal_id)
    return signature_of(office.data, found, Act.APPROVE, name, office.key(name))
