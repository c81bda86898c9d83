"""A large ledger: replayed, started, and its calls' cost beside a small one's."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from tests.bench.area import Area, Plan
from tests.bench.lines_append import append
from tests.bench.profiles import profiled
from tests.bench.ratios import Figure, Sample, Slice, compared
from tests.bench.stages import Profile
from tests.bench.suite import Bench, Served, metered
from tests.bench.worker import ROOT, Worker, WorkerFailed, environment

PER_PERSON = 100
MOST = 64
MOST_MEGABYTES = 1024


def many(bench: Bench) -> Area:
    """The large ledger, made once in a run."""
    return bench.area("many", _plan(bench, bench.size.many))


def few(bench: Bench) -> Area:
    """The small one."""
    return bench.area("few", _plan(bench, bench.size.few))


def _plan(bench: Bench, records: int) -> Plan:
    people = max(bench.size.agencies, records // PER_PERSON)
    return Plan(bench.size.agencies, 1, people, max(1, records // people))


def replay(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """Rebuilding every projection against reading the file's rows."""
    made = many(bench)
    done = "replay of {:,} records with projection writes, verified, decrypted"
    title = f"{done.format(bench.size.many)} / raw scan of the file"
    with Worker("tests.bench.replay_process", str(made.data)) as worker:
        worker.hear()

        def job(name: str) -> Slice:
            return lambda: metered(worker, lambda: worker.ask(name), "entries")

        slices = (job("rebuild"), job("scan"))
        found = compared(
            title, 0.12, ("replay", "scan"), slices, bench.size.long_rounds, "entries", warm=False
        )
        peak = _peak(bench, "while it replays", worker)
    return [found, peak], [_replay_profile(bench)]


def _peak(bench: Bench, when: str, worker: Worker) -> Figure:
    title = f"a {bench.size.many:,}-record hub: peak resident memory {when}"
    return Figure(title, MOST_MEGABYTES, (worker.megabytes("VmHWM"),), " MB", at_most=True)


def _replay_profile(bench: Bench) -> Profile:
    """One entry of the small ledger, replayed."""
    with Worker("tests.bench.replay_process", str(few(bench).data)) as worker:
        worker.hear()
        replay = partial(worker.ask, "rebuild")
        return profiled(worker, bench.folder, "replay, one entry", replay, per="entries")


def start(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """The product's own command on the large ledger: until it serves, and its memory then."""
    made = many(bench)
    title = f"a {bench.size.many:,}-record hub: peak resident memory until it serves"
    seconds, shown, peak = _served_by_command(made.data)
    detail = f"serving after {seconds:.1f} s, {shown} lines of progress before"
    figure = Figure(title, MOST_MEGABYTES, (peak,), " MB", at_most=True, detail=detail)
    progress = Figure("the same: lines of progress shown until it serves", 1, (float(shown),))
    return [figure, progress], []


def _served_by_command(data: Path) -> tuple[float, int, float]:
    """Seconds until it says that it serves, lines of progress until then, most megabytes resident."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "hub", "--data", str(data), "serve", "--json"]
    with (data.parent / "progress.txt").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=said, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - begun
            if not line:
                raise WorkerFailed(f"the hub ended with {process.wait()}")
            assert json.loads(line)["address"]
            said.seek(0)
            shown = sum(line.startswith("Reading the ledger") for line in said)
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
            os.kill(process.pid, signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()
            process.communicate()
    return seconds, shown, int(peak.split()[1]) / 1024


def cost(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """What an append and a fetch cost with many records, in units of what they cost with few."""
    size = bench.size
    found = []
    with bench.served(few(bench)) as small, bench.served(many(bench)) as large:
        for name, slices in (
            ("append", (_appending(bench, small), _appending(bench, large))),
            ("fetch of 64", (_fetching(bench, small), _fetching(bench, large))),
        ):
            title = f"cost of {name} at {size.many:,} records / at {size.few:,}"
            sides = (f"{size.few:,}", f"{size.many:,}")
            unit = "appends" if name == "append" else "items"
            found.append(compared(title, 1.5, sides, slices, size.rounds, unit, at_most=True))
        found.append(_peak(bench, "after these calls", large.worker))
    return found, []


def _appending(bench: Bench, hub: Served) -> Slice:
    target = hub.target(hub.area.origin)
    return lambda: metered(hub.worker, lambda: append(bench, target, hub.area.people))


def _fetching(bench: Bench, hub: Served) -> Slice:
    targets = [hub.target(adapter) for adapter in hub.area.adapters]
    # As much as the small one has for each feed.
    most = bench.size.few // bench.size.agencies // MOST * MOST or MOST

    def measured() -> Sample:
        job = {"seconds": bench.size.seconds, "feeds": hub.forget(), "max_items": MOST, "most_items": most}
        return metered(hub.worker, lambda: bench.client.ask("fetch", targets=targets, **job))

    return measured
