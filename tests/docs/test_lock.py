"""The lock files hold what the package asks for, pinned and hashed, and agree with one another."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def locked(path: str) -> dict[str, str]:
    """Package to version; refuses an entry without a hash."""
    entries = re.findall(
        r"^(\S+)==(\S+)[^\n]*\\\n((?:    --hash=\S+.*\n)+)", (ROOT / path).read_text(), re.MULTILINE
    )
    pins = re.findall(r"^[A-Za-z0-9].*==", (ROOT / path).read_text(), re.MULTILINE)
    assert len(entries) == len(pins) > 0, f"{path}: not every entry is hashed"
    return {name_of(name): version for name, version, _ in entries}


def asked(*extras: str) -> set[str]:
    chosen = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return {name_of(requirement) for listed in chosen for requirement in listed}


def test_the_lock_holds_everything_the_package_asks_for() -> None:
    assert asked("hub", "sql", "telemetry", "dev") <= locked("requirements.lock").keys()


def test_the_deployment_locks_hold_their_extra_and_no_tools() -> None:
    assert asked("hub", "telemetry") <= locked("deploy/hub.lock").keys()
    assert asked("sql") <= locked("deploy/adapter.lock").keys()
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & locked("deploy/hub.lock").keys()
    assert not {"eventsourcing", "pytest", "opentelemetry-sdk"} & locked("deploy/adapter.lock").keys()


def test_what_is_deployed_is_what_was_tested() -> None:
    tested = locked("requirements.lock")
    for path in ("deploy/hub.lock", "deploy/adapter.lock"):
        assert locked(path).items() <= tested.items()


def test_the_contract_is_generated_by_the_oldest_supported_grpcio() -> None:
    floor = next(text for text in PROJECT["dependencies"] if name_of(text) == "grpcio").partition(">=")[2]

    for package in ("grpcio", "grpcio-tools"):
        assert locked("proto/codegen.lock")[package].startswith(f"{floor}.")
