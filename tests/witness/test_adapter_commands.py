"""`oncetold-adapter log` and `witness` as a person meets them, against a real hub."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from adapters.cli.app import app
from adapters.cli.log import EVERY_SECONDS, Watching, ledger_of
from adapters.cli.witness import is_loopback
from adapters.kit.config import HubSettings, LogSettings, Settings, load, parse
from adapters.kit.errors import ConfigInvalid
from adapters.kit.notes import CosignerKey
from adapters.kit.proofs import LogProof, TrustRule, check_proof
from tests.twins.stage import Authority, Stage, stage
from tests.unit.adapters.merkle import ORIGIN, ToyLog
from tests.witness.partners import authorise, ledger_key
from tests.witness.test_gathering import signed_up
from tests.witness.toy_hub import ToyHub

SOURCE = """
[source]
kind = "sql"
url = "sqlite:///own.sqlite"
[[source.records]]
name = "contacts"
record_type = "contact"
query = "SELECT * FROM contacts"
record_id = "id"
client_reference = "client"
occurred_time = "seen"
time_zone = "Europe/London"
service_type = "STREET_OUTREACH"
source_system = "own"
[[source.records.columns]]
column = "mode"
kind = "code"
field = "mode"
system = "own:mode"
"""


class Office:
    """An agency's folder with its configuration, and its commands."""

    def __init__(self, world: Stage, folder: Path, key: str) -> None:
        self.world, self.folder, self.key = world, folder, key
        folder.mkdir()
        self.write()

    def write(self, log: str = "", more: str = '[witness]\nfolder = "witness"\n') -> None:
        desk = self.world.desks["north"]
        (self.folder / "adapter.toml").write_text(
            f'[hub]\naddress = "localhost:{self.world.running.port}"\n'
            f'ca_file = "{self.world.site.authority.certificate}"\n'
            f'certificate_file = "{desk.credentials.certificate}"\nkey_file = "{desk.credentials.key}"\n'
            f'[log]\nkey = "{self.key}"\n{log}\n{more}'
        )

    async def run(self, *words: str) -> Result:
        typed = [*words, "--config", str(self.folder / "adapter.toml")]
        # Only a main thread may ask to be told of signals; the processes' test sends them.
        with patch("adapters.cli.witness.signal.signal"):
            return await asyncio.to_thread(CliRunner().invoke, app, typed)

    async def told(self, *words: str, exit_code: int = 0) -> Any:
        result = await self.run(*words, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)


@asynccontextmanager
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        await world.agency("north", "HOSTEL")
        await signed_up(world)
        yield Office(world, tmp_path / "north", str(await ledger_key(world.running)))


async def test_a_witness_from_its_key_to_its_first_cosignatures(tmp_path: Path) -> None:
    async with office(tmp_path) as north:
        missing = await north.told("witness", "run", "--once", exit_code=2)
        assert "key new" in missing["error"]["next_step"]
        made = await north.told("witness", "key", "new", "--name", "north.example/witness")
        shown = await north.run("witness", "key", "show")
        assert shown.stdout.strip() == made["verifier_key"]
        again = await north.told("witness", "key", "new", "--name", "north.example/witness", exit_code=2)
        assert again["error"]["reason"] == "STATE_UNUSABLE"
        unknown = await north.told("witness", "run", "--once", exit_code=1)
        assert unknown["error"]["reason"] == "UNKNOWN_WITNESS"

        await authorise(north.world, "north", made["verifier_key"])
        await signed_up(north.world)
        done = await north.told("witness", "run", "--once")
        size = north.world.hub.log.newest.checkpoint.size
        assert done == {"cosigned": 1, "size": size}
        north.write(f'witnesses = ["{made["verifier_key"]}"]\nneeded = 1')
        looked = await north.told("log", "look")
        assert (looked["size"], looked["cosigners"]) == (size, ["north.example/witness"])
        bad = await north.told("witness", "key", "new", "--name", "two words", exit_code=1)
        assert bad["error"]["reason"] == "PROOF_REFUSED"


