"""A charity joins: from the invitation to the first record in its own database, in minutes of people's time.

Real processes throughout: the hub, the operator's commands, and the charity's in an empty folder.
"""

import asyncio
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.bootstrap import running_hub
from hub.config import write_config
from hub.pki import Credentials
from hub.rpc.authentication import ACTING_AGENCY
from oncetold.v1.agency_service_pb2 import RegisterAgencyRequest
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2 import DraftAgreementRequest, SignAgreementRequest
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.common_pb2 import SERVICE_TYPE_HOSTEL
from tests.integration.certificates import issuing
from tests.integration.loopback import Site, adapter_channel, make_site, operator_channel, register
from tests.integration.story import agreement, grant, link, publish, request_id

ROOT = Path(__file__).resolve().parents[2]
HUMAN_SECONDS = 600
CODE = re.compile(r"[0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}")
WORDS = re.compile(r"^ {4}([a-z]+(?: [a-z]+){5})$", re.MULTILINE)


@dataclass
class People:
    """What people have to do, and about how long each thing takes them, counted as the scenario goes."""

    steps: list[tuple[str, str, int]] = field(default_factory=list)

    def do(self, who: str, what: str, seconds: int) -> None:
        self.steps.append((who, what, seconds))

    @property
    def seconds(self) -> int:
        return sum(step[2] for step in self.steps)


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",
        "GRPC_ENABLE_FORK_SUPPORT": "0",
    }


