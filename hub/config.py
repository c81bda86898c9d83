"""What a hub needs to know of its surroundings: `hub.toml` in its data folder.

    listen = "127.0.0.1:8443"

    [tls]
    certificate = "pki/hub.pem"
    key = "pki/hub.key"
    client_authority = "pki/authority.pem"

    [law]
    children_act_2004_s16la = "2026-12-01"

All of it is optional; these are the defaults, save for `[law]`: the day on which a duty that was passed comes
into force, once it is known. Not named, it is not in force. Paths are relative to the data folder. The ledger
is `ledger.db` and its root key `root.key` there.
"""

import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from consent_ledger.errors import OnceToldError
from consent_ledger.statutory_duties import DUTIES
from consent_ledger.vocabulary import StatutoryDuty

FILE_NAME = "hub.toml"
DEFAULT_LISTEN = "127.0.0.1:8443"
MAX_SOCKET_PATH = 107
"""Bytes the system allows for a socket's path."""

_DEFAULT_TLS = {
    "certificate": "pki/hub.pem",
    "key": "pki/hub.key",
    "client_authority": "pki/authority.pem",
}
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
class Config:
    """One hub's settings."""

    data: Path
    listen: str
    """Host and port for adapters; port 0 picks a free one."""
    tls: TlsFiles
    law: Mapping[StatutoryDuty, date] = field(default_factory=dict)
    """When a duty that starts by regulations comes into force; a duty not named here has not started."""

    @property
    def ledger(self) -> Path:
        return self.data / "ledger.db"

    @property
    def root_key(self) -> Path:
        return self.data / "root.key"

    @property
    def admin_socket(self) -> Path:
        """The operator's local socket, in a folder that only the hub's user may enter."""
        return self.data / "socket" / "admin.sock"


def read_config(data: Path) -> Config:
    """Reads `hub.toml`, or takes the defaults where it says nothing. Raises ConfigError."""
    settings = _settings(data / FILE_NAME)
    tls = settings.pop("tls", {})
    law = _law(settings.pop("law", {}))
    listen = settings.pop("listen", DEFAULT_LISTEN)
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
    return Config(data, listen, TlsFiles(**paths), law)


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

    lines = [
        f'listen = "{config.listen}"',
        "",
        "[tls]",
        f"certificate = {shown(config.tls.certificate)}",
        f"key = {shown(config.tls.key)}",
        f"client_authority = {shown(config.tls.client_authority)}",
    ]
    with (config.data / FILE_NAME).open("x", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def read_tls(files: TlsFiles) -> tuple[bytes, bytes, bytes]:
    """Certificate, key and authority as PEM. Raises ConfigError, also for a key that others may read."""
    found = []
    for name, path in (
        ("certificate", files.certificate),
        ("key", files.key),
        ("client_authority", files.client_authority),
    ):
        try:
            if name == "key" and stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise ConfigError("tls.key", "others may read the key", "Run `chmod 600` on the key file.")
            found.append(path.read_bytes())
        except OSError as error:
            problem = f"cannot be read ({error.strerror or 'unknown cause'})"
            raise ConfigError(
                f"tls.{name}", problem, f"Correct the path in {FILE_NAME}, or make it: oncetold dev-pki"
            ) from None
    certificate, key, authority = found
    return certificate, key, authority


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