async def test_a_proof_is_got_checked_and_kept(tmp_path: Path) -> None:
    async with office(tmp_path) as north:
        written = await north.told("log", "prove", "2", "--out", str(tmp_path / "proofs"))
        assert written == {"written": ["2.tlog-proof", "2.leaf"]}
        proof, leaf = [(tmp_path / "proofs" / name).read_bytes() for name in written["written"]]
        assert check_proof(proof, leaf, 2, TrustRule(await ledger_key(north.world.running))).size >= 2
        beyond = await north.told("log", "prove", "9999", exit_code=1)
        assert beyond["error"]["reason"] == "BEYOND_LEDGER"


async def test_a_ledger_of_another_key_is_not_believed(tmp_path: Path) -> None:
    async with office(tmp_path) as north:
        north.key = str(ToyLog(seed=3, origin=(await ledger_key(north.world.running)).name).key)
        north.write()
        for words in (["log", "look"], ["log", "prove", "1"]):
            assert (await north.told(*words, exit_code=1))["error"]["reason"] == "PROOF_REFUSED"
        assert not (north.folder / "ledger.checkpoint").exists()


async def test_what_is_published_is_proved(tmp_path: Path) -> None:
    async with office(tmp_path) as north:
        with closing(sqlite3.connect(north.folder / "own.sqlite")) as database:
            database.execute("CREATE TABLE contacts (id, client, seen, mode)")
            rows = [(number, f"c-{number}", "2026-03-01", "street") for number in range(3)]
            database.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?)", rows)
            database.commit()
        north.write(more=SOURCE)
        published = await north.told("publish", "--proofs", str(tmp_path / "proofs"))
        assert published["published"] == 3
        proofs = sorted((tmp_path / "proofs").glob("*.tlog-proof"))
        positions = [int(path.name.removesuffix(".tlog-proof")) for path in proofs]
        assert len(set(positions)) == 3
        rule = TrustRule(await ledger_key(north.world.running))
        for position, path in zip(positions, proofs, strict=True):
            assert LogProof.parse(path.read_bytes()).index == position - 1
            check_proof(path.read_bytes(), path.with_suffix(".leaf").read_bytes(), position, rule)


async def test_a_ledger_that_became_another_is_told_until_somebody_looks(tmp_path: Path) -> None:
    async with office(tmp_path) as north:
        looked = await north.told("log", "look")
        newest = north.world.hub.log.newest
        other = ToyLog(origin=newest.checkpoint.origin).grow(3)
        (north.folder / "ledger.checkpoint").write_bytes(other.checkpoint())
        north.key = str(other.key)
        north.write()
        assert looked["size"] == newest.checkpoint.size
        # Both are signed by one key only in a test; here the hub's own word is not the key's.
        assert (await north.told("log", "look", exit_code=1))["error"]["reason"] == "PROOF_REFUSED"

        hub = ToyHub(ToyLog(origin=other.key.name).grow(2).grow(4, "other "))
        watching = Watching(hub, load(north.folder / "adapter.toml"))
        watching()
        status = await north.told("status", exit_code=1)
        (name,) = status["evidence"]
        shown = await north.told("log", "evidence", str(north.folder / "evidence" / name))
        assert shown == {"shows": "OTHER_BEGINNING", "proven": True}
        human = await north.run("status")
        assert name in human.stdout and "log evidence" in human.stdout
        missing = await north.told("log", "evidence", "nowhere", exit_code=2)
        assert "nowhere" in missing["error"]["message"]


def settings_with(log: ToyLog, folder: Path) -> Settings:
    nowhere = HubSettings("localhost:1", folder, folder, folder)
    return Settings(
        folder, nowhere, folder, folder, True, None, None, None,
        LogSettings(TrustRule(log.key), folder / "ledger.checkpoint"),
    )  # fmt: skip


