"""Where a hub's time goes, as named stages of one call, from profiles of its two threads."""

import pstats
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

K = TypeVar("K")
Function = tuple[str, int, str]
"""File, line and name, as cProfile keeps them; the file of what is built in is `~`."""

WAITING = "waiting"
THREADS = ("writer", "loop")
"""The ledger's writer, and the event loop."""
STAGES: tuple[tuple[str, str], ...] = (
    (WAITING, r"select\.epoll|_queue\.SimpleQueue|lock.*acquire|thread_time|cProfile|_lsprof"),
    ("SQL: execute", r"sqlite3\.(Cursor|Connection)' objects|sqlite3/"),
    ("SQL: SQLAlchemy", r"sqlalchemy/"),
    (
        "seal, open, hash",
        r"cryptography|_hashlib|_hmac|hmac\.py|hashlib|HASH|/vault\.py|/body\.py|/keys\.py|/entry\.py|urandom|compare_digest",
    ),
    ("JSON and base64", r"/json/|_json|binascii|base64"),
    ("protobuf", r"google/protobuf|google\._upb|FromString|SerializeToString|_upb"),
    ("validation", r"protovalidate|/records/validation\.py"),
    # What Cython compiled is invisible to a profiler: gRPC's own steps are their runner's.
    ("gRPC", r"grpc|cygrpc|Context' objects"),
    (
        "asyncio",
        r"/asyncio/|_asyncio|concurrent/futures|/threading\.py|/selectors\.py|socket|contextvars|TaskStepMethWrapper",
    ),
    ("policy", r"consent_ledger/policy/|/facts\.py|/vocabulary\.py"),
    ("ledger: commit and batch", r"/sequencer\.py|/batch\.py|/command\.py|/store/"),
    (
        "ledger: entries",
        r"/access\.py|/records\.py|/repository\.py|/mapper\.py|consent_ledger/domain|eventsourcing",
    ),
    ("projections", r"hub/projections/"),
    ("difference", r"/difference\.py"),
    ("use case", r"hub/use_cases/"),
    ("records: split and frame", r"hub/records/|/rpc/elements\.py|/rpc/translate\.py"),
    ("dispatch and authentication", r"hub/rpc/|hub/pki\.py|hub/telemetry"),
)
"""A function's stage is the first whose pattern is found in its name; if none is, its callers' stages."""

OTHER = "other"
BESIDE = "gRPC's own threads"
_PATTERNS = tuple((stage, re.compile(pattern)) for stage, pattern in STAGES)


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of call. Times in microseconds of the server's processor for each call."""

    title: str
    calls: int
    microseconds: float
    """Measured without the profiler."""
    stages: tuple[tuple[str, float], ...]
    """Largest first, in the profile's proportions; they add up to `microseconds`."""
    busiest: tuple[tuple[str, float, float], ...]
    """Single functions: name, calls of it for each call, microseconds in it alone."""


def stage_of(function: Function) -> str | None:
    """The stage that a function's own name tells; `None` when it tells none."""
    named = f"{function[0]}:{function[2]}"
    return next((stage for stage, pattern in _PATTERNS if pattern.search(named)), None)


def read(title: str, folder: Path, count: int, spent: dict[str, float]) -> Profile:
    """The profile that a folder's `writer.prof` and `loop.prof` hold.

    `spent`: microseconds that each of the two threads and the whole `process` really took for one call,
    profiler off. What the process took beside the two is gRPC's.
    """
    stages: defaultdict[str, float] = defaultdict(float)
    calls: Counter[Function] = Counter()
    times: defaultdict[Function, float] = defaultdict(float)
    for thread in THREADS:
        stats = pstats.Stats(str(folder / f"{thread}.prof")).stats  # type: ignore[attr-defined]
        found: defaultdict[str, float] = defaultdict(float)
        for function, (_, _, own, _, callers) in stats.items():
            _share(found, function, own, callers)
        found.pop(WAITING, None)
        scale = spent[thread] / (sum(found.values()) or 1.0)
        for stage, own in found.items():
            stages[stage] += own * scale
        for function, (_, number, own, _, _) in stats.items():
            if stage_of(function) != WAITING:
                calls[function] += number
                times[function] += own * scale
    stages[BESIDE] = max(0.0, spent["process"] - sum(spent[thread] for thread in THREADS))
    return Profile(
        title,
        count,
        spent["process"],
        tuple((stage, own) for stage, own in _largest(stages) if own >= 0.5),
        tuple((_short(function), calls[function] / count, own) for function, own in _largest(times)[:12]),
    )


def _share(
    spent: defaultdict[str, float], function: Function, own: float, callers: dict[Function, tuple[float, ...]]
) -> None:
    stage = stage_of(function)
    if stage is not None or not callers:
        spent[stage or OTHER] += own
        return
    for caller, numbers in callers.items():
        spent[stage_of(caller) or OTHER] += numbers[2]


def _largest(times: dict[K, float]) -> list[tuple[K, float]]:
    return sorted(times.items(), key=lambda item: -item[1])


def _short(function: Function) -> str:
    file, line, name = function
    if file == "~":
        return name
    parts = Path(file).parts[-2:]
    return f"{'/'.join(parts)}:{line} {name}"
