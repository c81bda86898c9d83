"""Settings shared by every test."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Two shared cores make any single example slow now and then; the tests' own timeouts bound the whole.
settings.register_profile(
    "oncetold", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("oncetold")


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
