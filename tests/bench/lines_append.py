"""Appending: the hub against the library and against an echo, and with TLS against without."""

from typing import Any

from tests.bench.area import Plan
from tests.bench.profiles import profiled
from tests.bench.ratios import Figure, Slice, compared
from tests.bench.stages import Profile
from tests.bench.suite import Bench, Served, metered
from tests.bench.worker import Worker

LIBRARY = "durable sealed append over gRPC / eventsourcing's recorder called once per RPC"
ECHO = "the same / a bare grpc.aio echo"
TLS = "mTLS / plaintext"


def plan(bench: Bench) -> Plan:
    """People known to two agencies each, every receiver with a feed: what is appended concerns somebody."""
    return Plan(bench.size.receivers, 1, bench.size.people, 1)


def lines(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """The three lines and an append's profile, over one hub."""
    made = bench.area("append", plan(bench))
    found = []
    with bench.served(made) as hub, bench.rivals(made) as (library, ports):

        def appending(server: Worker, target: dict[str, Any]) -> Slice:
            return lambda: metered(server, lambda: append(bench, target, made.people))

        own = appending(hub.worker, hub.target(made.origin))
        for title, goal, name in ((LIBRARY, 2.5, "append"), (ECHO, 0.4, "echo")):
            other = appending(library, hub.target(made.origin, ports[name]))
            sides = ("hub", "library" if name == "append" else "echo")
            found.append(compared(title, goal, sides, (own, other), bench.size.rounds, "appends"))
        plain = appending(hub.worker, hub.target(made.origin, hub.plain, tls=False))
        found.append(compared(TLS, 0.85, ("mTLS", "plain"), (own, plain), bench.size.rounds, "appends"))
        profile = _profile(bench, hub)
    return found, [profile]


def append(bench: Bench, target: dict[str, Any], people: int) -> dict[str, Any]:
    """Appends for a while, about that many people in turn."""
    return bench.client.ask(
        "append",
        target=target,
        seconds=bench.size.seconds,
        in_flight=bench.size.in_flight,
        people=people,
    )


def _profile(bench: Bench, hub: Served) -> Profile:
    target = hub.target(hub.area.origin)
    return profiled(hub.worker, bench.folder, "append", lambda: append(bench, target, hub.area.people))