def test_while_it_receives_an_adapter_looks_now_and_then_and_goes_on_whatever_it_sees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's withdrawal may be next: it is carried out whatever became of the ledger."""
    hub, now = ToyHub(ToyLog().grow(5)), [100.0]
    watching = Watching(hub, settings_with(hub.log, tmp_path), lambda: now[0])
    watching()
    first = (tmp_path / "ledger.checkpoint").read_bytes()
    hub.log.grow(1)
    watching()
    assert (tmp_path / "ledger.checkpoint").read_bytes() == first
    now[0] += EVERY_SECONDS
    watching()
    assert (tmp_path / "ledger.checkpoint").read_bytes() != first

    hub.log = ToyLog().grow(4)
    for _ in range(3):
        now[0] += EVERY_SECONDS
        watching()
    said = capsys.readouterr().err
    assert said.count("RAN_BACK") == 1 and said.startswith("The ledger.")
    assert len(list((tmp_path / "evidence").iterdir())) == 1


def test_without_a_key_nothing_is_watched(tmp_path: Path) -> None:
    Watching(ToyHub(ToyLog()), replace(settings_with(ToyLog(), tmp_path), log=None))()
    assert list(tmp_path.iterdir()) == []


HUB = {"address": "localhost:1", "ca_file": "a", "certificate_file": "b", "key_file": "c"}
GOOD_LOG = str(ToyLog().key)
GOOD_WITNESS = str(CosignerKey("north.example/witness", bytes(32)).public)


def test_the_sections_are_read(tmp_path: Path) -> None:
    raw: dict[str, object] = {
        "hub": HUB,
        "log": {"key": GOOD_LOG, "witnesses": [GOOD_WITNESS], "needed": 1, "state_file": "seen"},
        "witness": {"folder": "w", "logs": [GOOD_LOG]},
    }
    found = parse(raw, tmp_path)

    assert found.log is not None and found.witness is not None
    assert (str(found.log.rule.log), found.log.rule.needed) == (GOOD_LOG, 1)
    assert found.log.state_file == tmp_path / "seen"
    assert (found.witness.folder, [str(one) for one in found.witness.logs]) == (tmp_path / "w", [GOOD_LOG])


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ({}, "log.key"),
        ({"key": "words"}, "log.key"),
        ({"key": GOOD_WITNESS}, "log.key"),
        ({"key": 7}, "log.key"),
        ({"key": GOOD_LOG, "witnesses": [GOOD_LOG]}, "log.witnesses"),
        ({"key": GOOD_LOG, "witnesses": GOOD_WITNESS}, "log.witnesses"),
        ({"key": GOOD_LOG, "needed": 1}, "log.needed"),
        ({"key": GOOD_LOG, "need": 1}, "log.need "),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, log: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        parse({"hub": HUB, "log": log, "witness": {}}, tmp_path)
    assert says in str(refused.value)


def test_the_ledgers_id_is_in_the_name_of_its_key() -> None:
    ledger_id = ORIGIN.removeprefix("oncetold.org/ledger/")
    assert ledger_of(ToyLog().key) == ledger_id
    assert ledger_of(ToyLog(origin=f"{ORIGIN}/2").key) == ledger_id
    for other in ("elsewhere.example/log", f"{ORIGIN}/x", "oncetold.org/ledger/7"):
        with pytest.raises(ConfigInvalid):
            ledger_of(ToyLog(origin=other).key)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "witness.example"])  # noqa: S104
def test_a_witness_speaks_in_clear_to_its_own_computer_alone(host: str) -> None:
    result = CliRunner().invoke(app, ["witness", "serve", "--host", host, "--json"])
    assert result.exit_code == 2
    assert "127.0.0.1" in json.loads(result.stdout)["error"]["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_its_own_computer_has_these_names(host: str) -> None:
    assert is_loopback(host)