@contextmanager
def started(folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def done(folder: Path, *command: str, code: int = 0) -> str:
    """Runs a command to its end; what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout


async def _area(site: Site) -> Credentials:
    """Before: the street team works with the hub, and both agencies have signed an agreement."""
    async with running_hub(site.config):
        outreach = await register(site, "outreach")
        async with operator_channel(site) as channel:
            await AgencyServiceStub(channel).RegisterAgency(
                RegisterAgencyRequest(
                    request_id=request_id(),
                    agency_id="hostel",
                    name="Hostel",
                    controller_id="hostel",
                    service_type=SERVICE_TYPE_HOSTEL,
                )
            )
            stub = AgreementServiceStub(channel)
            await stub.DraftAgreement(DraftAgreementRequest(request_id=request_id(), agreement=agreement()))
            for agency_id in ("outreach", "hostel"):
                await stub.SignAgreement(
                    SignAgreementRequest(request_id=request_id(), agreement_id="isa-1", version=1),
                    metadata=((ACTING_AGENCY, agency_id),),
                )
        return outreach


async def _told(site: Site, port: int, outreach: Credentials, hostel: Credentials) -> None:
    """The two services' own systems: the same person, who says yes, and what the street team saw."""
    running: Any = SimpleNamespace(port=port)
    async with (
        adapter_channel(site, running, replace(outreach, uri=None)) as theirs,
        adapter_channel(site, running, hostel) as ours,
    ):
        await link(theirs, ours)
        await grant(theirs)
        await publish(theirs)


@pytest.mark.slow
def test_a_charity_is_connected_in_under_ten_minutes_of_peoples_time(tmp_path: Path) -> None:
    site = issuing(make_site(tmp_path))
    outreach = asyncio.run(_area(site))
    write_config(replace(site.config, listen="127.0.0.1:0"))
    data, desk, charity = site.config.data, tmp_path / "desk", tmp_path / "charity"
    desk.mkdir()
    charity.mkdir()
    people = People()

    with started(tmp_path, "hub", "--data", str(data), "serve", "--json") as hub:
        assert hub.stdout is not None
        told = json.loads(hub.stdout.readline())
        hub_at, door_at = (f"localhost:{told[name].rpartition(':')[2]}" for name in ("address", "door"))

        def operator(*command: str) -> str:
            return done(desk, "hub", "--data", str(data), *command)

        people.do("operator", "asks for the number that is answered at night, and types it in", 60)
        operator(
            "agency",
            "appoint",
            "hostel",
            "TWENTY_FOUR_HOURS",
            "--staff",
            "desk",
            "--telephone",
            "01632 960160",
        )
        people.do("operator", "invites; sends the file by e-mail and tells the code by telephone", 120)
        said = operator(
            "certificate", "invite", "hostel", "--hub", hub_at, "--door", door_at, "--to", "hostel.invitation"
        )
        code = CODE.search(said)
        assert code is not None
        assert code[0] not in (desk / "hostel.invitation").read_text(), "the e-mail must not hold the code"
        people.do("operator", "opens the feed", 60)
        operator(
            *("agency", "subscribe", "hostel", "--uri", "spiffe://dev.oncetold/agency/hostel/adapter/1"),
            *("--service-type", "HOSTEL", "--purpose", "DIRECT_SUPPORT"),
            *("--category", "ACCOMMODATION,SERVICE_CONTACT", "--at-once"),
        )

        (charity / "hostel.invitation").write_bytes((desk / "hostel.invitation").read_bytes())
        people.do("charity", "saves the file, types one command and the code", 60)
        enrol = (
            "adapters",
            "enrol",
            "--invitation",
            "hostel.invitation",
            "--code",
            code[0].lower(),
            "--json",
        )
        with started(charity, *enrol) as enrolling:
            words = _words(enrolling)
            people.do("both", "ring; the charity reads six words out, the operator types them", 90)
            # Typed by ear: four letters of each are enough.
            operator("certificate", "confirm", "hostel", *(word[:4] for word in words))
            assert enrolling.stdout is not None
            enrolled = json.loads(enrolling.stdout.readline())
            assert enrolling.wait(30) == 0
        assert enrolled["agency_id"] == "hostel" and len(enrolled["feed_ids"]) == 1
        assert stat.S_IMODE((charity / "agency.key").stat().st_mode) == 0o600

        people.do("charity", "takes the part about publishing out of the configuration", 90)
        text = (charity / "adapter.toml").read_text()
        begin, end = text.index("[source]"), text.index("# An HMIS CSV export instead")
        (charity / "adapter.toml").write_text(text[:begin] + text[end:])
        people.do("charity", "asks the doctor", 20)
        healthy = json.loads(done(charity, "adapters", "doctor", "--json"))
        assert [one["code"] for one in healthy["findings"]] == [""] * len(healthy["findings"])
        assert {one["subject"] for one in healthy["findings"]} >= {
            "clock",
            "certificate",
            "revocation",
            "version",
        }

        own = Credentials(charity / "agency.pem", charity / "agency.key", None, b"")
        asyncio.run(_told(site, int(hub_at.rpartition(":")[2]), outreach, own))
        people.do("charity", "starts the adapter", 20)
        received = json.loads(done(charity, "adapters", "run", "--once", "--json"))
        assert received["applied"] == 1
        with sqlite3.connect(charity / "deliveries.sqlite") as database:
            [(reference,)] = database.execute("SELECT client_reference FROM oncetold_elements").fetchall()
        database.close()
        assert reference == "hos-3"

        # The same computer, once its key is cut off: by one person, and it says so itself.
        listed = json.loads(operator("certificate", "list", "hostel", "--json"))
        [key] = [one["key_id"] for one in listed["certificates"]]
        since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
        given = json.loads(
            operator("certificate", "accesses", "hostel", "--key", key, "--since", since, "--json")
        )
        assert given["given"] == 1
        own_list = json.loads(done(charity, "adapters", "accesses", "--key", key, "--since", since, "--json"))
        assert {one["client_reference"] for one in own_list["accesses"] if one["given"]} == {"hos-3"}
        operator("certificate", "revoke", "hostel", "--key", key, "--reason", "DEVICE_LOST", "--since", since)
        ill = json.loads(done(charity, "adapters", "doctor", "--json", code=1))
        assert [one["code"] for one in ill["findings"] if one["code"]] == ["CERTIFICATE_REVOKED"]
        stopped = json.loads(done(charity, "adapters", "run", "--json", code=1))
        assert stopped["error"]["reason"] == "CERTIFICATE_REVOKED", "it does not wait for what will never be"

    assert people.seconds < HUMAN_SECONDS, people.steps
    assert len(people.steps) <= 8


def _words(enrolling: subprocess.Popen[str]) -> list[str]:
    """The six words, as the newcomer's screen shows them."""
    assert enrolling.stderr is not None
    shown = ""
    for line in enrolling.stderr:
        shown += line
        found = WORDS.search(shown)
        if found is not None:
            return found[1].split()
    pytest.fail(f"no words were shown: {shown}")
