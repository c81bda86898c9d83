"""`oncetold-adapter` as a person and a program meet it, end to end over mutual TLS."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from adapters.cli.app import app
from adapters.cli.template import TEMPLATE
from adapters.kit.config import load, parse
from adapters.kit.errors import ConfigInvalid
from adapters.kit.mapping import read_mapping
from oncetold.v1.delivery_service_pb2 import Retraction
from tests.unit.adapters.certificates import Authority, Issued, pem
from tests.unit.adapters.fake_hub import FEED, FakeHub, refuse, serving
from tests.unit.adapters.feed import element, fragment

ROOT = Path(__file__).resolve().parents[3]
URI = "https://hostel.example.org/oncetold"


class Place:
    """A folder with a configuration, certificates, the agency's own database, and a hub that listens."""

    def __init__(self, folder: Path, authority: Authority, ours: Issued, address: str) -> None:
        self.folder, self.config = folder, folder / "adapter.toml"
        ours.write(folder, "agency")
        (folder / "ca.pem").write_bytes(authority.certificate)
        written = TEMPLATE.replace("hub.example.org:7443", address, 1)
        self.config.write_text(
            written.replace("00000000-0000-4000-8000-000000000000", FEED), encoding="utf-8"
        )
        self.own = create_engine(f"sqlite:///{folder}/own-system.sqlite")
        with self.own.begin() as connection:
            connection.execute(
                text(
                    "CREATE TABLE contacts (id, client_number, seen_at, mode_code, drinking_score, note, "
                    "note_released_categories, changed INTEGER)"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO contacts VALUES "
                    "(1, 'c-1', '2026-03-01', 'street', 7, 'Private words.', NULL, 1), "
                    "(2, 'c-2', '2026-03-02', 'phone', NULL, 'Told words.', 'FAMILY', 2), "
                    "(3, 'c-3', '2026-13-02', 'phone', NULL, NULL, NULL, 3)"
                )
            )

    def call(self, *words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--config", str(self.config)])

    def answer(self, *words: str, code: int = 0) -> Any:
        result = self.call(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[tuple[Place, FakeHub]]:
    authority = Authority("the hub's authority")
    ours, theirs = authority.issue(uris=(URI,)), authority.issue(host="localhost")
    fake = FakeHub(ours.key.public_key())
    credentials = grpc.ssl_server_credentials(
        [(pem(theirs.key), theirs.certificate)],
        root_certificates=authority.certificate,
        require_client_auth=True,
    )
    with serving(fake, credentials) as address:
        yield Place(tmp_path, authority, ours, address.replace("127.0.0.1", "localhost")), fake


def test_publish_check_run_and_status(listening: tuple[Place, FakeHub]) -> None:
    place, fake = listening
    checked = place.answer("check")
    assert [found["exit_code"] for found in checked["findings"]] == [0] * 5
    counts = place.answer("publish")
    assert counts == {
        "published": 2,
        "unchanged": 0,
        "nothing_recorded": 0,
        "quarantined": 1,
        "texts_kept_home": 1,
        "registered": 2,
    }
    assert "contacts,3,IMPOSSIBLE_TIME" in (place.folder / "quarantine.csv").read_text()
    assert b"Private words." not in b"".join(batch.SerializeToString() for batch in fake.batches)
    assert fake.records["2"][0].content.contact.narrative.text == "Told words."
    assert place.answer("publish")["unchanged"] == 2
    fake.queue_delivery(disclose=element(1))
    fake.queue_delivery(retract=Retraction(fragment_id=fragment(2)))
    report = place.answer("run", "--once")
    assert (report["applied"], report["retracted"], report["put_aside"]) == (2, 1, 0)
    status = place.answer("status")
    assert status["receiving"]["held"] == 1 and status["receiving"]["receipts_to_send"] == 0
    assert status["publishing"] == {"published": 2, "registered": 2, "in_flight": 0}
    assert set(fake.receipts) == {2}


def test_sentences_for_a_person(listening: tuple[Place, FakeHub]) -> None:
    place, _ = listening
    checked = place.call("check")
    assert checked.exit_code == 0 and "WRONG" not in checked.stdout and URI in checked.stdout
    said = place.call("publish").stdout
    assert "2 published" in said and "1 texts stayed home" in said and "quarantine.csv" in said


def test_a_refusal_is_exit_code_1_and_names_the_next_step(listening: tuple[Place, FakeHub]) -> None:
    place, fake = listening
    fake.before = lambda method, context: refuse(context, "UNKNOWN_CERTIFICATE")
    result = place.call("run", "--once")
    assert result.exit_code == 1 and "What to do: Ask the hub operator to register" in result.stderr
    told = place.answer("publish", code=1)["error"]
    assert told["reason"] == "UNKNOWN_CERTIFICATE" and "Traceback" not in str(told)
    fake.before = lambda method, context: None
    assert place.answer("publish")["published"] == 2


def test_status_is_exit_code_1_while_something_is_put_aside(listening: tuple[Place, FakeHub]) -> None:
    place, fake = listening
    fake.queue_delivery()
    place.answer("run", "--once")
    assert place.answer("status", code=1)["receiving"]["put_aside"] == [
        {"sequence": 1, "reason": "NOT_UNDERSTOOD"}
    ]
    assert place.answer("run", "--once", "--reconcile")["reconciled"] == 1
    assert place.answer("status")["receiving"]["put_aside"] == []


def test_a_certificate_that_nothing_renewed_waits_for_a_person(
    tmp_path: Path, listening: tuple[Place, FakeHub]
) -> None:
    place, _ = listening
    assert "certificate_ends_in_days" not in place.answer("status")
    Authority("the hub's authority").issue(uris=(URI,), days=6).write(place.folder, "agency")
    assert place.answer("status", code=1)["certificate_ends_in_days"] == 5
    said = place.call("status").output
    assert "ends in 5 days" in said and "oncetold-adapter doctor" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_is_stopped_cleanly(listening: tuple[Place, FakeHub], number: signal.Signals) -> None:
    place, fake = listening
    fake.queue_delivery(disclose=element(1))
    command = [sys.executable, "-m", "adapters", "run", "--json", "--config", str(place.config)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")])}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment) as process:
        deadline = time.monotonic() + 30
        while fake.acknowledged != 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        said, complained = process.communicate(timeout=30)
    assert process.returncode == 0 and complained == b""
    assert json.loads(said) | {"fetches": 0} == {
        "applied": 1,
        "fetches": 0,
        "put_aside": 0,
        "reconciled": 0,
        "retracted": 0,
        "stopped": True,
    }


def test_an_unforeseen_error_shows_no_values(
    listening: tuple[Place, FakeHub], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = listening

    def broken(settings: object) -> None:
        raise RuntimeError("Mary Example")

    monkeypatch.setattr("adapters.cli.sources.open_sources", broken)
    result = place.call("publish")
    assert result.exit_code == 1 and "RuntimeError at test_command.py" in result.stderr
    assert "Mary" not in result.output and "Traceback" not in result.output


def test_check_names_everything_that_is_wrong(listening: tuple[Place, FakeHub]) -> None:
    place, _ = listening
    with place.own.begin() as connection:
        connection.execute(text("ALTER TABLE contacts DROP COLUMN drinking_score"))
    (place.folder / "agency.key").chmod(0o644)
    findings = {found["subject"]: found for found in place.answer("check", code=2)["findings"]}
    assert "drinking_score" in findings["source and mapping"]["said"]
    assert "chmod 600" in findings["certificate"]["said"] and "hub" not in findings
    assert findings["sink"]["exit_code"] == 0


def test_check_refuses_a_text_column_below_v(listening: tuple[Place, FakeHub]) -> None:
    place, _ = listening
    place.config.write_text(place.config.read_text().replace('field = "narrative"', 'field = "outcome"'))
    result = place.call("check")
    assert result.exit_code == 2 and "very restricted (V)" in result.stdout
    assert place.call("publish").exit_code == 2


def test_a_hub_that_is_down_is_exit_code_1(listening: tuple[Place, FakeHub]) -> None:
    place, _ = listening
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f'address = "localhost:{taken.getsockname()[1]}"'
        place.config.write_text(re.sub(r'address = "[^"]*"', nobody, place.config.read_text()))
        findings = place.answer("check", code=1)["findings"]
    assert "PORT_CLOSED" in findings[-1]["said"] and findings[-1]["exit_code"] == 1
    assert [found["exit_code"] for found in findings[:-1]] == [0] * 4


def test_init_writes_a_configuration_that_loads_and_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "adapter.toml"
    assert CliRunner().invoke(app, ["init", "--config", str(path)]).exit_code == 0
    settings = load(path)
    assert settings.hub.ca_file == tmp_path / "ca.pem" and settings.feed is not None
    [records] = tomllib.loads(path.read_text())["source"]["records"]
    assert read_mapping(records).record_type == "contact"
    path.write_text("mine")
    result = CliRunner().invoke(app, ["init", "--config", str(path)])
    assert result.exit_code == 2 and path.read_text() == "mine" and "there already" in result.stderr


@pytest.mark.parametrize("name", ["init", "check", "publish", "run", "status"])
def test_every_command_has_an_example(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0 and f"oncetold-adapter {name}" in result.stdout.split("Example:")[1]


def test_every_problem_of_a_configuration_is_named(tmp_path: Path) -> None:
    raw = tomllib.loads(TEMPLATE)
    raw["hub"]["address"] = "hub.example.org"
    raw["feed"] |= {"feed_id": "seven", "wait_seconds": 99}
    raw["clients"]["register"] = "yes"
    raw["state"]["fil"] = "x"
    raw["extra"] = {}
    with pytest.raises(ConfigInvalid) as caught:
        parse(raw, tmp_path)
    said = " ".join(caught.value.problems)
    for words in ("host:port", "feed.feed_id", "0 to 25", "true or false", "state.fil", "[extra]"):
        assert words in said
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize(
    ("written", "words"),
    [(None, "There is no file"), (b"\xff\xfe", "UTF-8"), (b"[hub", "is not TOML"), (b"", "[hub] is missing")],
)
def test_a_file_that_is_no_configuration(written: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "adapter.toml"
    if written is not None:
        path.write_bytes(written)
    result = CliRunner().invoke(app, ["check", "--config", str(path)])
    assert result.exit_code == 2 and words in result.stderr and "Traceback" not in result.output


def test_a_receipt_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from adapters.kit.receipts import ReceiptSigner

    with pytest.raises(ConfigInvalid, match="P-256"):
        ReceiptSigner(pem(ec.generate_private_key(ec.SECP384R1())))
