"""Where a hub's time goes, as named stages of one call, from profiles of its two threads."""

import pstats
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

K = TypeVar("K")
Function = tuple[str, int, str]
"""File, line and name, as cProfile keeps them; the file of what is built in is `~`."""

WAITING = "waiting"
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
    ("gRPC", r"grpc|cygrpc"),
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


def read(title: str, files: Sequence[Path], calls: int, microseconds: float) -> Profile:
    """The profile that these files hold. `microseconds`: what a call really costs, profiler off."""
    spent: defaultdict[str, float] = defaultdict(float)
    functions: Counter[Function] = Counter()
    times: defaultdict[Function, float] = defaultdict(float)
    for file in files:
        stats = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]
        for function, (_, number, own, _, callers) in stats.items():
            _share(spent, function, own, callers)
            if stage_of(function) != WAITING:
                functions[function] += number
                times[function] += own
    spent.pop(WAITING, None)
    total = sum(spent.values()) or 1.0
    scale = microseconds / total
    busiest = [
        (_short(function), functions[function] / max(calls, 1), own * scale)
        for function, own in _largest(times)[:12]
    ]
    return Profile(
        title,
        calls,
        microseconds,
        tuple((stage, own * scale) for stage, own in _largest(spent) if own * scale >= 0.5),
        tuple(busiest),
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
