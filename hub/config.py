"""What a hub needs to know of its surroundings: `hub.toml` in its data folder.

    listen = "127.0.0.1:8443"
    ledger = "ledger.db"

    [tls]
    certificate = "pki/hub.pem"
    key = "pki/hub.key"
    client_authority = "pki/authority.pem"

    [law]
    children_act_2004_s16la = "2026-12-01"

    [telemetry]
    prometheus = "127.0.0.1:9464"
    otlp = "https://collector.example:4317"

    [log]
    format = "text"
    checkpoint_file = "checkpoint"
    witnesses_needed = 0

All of it is optional; these are the defaults, save for `[law]`: the day on which a duty that was passed comes
into force, once it is known. Not named, it is not in force. Neither is anything exported unless `[telemetry]`
names where to. Paths are relative to the data folder. The root key is `root.key` there. A ledger that several
replicas share is `postgresql://user@host/database`, its password in PGPASSFILE or PGPASSWORD.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from consent_ledger.errors import OnceToldError
from consent_ledger.statutory_duties import DUTIES
from consent_ledger.vocabulary import StatutoryDuty
from hub.enrolment.settings import EnrolmentSettings
from hub.key_settings import KeySettings
from hub.limit_settings import LimitSettings
from hub.serve_settings import ServeSettings

T = TypeVar("T")
S = TypeVar("S", KeySettings, LimitSettings, EnrolmentSettings)

FILE_NAME = "hub.toml"
DEFAULT_LISTEN = "127.0.0.1:8443"
DEFAULT_LEDGER = "ledger.db"
POSTGRES = "postgresql://"
MAX_SOCKET_PATH = 107
"""Bytes the system allows for a socket's path."""

_DEFAULT_TLS = {
    "certificate": "pki/hub.pem",
    "key": "pki/hub.key",
    "client_authority": "pki/authority.pem",
}
MOST_WITNESSES = 60
"""A signed note holds 64 signatures at most, the ledger's own among them."""
LOG_FORMATS = ("json", "text")
LOG_LEVELS = ("debug", "info", "warning", "error")
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|\[?::1\]?")
_ADDRESS = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}")


class ConfigError(OnceToldError):
    """The hub's settings do not allow it to start; `setting` and `problem` say which and why."""

    code = "UNAVAILABLE"

    def __init__(self, setting: str, problem: str, next_step: str) -> None:
        self.setting = setting
        self.problem = problem
        self.next_step = next_step
        super().__init__(setting=setting, problem=problem)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The hub's certificate and key, and the authority whose certificates may connect."""

    certificate: Path
    key: Path
    client_authority: Path


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Where spans and figures go; nothing is exported unless named."""

    prometheus: str = ""
    """Host and port of the page that Prometheus reads."""
    otlp: str = ""
    """URL of an OpenTelemetry collector that takes OTLP over gRPC."""
    allow_remote: bool = False
    """Whether the page may be served, and figures sent in clear, beyond this machine."""
    retraction_overdue_hours: int = 72
    """A retraction without a receipt after so long counts as overdue."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the hub's log on standard error is written, and from which level on; and the ledger's own log."""

    format: str = "text"
    level: str = "info"
    checkpoint_file: str = "checkpoint"
    """The ledger's last signed checkpoint, kept outside the database; relative to the data folder."""
    witnesses_needed: int = 0
    """So many witnesses must have cosigned what is answered to those who ask for cosigned checkpoints."""
    witness_urls: str = ""
    """Witnesses that are reached over HTTP (C2SP tlog-witness), with spaces between; others dial in."""


@dataclass(frozen=True, slots=True)
class Config:
    """One hub's settings."""

    data: Path
    listen: str
    """Host and port for adapters; port 0 picks a free one."""
    tls: TlsFiles
    law: Mapping[StatutoryDuty, date] = field(default_factory=dict)
    """When a duty that starts by regulations comes into force; a duty not named here has not started."""
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    log: LogSettings = field(default_factory=LogSettings)
    keys: KeySettings = field(default_factory=KeySettings)
    ledger: str = ""
    """Where the ledger is: a file, or a PostgreSQL database's URL. Left out: `ledger.db` in the folder."""
    limits: LimitSettings = field(default_factory=LimitSettings)
    enrolment: EnrolmentSettings = field(default_factory=EnrolmentSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)

    def __post_init__(self) -> None:
        if not self.ledger:
            object.__setattr__(self, "ledger", str(self.data / DEFAULT_LEDGER))

    @property
    def is_shared(self) -> bool:
        """Whether other replicas may write the same ledger."""
        return self.ledger.startswith(POSTGRES)

    def has_ledger(self) -> bool:
        """Whether one can be opened, as far as the file system tells: a server is asked when it is opened."""
        return self.is_shared or Path(self.ledger).exists()

    @property
    def root_key(self) -> Path:
        return self.data / "root.key"

    @property
    def checkpoint_file(self) -> Path:
        """The last signed checkpoint, outside the database: on another disk if that is set so."""
        return self.data / self.log.checkpoint_file

    @property
    def admin_socket(self) -> Path:
        """The operator's local socket, in a folder that only the hub's user may enter."""
        return self.data / "socket" / "admin.sock"


