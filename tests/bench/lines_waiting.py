"""Agencies that wait: what they cost the hub in memory."""

from tests.bench.area import Plan
from tests.bench.ratios import Figure
from tests.bench.stages import Profile
from tests.bench.suite import Bench


def lines(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """Every agency with a client, a connection of its own, and a fetch that waits."""
    count, seconds = bench.size.waiting, bench.size.wait_seconds
    made = bench.area("waiting", Plan(count, 1, count, 0))
    with bench.served(made) as hub:
        targets = [hub.target(adapter) for adapter in made.adapters]
        feeds = {adapter.feed_id: [1, 0] for adapter in made.adapters}
        # One call first: whatever a hub loads with its first call is not the waiting's.
        bench.client.ask(
            "fetch", targets=targets[:1], seconds=seconds, feeds=feeds, max_items=64, most_items=64
        )
        before = hub.worker.megabytes()
        bench.client.ask("wait", targets=targets, feeds=feeds, wait=seconds, settle=seconds / 3)
        after = hub.worker.megabytes()
        cpu = hub.worker.cpu_seconds()
        waited = bench.client.ask("waited")
        cpu = hub.worker.cpu_seconds() - cpu
    if waited["waited"] != count:
        raise AssertionError(f"only {waited['waited']} of {count} waited")
    detail = f"{after:,.0f} MB in all; {cpu / waited['seconds']:.1%} of a processor while they waited"
    title = f"{count} waiting agencies: growth of the hub's resident memory"
    return [Figure(title, 150, (after - before,), " MB", at_most=True, detail=detail)], []
