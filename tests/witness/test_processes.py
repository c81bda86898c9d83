"""As in the field: a hub and two witnesses, each a process of its own, mutual TLS between them."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.kit.evidence import Evidence, check
from adapters.kit.notes import VerifierKey
from adapters.kit.proofs import Checkpoint, TrustRule, check_proof
from hub.config import LogSettings, write_config
from oncetold.v1.log_service_pb2 import GetCheckpointRequest
from oncetold.v1.log_service_pb2_grpc import LogServiceStub
from tests.integration.loopback import Site, make_site, operator_channel, register

ROOT = Path(__file__).resolve().parents[2]
WITNESSES = ("north", "south")
STARTS_WITHIN = 30.0
COSIGNED_WITHIN = 60.0
CONFIG = """
[hub]
address = "localhost:{port}"
ca_file = "{authority}"
certificate_file = "{certificate}"
key_file = "{key}"
[log]
key = "{ledger}"
witnesses = [{witnesses}]
needed = {needed}
[witness]
folder = "witness"
"""


class Field:
    """The processes of one test; all are ended with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        site = make_site(folder)
        config = replace(
            site.config, listen=f"127.0.0.1:{self.port}", log=LogSettings(witnesses_needed=len(WITNESSES))
        )
        write_config(config)
        self.site = Site(config, site.authority, site.pki_folder)
        self.processes: dict[str, subprocess.Popen[str]] = {}

    @property
    def data(self) -> Path:
        return self.site.config.data

    def start(self, name: str, *arguments: str) -> "subprocess.Popen[str]":
        with (self.folder / f"{name}.out").open("a") as out:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"},
                stdout=out,
                stderr=out,
                text=True,
            )
        return self.processes[name]

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text()

    def command(self, *arguments: str) -> Any:
        """What a command answers as JSON."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments, "--json"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def end(self, name: str, number: int = signal.SIGTERM) -> int:
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(30)

    def start_hub(self) -> None:
        self.start("hub", "hub", "--data", str(self.data), "serve")
        until(self._hub_answers, STARTS_WITHIN, lambda: self.said("hub"))

    def _hub_answers(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            return True
        return False

    def ledger_key(self) -> VerifierKey:
        found: list[tuple[bytes]] = []

        def signed() -> bool:
            with contextlib.closing(sqlite3.connect(self.site.config.ledger)) as database:
                found[:] = database.execute("SELECT value FROM log_state WHERE name = 'vkey'").fetchall()
            return bool(found)

        until(signed, STARTS_WITHIN, lambda: self.said("hub"))
        return VerifierKey.parse(found[0][0].decode())

    def config_of(self, name: str, witnesses: tuple[str, ...] = ()) -> str:
        """Writes and names the configuration of an agency's adapter."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        credentials = self.site.issue(name) if not (folder / "tls.json").exists() else None
        if credentials is not None:
            asyncio.run(register(self.site, name, credentials))
            kept = {"certificate": str(credentials.certificate), "key": str(credentials.key)}
            (folder / "tls.json").write_text(json.dumps(kept))
        path = folder / "adapter.toml"
        path.write_text(
            CONFIG.format(
                port=self.port,
                authority=self.site.authority.certificate,
                ledger=self.ledger_key(),
                witnesses=", ".join(f'"{one}"' for one in witnesses),
                needed=len(witnesses),
                **json.loads((folder / "tls.json").read_text()),
            )
        )
        return str(path)

    def cosigned(self) -> Checkpoint | None:
        async def ask() -> bytes:
            async with operator_channel(self.site) as channel:
                answer = await LogServiceStub(channel).GetCheckpoint(GetCheckpointRequest(cosigned=True))
            return bytes(answer.checkpoint)

        with contextlib.suppress(Exception):  # not there yet
            return Checkpoint.parse(asyncio.run(ask()))
        return None

    def signed(self) -> int:
        """How far the hub's newest checkpoint reaches, cosigned or not."""
        return Checkpoint.parse(self.site.config.checkpoint_file.read_bytes()).size

    def size(self) -> int:
        """Entries in the ledger, signed or not yet."""
        with contextlib.closing(sqlite3.connect(self.site.config.ledger)) as database:
            return int(database.execute("SELECT size FROM head").fetchone()[0])