def read_config(data: Path) -> Config:
    """Reads `hub.toml`, or takes the defaults where it says nothing. Raises ConfigError."""
    settings = _settings(data / FILE_NAME)
    tls = settings.pop("tls", {})
    law = _law(settings.pop("law", {}))
    telemetry = _telemetry(settings.pop("telemetry", {}))
    log = _log(settings.pop("log", {}))
    keys = _keys(settings.pop("keys", {}))
    limits = _limits(settings.pop("limits", {}))
    enrolment = _enrolment(settings.pop("enrolment", {}))
    serve = _table(ServeSettings, "serve", settings.pop("serve", {}))
    listen = settings.pop("listen", DEFAULT_LISTEN)
    ledger = _ledger(data, settings.pop("ledger", DEFAULT_LEDGER))
    if settings:
        raise ConfigError(sorted(settings)[0], "no such setting", f"Remove it from {FILE_NAME}.")
    if not isinstance(listen, str) or _ADDRESS.fullmatch(listen) is None:
        raise ConfigError("listen", "not a host and port", 'Write it as "127.0.0.1:8443".')
    if not isinstance(tls, dict) or not all(isinstance(value, str) for value in tls.values()):
        raise ConfigError("tls", "not a table of paths", f"Correct [tls] in {FILE_NAME}.")
    unknown = sorted(set(tls) - set(_DEFAULT_TLS))
    if unknown:
        raise ConfigError(f"tls.{unknown[0]}", "no such setting", f"Remove it from {FILE_NAME}.")
    paths = {name: data / path for name, path in {**_DEFAULT_TLS, **tls}.items()}
    tls_files = TlsFiles(**paths)
    return Config(data, listen, tls_files, law, telemetry, log, keys, ledger, limits, enrolment, serve)


def _ledger(data: Path, value: Any) -> str:
    """A path, or the URL of a PostgreSQL database without a password. Raises ConfigError."""
    if not isinstance(value, str) or not value:
        raise ConfigError("ledger", "not a text", f'Write ledger = "{DEFAULT_LEDGER}", or remove it.')
    if "://" not in value:
        return str(data / value)
    try:
        url = urlsplit(value)
        shown = url.password or "password" in parse_qs(url.query)
    except ValueError:
        url, shown = urlsplit(""), None
    if url.scheme != "postgresql" or not url.path.strip("/"):
        raise ConfigError(
            "ledger", "not a file and no such URL", 'Write it as "postgresql://oncetold@db.example/oncetold".'
        )
    if shown:
        raise ConfigError(
            "ledger", "holds a password", "Take it out of the URL; give it by PGPASSFILE or PGPASSWORD."
        )
    return value


def check_telemetry(asked: TelemetrySettings) -> TelemetrySettings:
    """The same settings. Raises ConfigError for one that would tell another machine more than was allowed."""
    if asked.prometheus:
        if _ADDRESS.fullmatch(asked.prometheus) is None or int(asked.prometheus.rpartition(":")[2]) > 65535:
            raise ConfigError("telemetry.prometheus", "not a host and port", 'Write it as "127.0.0.1:9464".')
        if not _is_loopback(asked.prometheus.rpartition(":")[0]) and not asked.allow_remote:
            raise ConfigError(
                "telemetry.prometheus",
                "other machines could read it, in clear and without being asked who they are",
                "Serve it on 127.0.0.1, or set telemetry.allow_remote = true behind a firewall.",
            )
    if asked.otlp:
        url = urlsplit(asked.otlp)
        if url.scheme not in ("http", "https") or not url.hostname or url.path not in ("", "/") or url.query:
            raise ConfigError(
                "telemetry.otlp", "not a collector's URL", 'Write it as "https://collector.example:4317".'
            )
        if "@" in url.netloc:
            raise ConfigError(
                "telemetry.otlp", "holds a password", "Give it by OTEL_EXPORTER_OTLP_HEADERS instead."
            )
        if url.scheme == "http" and not _is_loopback(url.hostname) and not asked.allow_remote:
            raise ConfigError(
                "telemetry.otlp",
                "figures would cross the network in clear",
                "Name an https:// URL, or set telemetry.allow_remote = true.",
            )
    return asked


def _is_loopback(host: str) -> bool:
    return _LOOPBACK.fullmatch(host) is not None


def _telemetry(table: Any) -> TelemetrySettings:
    asked = _table(TelemetrySettings, "telemetry", table)
    if asked.retraction_overdue_hours < 1:
        raise ConfigError("telemetry.retraction_overdue_hours", "not a number of hours", "Write it as 72.")
    return check_telemetry(asked)


def _keys(table: Any) -> KeySettings:
    return _checked(_table(KeySettings, "keys", table))


def _limits(table: Any) -> LimitSettings:
    return _checked(_table(LimitSettings, "limits", table))


