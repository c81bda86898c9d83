"""The adapter's configuration: one TOML file, read once, wrong settings named in plain English.

Paths are relative to the file's own folder. Settings of a source or a sink are left to that source or sink,
so that the kit knows no agency's system.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from adapters.kit.errors import ConfigInvalid, ProofRefused
from adapters.kit.notes import COSIGNATURE, ED25519, VerifierKey
from adapters.kit.proofs import TrustRule

Table = Mapping[str, object]

MAX_ITEMS = 64
MAX_WAIT_SECONDS = 25


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Where the hub is and what proves who we are. `server_name` is set when the address is not the name in
    the hub's certificate, as behind a tunnel."""

    address: str
    ca_file: Path
    certificate_file: Path
    key_file: Path
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """The feed to receive. `wait_seconds` is how long one fetch waits for something, `attempts` how often one
    delivery is tried before it is put aside."""

    feed_id: str
    max_items: int = MAX_ITEMS
    wait_seconds: int = 20
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Which ledger is believed. `state_file` keeps the last checkpoint seen; evidence lies beside it."""

    rule: TrustRule
    state_file: Path


@dataclass(frozen=True, slots=True)
class WitnessSettings:
    """Where the witness keeps its key and what it signed, and further logs that it serves."""

    folder: Path
    logs: tuple[VerifierKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """All of one adapter's settings. `source` and `sink` are the raw tables, each with its `kind`; None if
    absent."""

    folder: Path
    hub: HubSettings
    state_file: Path
    quarantine_file: Path
    register_clients: bool
    feed: FeedSettings | None
    source: Mapping[str, object] | None
    sink: Mapping[str, object] | None
    log: LogSettings | None = None
    witness: WitnessSettings | None = None


def load(path: Path) -> Settings:
    """Reads a configuration file. ConfigInvalid names every problem at once; OSError texts never reach the
    user."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigInvalid([f"There is no file {path.name}; `oncetold-adapter init` writes one."]) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigInvalid([f"{path.name} cannot be read as UTF-8 text."]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid([f"{path.name} is not TOML: {error}."]) from None
    return parse(raw, path.resolve().parent)


def parse(raw: Mapping[str, object], folder: Path) -> Settings:
    """Checks the tables of a configuration; `folder` is what relative paths begin at."""
    reader = Reader(raw)
    known = {"hub", "state", "clients", "feed", "source", "sink", "log", "witness"}
    reader.problems += [f"[{name}] is not a section." for name in sorted(set(raw) - known)]
    hub = reader.table("hub", {"address", "ca_file", "certificate_file", "key_file", "server_name"}) or {}
    address = reader.text("hub", hub, "address")
    if address and not is_host_and_port(address):
        reader.problems.append("hub.address must be host:port, e.g. hub.example.org:7443.")
    files = [folder / reader.text("hub", hub, key) for key in ("ca_file", "certificate_file", "key_file")]
    server_name = reader.text("hub", hub, "server_name", "") or None
    state = reader.table("state", {"file", "quarantine_file"}, required=False) or {}
    state_file = folder / reader.text("state", state, "file", "published.sqlite")
    quarantine_file = folder / reader.text("state", state, "quarantine_file", "quarantine.csv")
    clients = reader.table("clients", {"register"}, required=False) or {}
    register = clients.get("register", True)
    if not isinstance(register, bool):
        reader.problems.append("clients.register must be true or false.")
    feed = _feed(reader)
    source, sink = (reader.table(name, None, required=False) for name in ("source", "sink"))
    for name, table in (("source", source), ("sink", sink)):
        if table is not None:
            reader.text(name, table, "kind")
    if (feed is None) != (sink is None):
        reader.problems.append("[feed] and [sink] belong together: give both, or neither.")
    log, witness = _log(reader, folder), _witness(reader, folder)
    if source is None and sink is None and witness is None:
        reader.problems.append("Give [source] to publish, [feed] and [sink] to receive, or [witness].")
    if reader.problems:
        raise ConfigInvalid(reader.problems)
    hub_settings = HubSettings(address, files[0], files[1], files[2], server_name)
    return Settings(
        folder, hub_settings, state_file, quarantine_file, bool(register), feed, source, sink, log, witness
    )


