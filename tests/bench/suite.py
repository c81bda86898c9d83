"""How long and how large everything is measured, and the processes that a line needs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import making
from tests.bench.area import Adapter, Area, Plan
from tests.bench.ratios import Sample
from tests.bench.worker import Worker

Work = Callable[[], dict[str, Any]]
"""Runs for a while; says how many calls were answered, how many items they brought, and in what time."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    rounds: int = 9
    seconds: float = 1.2
    """Of one side in one round: short, so that both sides of a pair meet the same neighbours."""
    in_flight: int = 64
    people: int = 320
    receivers: int = 8
    records: int = 16
    """Of each person."""
    readers: int = 16
    told: int = 500
    """Records of each reader."""
    long_rounds: int = 2
    """Of what takes a minute."""
    many: int = 1_000_000
    few: int = 10_000
    agencies: int = 24
    """That receive from the large and the small ledger, as many as an area has; each with one feed."""
    waiting: int = 200
    wait_seconds: float = 15.0
    """That they wait; they are looked at after a third of it."""


FULL = Size()
QUICK = Size(rounds=5, seconds=0.8, many=50_000)
SMOKE = Size(
    rounds=1,
    seconds=0.2,
    in_flight=4,
    people=8,
    receivers=2,
    records=4,
    readers=2,
    told=40,
    long_rounds=1,
    many=1200,
    few=100,
    agencies=2,
    waiting=4,
    wait_seconds=1.5,
)
"""Only to see that everything still runs."""


class Served:
    """A hub's process with its ports, and who connects to it."""

    def __init__(self, made: Area, worker: Worker) -> None:
        self.area = made
        self.worker = worker
        started = worker.hear()
        self.port: int = started["port"]
        self.plain: int = started["plain"]
        self.unrecorded: int = started["unrecorded"]
        self.seconds: float = started["seconds"]
        self.progress: list[list[int]] = started["progress"]

    def target(self, adapter: Adapter, port: int | None = None, *, tls: bool = True) -> dict[str, Any]:
        """How an adapter connects; to the hub's own port unless another is named."""
        return {
            "address": f"localhost:{port or self.port}",
            "authority": self.area.authority if tls else "",
            "certificate": adapter.certificate,
            "key": adapter.key,
            "feed_id": adapter.feed_id,
        }

    def forget(self) -> dict[str, list[int]]:
        """Has every feed begin anew: each feed's epoch and acknowledgement."""
        feeds = [{"agency": one.agency, "uri": one.uri, "feed_id": one.feed_id} for one in self.area.adapters]
        found: dict[str, list[int]] = self.worker.ask("forget", feeds=feeds)["feeds"]
        return found


class Bench:
    """One run: its size, its folder, its client process."""

    def __init__(self, size: Size, folder: Path, client: Worker, say: Say) -> None:
        self.size = size
        self.folder = folder
        self.client = client
        self.say = say
        self._areas: dict[str, Area] = {}

    def area(self, name: str, plan: Plan) -> Area:
        """The area of that name, made once in a run."""
        if name not in self._areas:
            self.say(f"making the area '{name}'")
            self._areas[name] = making.make(self.folder / name, plan, self.say)
        return self._areas[name]

    @contextmanager
    def served(self, made: Area) -> Iterator[Served]:
        """The area's hub in a process of its own."""
        with Worker("tests.bench.hub_process", str(made.data)) as worker:
            yield Served(made, worker)

    @contextmanager
    def rivals(self, made: Area, readers: int = 0) -> Iterator[tuple[Worker, dict[str, int]]]:
        """The process of the echo and of the library, and their ports, with that hub's certificates."""
        folder = self.folder / f"library-{Path(made.folder).name}-{readers}"
        folder.mkdir()
        told = str(self.size.told)
        with Worker("tests.bench.rival_process", str(made.data), str(folder), str(readers), told) as worker:
            yield worker, worker.hear()


def metered(server: Worker, work: Work, per: str = "items") -> Sample:
    """What was done in a while, and what it took of the server's processor."""
    before = server.cpu_seconds()
    done = work()
    spent = server.cpu_seconds() - before
    count = done[per] or 1
    return Sample(done[per] / done["seconds"], spent / count * 1e6)


@contextmanager
def bench(size: Size, folder: Path, say: Say) -> Iterator[Bench]:
    """A run in a folder, with its client process."""
    with ExitStack() as stack:
        client = stack.enter_context(Worker("tests.bench.client_process"))
        yield Bench(size, folder, client, say)