def _enrolment(table: Any) -> EnrolmentSettings:
    asked = _checked(_table(EnrolmentSettings, "enrolment", table))
    if asked.listen and _ADDRESS.fullmatch(asked.listen) is None:
        raise ConfigError("enrolment.listen", "not a host and port", 'Write it as "127.0.0.1:8444".')
    return asked


def _checked(asked: S) -> S:
    problem = asked.problem()
    if problem is not None:
        raise ConfigError(*problem)
    return asked


def _log(table: Any) -> LogSettings:
    asked = _table(LogSettings, "log", table)
    for name, known in (("format", LOG_FORMATS), ("level", LOG_LEVELS)):
        if getattr(asked, name) not in known:
            raise ConfigError(f"log.{name}", "not known", f"Name one of {', '.join(known)}.")
    if not asked.checkpoint_file:
        raise ConfigError("log.checkpoint_file", "names no file", 'Write it as "checkpoint", or remove it.')
    if not 0 <= asked.witnesses_needed <= MOST_WITNESSES:
        raise ConfigError(
            "log.witnesses_needed", "not a number of witnesses", f"Name 0 to {MOST_WITNESSES}, or remove it."
        )
    for one in asked.witness_urls.split():
        url = urlsplit(one)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or "@" in url.netloc:
            raise ConfigError(
                "log.witness_urls", "not a witness's URL", 'Write it as "https://witness.example/prefix".'
            )
        if url.scheme == "http" and not _is_loopback(url.hostname):
            raise ConfigError("log.witness_urls", "it would be asked in clear", "Name an https:// URL.")
    return asked


def _table(settings: type[T], name: str, table: Any) -> T:
    """A table of `hub.toml` whose keys and kinds of values are the fields of a class. Raises ConfigError."""
    if not isinstance(table, dict):
        raise ConfigError(name, "not a table", f"Write [{name}] in {FILE_NAME}, or remove it.")
    defaults = {one.name: one.default for one in fields(settings)}  # type: ignore[arg-type]
    for key, value in table.items():
        if key not in defaults:
            raise ConfigError(f"{name}.{key}", "no such setting", f"Remove it from {FILE_NAME}.")
        kind = type(defaults[key])
        if type(value) is not kind:
            words = {str: "a text", bool: "true or false", int: "a whole number"}
            raise ConfigError(f"{name}.{key}", f"not {words[kind]}", f"Correct it in {FILE_NAME}.")
    return settings(**table)


def _law(table: Any) -> dict[StatutoryDuty, date]:
    """The days in `[law]`, each for a duty whose start the law leaves to regulations."""
    startable = {duty.lower(): duty for duty, known in DUTIES.items() if known.in_force_from is None}
    if not isinstance(table, dict):
        raise ConfigError("law", "not a table", f"Write [law] in {FILE_NAME}, or remove it.")
    days: dict[StatutoryDuty, date] = {}
    for name, value in table.items():
        if name not in startable:
            known = ", ".join(sorted(startable))
            raise ConfigError(f"law.{name}", "no such setting", f"Remove it; a day is asked for: {known}.")
        try:
            # TOML has dates of its own; a time of day would be one too many.
            day = value if type(value) is date else date.fromisoformat(value)
        except (TypeError, ValueError):
            raise ConfigError(
                f"law.{name}",
                "not a day",
                'Write it as "2026-12-01", or remove it while the day is not known.',
            ) from None
        days[startable[name]] = day
    return days


def write_config(config: Config) -> None:
    """Writes `hub.toml` with these settings. Raises FileExistsError when there is one."""

    def shown(path: Path) -> str:
        relative = path.relative_to(config.data) if path.is_relative_to(config.data) else path
        return '"' + str(relative).replace("\\", "\\\\").replace('"', '\\"') + '"'

    elsewhere = config.ledger != str(config.data / DEFAULT_LEDGER)
    lines = [
        f'listen = "{config.listen}"',
        *([f"ledger = {json.dumps(config.ledger)}"] if elsewhere else []),
        "",
        "[tls]",
        f"certificate = {shown(config.tls.certificate)}",
        f"key = {shown(config.tls.key)}",
        f"client_authority = {shown(config.tls.client_authority)}",
        *_changed("telemetry", config.telemetry),
        *_changed("log", config.log),
        *_changed("keys", config.keys),
        *_changed("limits", config.limits),
        *_changed("enrolment", config.enrolment),
        *_changed("serve", config.serve),
        *(["", "[law]"] if config.law else []),
        *(f'{duty.lower()} = "{day.isoformat()}"' for duty, day in sorted(config.law.items())),
    ]
    with (config.data / FILE_NAME).open("x", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def _changed(name: str, settings: Any) -> list[str]:
    """A table's lines in TOML, of what is not the default; JSON writes these kinds of values alike."""
    values = {one.name: (getattr(settings, one.name), one.default) for one in fields(settings)}
    lines = [f"{key} = {json.dumps(value)}" for key, (value, default) in values.items() if value != default]
    return ["", f"[{name}]", *lines] if lines else []


def _settings(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(
            FILE_NAME, f"cannot be read ({type(error).__name__})", "Correct the file."
        ) from None
