"""What the ledger takes for each byte of content: of records of one size, and of the HMIS sample."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from adapters.hmis import HmisExport
from adapters.kit.source import SourceRecord
from hub.rpc.record_servicer import _new_record
from hub.use_cases.publish import NewRecord
from tests.bench import making, payload
from tests.bench.area import SHARED, Area, Plan, person
from tests.bench.ratios import Figure
from tests.bench.stages import Profile
from tests.bench.suite import Bench

LEDGER = ("entries", "keys")
"""Tables of the ledger itself; everything else is made from them and can be made anew."""
HMIS = "ONCETOLD_HMIS"
"""Names the folder of the HMIS sample export. Without it there is no line for it."""


def lines(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """Bytes of the database file for each byte that was told."""
    many, people = bench.size.few, bench.size.people
    made = bench.area("size", Plan(1, 1, people, 0))
    records = [
        payload.new_record(f"s-{one}", person(one % people), SHARED[one % len(SHARED)]) for one in range(many)
    ]
    found = _ratios(made, records, (), many * payload.CONTENT_BYTES)
    told = f"{many:,} records of {payload.CONTENT_BYTES} B"
    figures = [
        Figure("ledger's bytes / content's, records of 700 B", 1.45, found[:1], at_most=True, detail=told),
        Figure("the same with proofs and projections", 1.8, found[1:], at_most=True),
    ]
    if folder := os.environ.get(HMIS):
        figures += _hmis(bench, Path(folder))
    return figures, []


def _hmis(bench: Bench, folder: Path) -> list[Figure]:
    made = bench.area("size-hmis", Plan(1, 1, 1, 0))
    outcomes = [row.outcome for row in HmisExport(folder).read()]
    read = [one for one in outcomes if isinstance(one, SourceRecord)]
    for one in read:
        one.record.revision = 1
    content = sum(one.record.content.ByteSize() for one in read)
    people = sorted({one.client_reference for one in read})
    found = _ratios(made, [_new_record(one.record, "records") for one in read], people, content)
    told = f"{len(read):,} records, {content / len(read):.0f} B each on average"
    return [
        Figure("ledger's bytes / content's, the HMIS sample", 0, found[:1], " (no goal)", detail=told),
        Figure("the same with proofs and projections, HMIS", 0, found[1:], " (no goal)"),
    ]


def _ratios(
    made: Area, records: Sequence[NewRecord], people: Sequence[str], content: int
) -> tuple[float, float]:
    before = _taken(made)
    making.publish_more(made, people, records)
    after = _taken(made)
    grown = {name: size - before.get(name, 0) for name, size in after.items()}
    ledger = sum(
        size for name, size in grown.items() if name.removeprefix("sqlite_autoindex_").startswith(LEDGER)
    )
    return ledger / content, sum(grown.values()) / content


def _taken(made: Area) -> dict[str, int]:
    """Bytes of each table and index, by name."""
    with closing(sqlite3.connect(made.data / "ledger.db")) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return dict(_sizes(file))


def _sizes(file: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    yield from file.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
