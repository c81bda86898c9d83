"""Fetching: what the access entry costs, and what batching brings."""

from typing import Any

from tests.bench.area import Plan
from tests.bench.profiles import profiled
from tests.bench.ratios import Figure, Sample, Slice, compared
from tests.bench.stages import Profile
from tests.bench.suite import Bench, Served, metered

ENTRY = "fetch of 64 with its access entry / same without the entry"
BATCH = "fetch of 64 / fetches of one, per item"
MOST = 64


def plan(bench: Bench) -> Plan:
    """Eight receivers with eight feeds each; everybody has sixteen fragments to give each of theirs."""
    feeds = max(1, bench.size.in_flight // bench.size.receivers)
    return Plan(bench.size.receivers, feeds, bench.size.people, bench.size.records)


def lines(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """The two lines and a fetch's profile, over one hub."""
    with bench.served(bench.area("fetch", plan(bench))) as hub:
        own = _fetching(bench, hub, MOST)
        rounds = bench.size.rounds
        bare = _fetching(bench, hub, MOST, unrecorded=True)
        single = _fetching(bench, hub, 1)
        found = [
            compared(ENTRY, 0.6, ("with", "without"), (own, bare), rounds, "items"),
            compared(BATCH, 8, ("by 64", "by one"), (own, single), rounds, "items"),
        ]
        feeds: dict[str, list[int]] = {}
        profile = profiled(
            hub.worker,
            bench.folder,
            "fetch of 64",
            lambda: fetch(bench, hub, MOST, feeds),
            prepare=lambda: feeds.update(hub.forget()),
        )
    return found, [profile]


def fetch(
    bench: Bench, hub: Served, max_items: int, feeds: dict[str, list[int]], *, unrecorded: bool = False
) -> dict[str, Any]:
    """Every feed fetches all that is due to it, or as much as the time allows."""
    port = hub.unrecorded if unrecorded else hub.port
    return bench.client.ask(
        "fetch",
        targets=[hub.target(adapter, port) for adapter in hub.area.adapters],
        seconds=bench.size.seconds,
        feeds=feeds,
        max_items=max_items,
        most_items=hub.area.people // bench.size.receivers * bench.size.records,
        advance=not unrecorded,
    )


def _fetching(bench: Bench, hub: Served, max_items: int, *, unrecorded: bool = False) -> Slice:
    def measured() -> Sample:
        feeds = hub.forget()
        return metered(hub.worker, lambda: fetch(bench, hub, max_items, feeds, unrecorded=unrecorded))

    return measured
