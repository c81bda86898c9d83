"""Profiles of an append, a fetch and a history, each while the hub serves it over the wire."""

from collections.abc import Callable

from tests.bench.stages import Profile, read
from tests.bench.suite import Bench, Served, Work

PROFILES = ("writer.prof", "loop.prof")
"""Files that a hub's process leaves."""


def profiled(
    bench: Bench, hub: Served, title: str, work: Work, prepare: Callable[[], object] = lambda: None
) -> Profile:
    """Runs `work` twice: as it is, for what a call costs, and under the profiler, for where that goes.

    `prepare` is run before each and not counted.
    """
    prepare()
    before = hub.worker.cpu_seconds()
    calls = work()["calls"]
    microseconds = (hub.worker.cpu_seconds() - before) / max(calls, 1) * 1e6
    prepare()
    hub.worker.ask("profile")
    calls = work()["calls"]
    hub.worker.ask("profiled", folder=str(bench.folder))
    return read(title, [bench.folder / name for name in PROFILES], calls, microseconds)