def _feed(reader: "Reader") -> FeedSettings | None:
    table = reader.table("feed", {"feed_id", "max_items", "wait_seconds", "attempts"}, required=False)
    if table is None:
        return None
    feed_id = reader.text("feed", table, "feed_id")
    try:
        feed_id = str(UUID(feed_id))
    except ValueError:
        reader.problems.append("feed.feed_id must be the UUID that the hub gave when the feed was opened.")
    return FeedSettings(
        feed_id,
        reader.number("feed", table, "max_items", MAX_ITEMS, 1, MAX_ITEMS),
        reader.number("feed", table, "wait_seconds", 20, 0, MAX_WAIT_SECONDS),
        reader.number("feed", table, "attempts", 3, 1, 20),
    )


def _log(reader: "Reader", folder: Path) -> LogSettings | None:
    table = reader.table("log", {"key", "witnesses", "needed", "state_file"}, required=False)
    if table is None:
        return None
    key = reader.key("log", "key", table.get("key"), ED25519)
    witnesses = reader.keys("log", table, "witnesses", COSIGNATURE)
    needed = reader.number("log", table, "needed", 0, 0, len(witnesses))
    state_file = folder / reader.text("log", table, "state_file", "ledger.checkpoint")
    return None if key is None else LogSettings(TrustRule(key, witnesses, needed), state_file)


def _witness(reader: "Reader", folder: Path) -> WitnessSettings | None:
    table = reader.table("witness", {"folder", "logs"}, required=False)
    if table is None:
        return None
    place = folder / reader.text("witness", table, "folder", "witness")
    return WitnessSettings(place, reader.keys("witness", table, "logs", ED25519))


def is_host_and_port(address: str) -> bool:
    """Whether this is written as `hub.example.org:7443`."""
    host, colon, port = address.rpartition(":")
    return bool(host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536)


class Reader:
    """Reads settings out of TOML tables and collects every problem, so that one run names them all."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        self.raw = raw
        self.problems: list[str] = []

    def table(self, name: str, known: set[str] | None, *, required: bool = True) -> Table | None:
        """The table of that name. `known` None means that its keys are checked elsewhere."""
        value = self.raw.get(name)
        if value is None:
            if required:
                self.problems.append(f"[{name}] is missing.")
            return None
        if not isinstance(value, Mapping):
            self.problems.append(f"{name} must be a section: write [{name}].")
            return None
        if known is not None:
            self.problems += [f"{name}.{key} is not a setting." for key in sorted(set(value) - known)]
        return value

    def text(self, section: str, table: Mapping[str, object], key: str, default: str | None = None) -> str:
        """A non-empty text; without a default it is required."""
        value = table.get(key, default)
        if isinstance(value, str) and (value or default == ""):
            return value
        need = "is missing" if value is None else "must be a text in quotes"
        self.problems.append(f"{section}.{key} {need}.")
        return ""

    def key(self, section: str, key: str, value: object, kind: int) -> VerifierKey | None:
        """A public key of a log or a witness, as its owner wrote it down."""
        try:
            found = VerifierKey.parse(value) if isinstance(value, str) else None
        except ProofRefused:
            found = None
        if found is None or found.kind != kind:
            whose = "the ledger" if kind == ED25519 else "a witness"
            self.problems.append(f"{section}.{key} must be {whose}'s public key: name+number+letters.")
            return None
        return found

    def keys(self, section: str, table: Mapping[str, object], key: str, kind: int) -> tuple[VerifierKey, ...]:
        """Public keys in a list; none by default."""
        value = table.get(key, [])
        if not isinstance(value, list):
            self.problems.append(f"{section}.{key} must be a list of public keys in brackets.")
            return ()
        found = [self.key(section, key, one, kind) for one in value]
        return tuple(one for one in found if one is not None)

    def number(
        self, section: str, table: Mapping[str, object], key: str, default: int, least: int, most: int
    ) -> int:
        """A whole number in a range."""
        value = table.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.problems.append(f"{section}.{key} must be a whole number from {least} to {most}.")
        return default
