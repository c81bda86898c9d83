"""Reading a long story: the hub against the library."""

from typing import Any

from tests.bench.area import Plan
from tests.bench.profiles import profiled
from tests.bench.ratios import Figure, Slice, compared
from tests.bench.stages import Profile
from tests.bench.suite import Bench, Served, metered
from tests.bench.worker import Worker

HISTORY = "history of 500 records with its durable access entry / library get+filter + one durable save"


def plan(bench: Bench) -> Plan:
    """A few people with long stories, each known to one receiver, who may see twelve kinds of twenty."""
    return Plan(1, 1, 0, 0, bench.size.readers, bench.size.told)


def lines(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """The line and a history's profile."""
    made = bench.area("history", plan(bench))
    with bench.served(made) as hub, bench.rivals(made, bench.size.readers) as (rival, ports):
        own = _reading(bench, hub, hub.worker, hub.port)
        library = _reading(bench, hub, rival, ports["history"])
        found = compared(HISTORY, 2.5, ("hub", "library"), (own, library), bench.size.rounds, "histories")
        profile = profiled(hub.worker, bench.folder, "history of 500", lambda: read(bench, hub, hub.port, 4))
    return [found], [profile]


def read(bench: Bench, hub: Served, port: int, in_flight: int | None = None) -> dict[str, Any]:
    """Reads for a while. Under the profiler a few at a time are plenty."""
    [adapter] = hub.area.adapters
    return bench.client.ask(
        "history",
        target=hub.target(adapter, port),
        seconds=bench.size.seconds,
        in_flight=in_flight or bench.size.in_flight,
        readers=bench.size.readers,
        feed_id=adapter.feed_id,
    )


def _reading(bench: Bench, hub: Served, server: Worker, port: int) -> Slice:
    return lambda: metered(server, lambda: read(bench, hub, port), "calls")
