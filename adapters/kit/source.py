"""What a source of records hands to the publisher: records, rows it must leave out, and rows that say
nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from oncetold.v1.record_service_pb2 import Record


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record was read, so that a person can find the row again without seeing it in a log.

    `file` is a file's name or a query's name, never a path with personal data; `line` counts from 1, and is
    the line of the file (a CSV's header is line 1) or the number of the row in the query's answer.
    """

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record to publish.

    Fill every field of `record` except `revision`: the publisher counts revisions by comparing the content
    with what it published before under the same `record_id`. A record without content withdraws an earlier
    one. `client_reference` equals `record.client_reference`; the publisher registers it first.
    `texts_kept_home` counts the free texts that were left out because their author released no categories.
    """

    client_reference: str
    record: Record
    origin: Origin
    texts_kept_home: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot become a record. `reason` is a code such as `IMPOSSIBLE_DATE`, never the row's
    words."""

    origin: Origin
    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A row that was read and holds nothing to tell: every field empty, or "data not collected"."""

    origin: Origin


class Source(Protocol):
    """Reads records out of an agency's own system, always in the same order for the same content."""

    def records(self) -> Iterator[SourceRecord | Rejected | Nothing]:
        """Yields every row once. A row that is wrong is a `Rejected`, never an exception; an exception means
        that the source itself cannot be read (file missing, database down) and ends the run."""
        ...


@runtime_checkable
class IncrementalSource(Protocol):
    """A source that can begin after a mark, so that a large table is not read again in full.

    `name` tells this source's mark from another's. `begin_after` is called before `records`, with the mark
    of the last run that left nothing in quarantine, or None. `highest_mark` is asked after `records` is
    exhausted.
    """

    @property
    def name(self) -> str: ...

    def begin_after(self, mark: str | None) -> None: ...

    def highest_mark(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What one run did, in rows. Every row of the source is counted in exactly one of the first four.

    `published`: now durable in the hub. `unchanged`: published before with the same content.
    `nothing_recorded`: rows that say nothing. `quarantined`: left out with a reason, see the quarantine
    file. `texts_kept_home`: free texts that were not released, left out of records that were otherwise
    published or unchanged.
    """

    published: int
    unchanged: int
    nothing_recorded: int
    quarantined: int
    texts_kept_home: int = 0
    registered: int = 0
