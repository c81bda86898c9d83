"""Profiles of an append, a fetch and a history, each while the hub serves it over the wire."""

from collections.abc import Callable
from typing import Any

from tests.bench.stages import Profile, read
from tests.bench.suite import Bench, Served

PROFILES = ("writer.prof", "loop.prof")
"""Files that a hub's process leaves."""
Work = Callable[[], dict[str, Any]]
"""Runs for a while; says how many calls were answered."""


def profiled(bench: Bench, hub: Served, title: str, work: Work) -> Profile:
    """Runs `work` twice: as it is, for what a call costs, and under the profiler, for where that goes."""
    work()
    before = hub.worker.cpu_seconds()
    calls = work()["calls"]
    microseconds = (hub.worker.cpu_seconds() - before) / max(calls, 1) * 1e6
    hub.worker.ask("profile")
    calls = work()["calls"]
    hub.worker.ask("profiled", folder=str(bench.folder))
    return read(title, [bench.folder / name for name in PROFILES], calls, microseconds)
