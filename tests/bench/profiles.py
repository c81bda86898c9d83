"""Profiles of a server at work: run as it is, for the cost, then under the profiler, for where that goes."""

from collections.abc import Callable
from pathlib import Path

from tests.bench.stages import Profile, read
from tests.bench.suite import Work
from tests.bench.worker import Worker


def profiled(
    server: Worker,
    folder: Path,
    title: str,
    work: Work,
    *,
    per: str = "calls",
    prepare: Callable[[], object] = lambda: None,
) -> Profile:
    """Does `work` twice. `prepare` is run before each and not counted."""
    prepare()
    before = server.ask("times")
    count = work()[per] or 1
    after = server.ask("times")
    spent = {name: (after[name] - before[name]) / count * 1e6 for name in before}
    prepare()
    server.ask("profile")
    count = work()[per] or 1
    server.ask("profiled", folder=str(folder))
    return read(title, folder, count, spent)