def until(found: Callable[[], bool], seconds: float, why: Callable[[], str] = lambda: "") -> float:
    """Waits; answers for how long."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < seconds, why()
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture
def field(short_path: Path) -> Iterator[Field]:
    made = Field(short_path)
    try:
        yield made
    finally:
        for process in made.processes.values():
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.timeout(170)
def test_a_hub_and_two_witnesses(field: Field, record_property: Callable[[str, object], None]) -> None:
    field.start_hub()
    keys = []
    for name in WITNESSES:
        config = field.config_of(name)
        made = field.command(
            "adapters", "witness", "key", "new", "--name", f"{name}.example/witness", "-c", config
        )
        keys.append(made["verifier_key"])
        field.command(
            "hub", "--data", str(field.data), "agency", "witness", name, "--key", made["verifier_key"]
        )
    rule = TrustRule(field.ledger_key(), tuple(map(VerifierKey.parse, keys)), len(keys))
    for name in WITNESSES:
        field.start(name, "adapters", "witness", "run", "-c", str(field.folder / name / "adapter.toml"))

    def covered(size: int) -> bool:
        found = field.cosigned()
        return found is not None and found.size >= size and len(found.note.cosigners(rule.witnesses)) == 2

    def told() -> str:
        return "\n".join(field.said(name) for name in ("hub", *WITNESSES))

    # Cosigned soon after each change, whoever changes it.
    seconds = []
    for number in range(3):
        config = field.config_of(f"more-{number}", tuple(keys))
        size = field.size()
        seconds.append(until(lambda size=size: covered(size), COSIGNED_WITHIN, told))  # type: ignore[misc]
    record_property("figures", f"cosigned by both after {', '.join(f'{one:.1f}' for one in seconds)} s")

    # A proof with two cosignatures, got and checked by an agency's own command, checked again by the kit.
    proofs = field.folder / "proofs"
    field.command("adapters", "log", "prove", "3", "--out", str(proofs), "-c", config)
    proof, entry = (proofs / "3.tlog-proof").read_bytes(), (proofs / "3.leaf").read_bytes()
    assert len(check_proof(proof, entry, 3, rule).note.cosigners(rule.witnesses)) == 2
    assert field.command("adapters", "log", "look", "-c", config)["cosigners"] == [
        "north.example/witness",
        "south.example/witness",
    ]

    # A witness that is killed takes up where it was; so do both when the hub is.
    field.end("north", signal.SIGKILL)
    field.config_of("even-more")
    until(lambda: field.signed() >= field.size(), 10.0)  # the hub serves on, and signs
    field.start("north", "adapters", "witness", "run", "-c", str(field.folder / "north" / "adapter.toml"))
    size = field.size()
    until(lambda: covered(size), COSIGNED_WITHIN, told)
    assert field.end("hub") == 0
    backup = field.folder / "backup"
    backup.mkdir()
    for file in field.data.glob("ledger.db*"):
        shutil.copy(file, backup)
    field.start_hub()
    field.config_of("last")
    size = field.size()
    until(lambda: covered(size), COSIGNED_WITHIN, told)

    # The two compare what they have: one ledger.
    kept = [next((field.folder / name / "witness").glob("*.checkpoint")) for name in WITNESSES]
    compared = field.command("adapters", "witness", "compare", *map(str, kept), "-c", config)
    assert compared["consistent"]

    # An older backup: the hub refuses to start. Somebody makes it all the same: both witnesses end.
    field.end("hub", signal.SIGKILL)
    for file in field.data.glob("ledger.db*"):
        file.unlink()
    for file in backup.iterdir():
        shutil.copy(file, field.data)
    assert field.start("hub", "hub", "--data", str(field.data), "serve").wait(30) != 0
    assert "new-origin" in field.said("hub")
    field.site.config.checkpoint_file.unlink()
    with contextlib.closing(sqlite3.connect(field.site.config.ledger)) as database:
        database.execute("DELETE FROM log_state WHERE name = 'checkpoint'")
        database.commit()
    field.start_hub()
    for name in WITNESSES:
        assert field.processes[name].wait(100) == 1, field.said(name)
        assert "LOG_MISBEHAVED" in field.said(name)
        (evidence,) = (field.folder / name / "witness" / "evidence").iterdir()
        assert check(Evidence.parse(evidence.read_bytes()), rule.log) in ("RAN_BACK", "TWO_ROOTS_OF_ONE_SIZE")
        shown = field.command("adapters", "log", "evidence", str(evidence), "-c", config)
        assert shown["shows"] == "RAN_BACK"
