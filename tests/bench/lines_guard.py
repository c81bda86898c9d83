"""What guarding costs and what it is worth: who calls, whether they may, and a flood five times too large."""

from dataclasses import replace
from typing import Any

from hub.config import FILE_NAME, read_config, write_config
from hub.limit_settings import LimitSettings
from tests.bench.area import Area, Plan
from tests.bench.lines_append import append, plan
from tests.bench.profiles import profiled
from tests.bench.ratios import Figure
from tests.bench.stages import Profile
from tests.bench.suite import Bench, Served

SHARE = "who calls, and whether they may: share of an append's processor time"
GUARDING = ("dispatch and authentication", "policy")
"""The stages of a profile that guard; what the servicer does stands in the first one too."""
FLOOD = "p99 of what is let in, at five times an agency's share / at half of it"
STOPS = "stops that are taken meanwhile"
RATE = 100
"""Calls a second that this line allows an agency: five times as many can be offered by one process."""
FEW = LimitSettings(calls_at_once=8, calls_per_second=RATE, seconds_in_advance=1)


def lines(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """The three lines, over two hubs."""
    made = bench.area("append", plan(bench))
    with bench.served(made) as hub:
        target = hub.target(made.origin)
        profile = profiled(hub.worker, bench.folder, "guarding", lambda: append(bench, target, made.people))
    spent = dict(profile.stages)
    guarding = [spent.get(stage, 0.0) / profile.microseconds for stage in GUARDING]
    told = ", ".join(f"{stage} {share:.1%}" for stage, share in zip(GUARDING, guarding, strict=True))
    found = [Figure(SHARE, 0.1, (sum(guarding),), at_most=True, detail=told)]
    flooded = bench.area("guard", Plan(bench.size.receivers, 1, bench.size.people, 1))
    _limit(flooded)
    with bench.served(flooded) as hub:
        return [*found, *_flooded(bench, hub)], []


def _limit(made: Area) -> None:
    """Has the area's hub limit its agencies."""
    config = read_config(made.data)
    (made.data / FILE_NAME).unlink()
    write_config(replace(config, limits=FEW))


def _flooded(bench: Bench, hub: Served) -> list[Figure]:
    def offered(rate: float) -> dict[str, Any]:
        # What an agency saved up it may use all at once: it is flooding from when that is gone.
        ahead = min(FEW.seconds_in_advance, bench.size.seconds)
        return bench.client.ask(
            "offer",
            target=hub.target(hub.area.origin),
            rate=rate,
            seconds=ahead + bench.size.seconds * 4,
            seconds_before=ahead,
            people=hub.area.people,
        )

    offered(RATE / 2)
    ratios, taken, told = [], [], []
    for _ in range(bench.size.rounds):
        quiet, flood = offered(RATE / 2), offered(RATE * 5)
        ratios.append(flood["p99"] / quiet["p99"])
        taken.append(flood["stops"] / (flood["stops"] + flood["stops_refused"]))
        told.append(
            f"{flood['admitted']} of {flood['admitted'] + flood['refused']} let in,"
            f" p99 {flood['p99'] * 1e3:.0f} ms against {quiet['p99'] * 1e3:.0f} ms, {flood['stops']} stops"
        )
    return [
        Figure(FLOOD, 2.0, tuple(ratios), at_most=True, detail="; ".join(told)),
        Figure(STOPS, 1.0, tuple(taken)),
    ]
