"""Settings shared by every test."""

import functools
import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.testing
from hypothesis import HealthCheck, settings

import hub  # noqa: F401 - as in every process of ours, before gRPC, to which it says what TLS to speak

# Two shared cores make any single example slow now and then; the tests' own timeouts bound the whole.
settings.register_profile(
    "oncetold", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("oncetold")

_MEMORY = Path("/dev/shm")  # noqa: S108 - temporary files get folders of random names in it
_ROOM = 4 * 1024**3
"""Bytes that have to be free there: the largest test makes two virtual environments."""


def _holds_files(folder: Path) -> bool:
    """Whether the tests' files have room there and may be run."""
    if not os.access(folder, os.W_OK):
        return False
    there = os.statvfs(folder)
    return there.f_bavail * there.f_frsize >= _ROOM and not there.f_flag & os.ST_NOEXEC


# Temporary files are in memory where that is large enough: on a disk every commit of every hub waits for it.
# What a power cut leaves is tested on a recorded disk, and what a failing one does on one that fails.
if "TMPDIR" not in os.environ and _holds_files(_MEMORY):
    os.environ["TMPDIR"] = str(_MEMORY)
    tempfile.tempdir = None

# The commands are made of their functions once, not anew for each one that a test types.
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]

# All that is imported to collect the tests lives as long as they do: the collector need not go through it.
gc.disable()

_LONGEST = (
    "tests/races/test_replicas.py::test_the_same_in_many",
    "tests/bench/test_bench.py::test_every_line",
    "tests/docs/test_readme.py::test_every_command",
    "tests/policy_cases/test_policy_cases.py::test_the_policy_answers",
    "tests/guard/test_timing.py",
    "tests/contract/test_replicas.py::test_a_hundred_thousand",
    "tests/faults/test_kills.py",
    "tests/machine/test_replicas.py",
    "tests/machine/test_histories.py",
    "tests/machine/test_machine.py",
    "tests/races/test_interleavings.py",
    "tests/log/test_damage.py",
    "tests/world/",
    "tests/observability/test_prometheus.py",
    "tests/log/test_third_party.py",
    "tests/contract/test_migrations.py",
    "tests/faults/test_lost_connections.py::test_the_server_is_killed_twenty",
    "tests/races/test_threads.py",
)
"""What takes longest of the slow tests: it begins first, so that all workers end together."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the long ones first where the slow tests are what is run."""
    if config.getoption("markexpr") == "slow":
        items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    found = (number for number, start in enumerate(_LONGEST) if item.nodeid.startswith(start))
    return next(found, len(_LONGEST))


def pytest_collection_finish() -> None:
    """The garbage collector passes over what is there by now."""
    gc.enable()
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests counted (their property `figures`), however many processes ran them."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "figures":
                    terminalreporter.write_line(f"{report.nodeid}: {value}")


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary folder whose name leaves room for a socket's: 107 bytes are the most."""
    with tempfile.TemporaryDirectory(prefix="ot-") as folder:
        yield Path(folder)
