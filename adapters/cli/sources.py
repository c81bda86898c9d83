"""Which kinds of source and sink there are. Each is imported only when it is configured, with what it
needs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from adapters.kit.config import Settings
from adapters.kit.errors import ConfigInvalid
from adapters.kit.sink import Sink
from adapters.kit.source import Nothing, Rejected, Source, SourceRecord

SOURCES = ("sql", "hmis")
SINKS = ("sql",)
NEEDS_SQL = "SQLAlchemy is not installed: pip install 'oncetold[sql]'."


class LeftOver:
    """Bad rows, as a source of nothing else."""

    def __init__(self, rows: Sequence[Rejected]) -> None:
        self._rows = rows

    def records(self) -> Iterator[SourceRecord | Rejected | Nothing]:
        yield from self._rows


def open_sources(settings: Settings) -> list[Source]:
    """The sources of `[source]`, in the order they are published. ConfigInvalid names what is wrong."""
    if settings.source is None:
        raise ConfigInvalid(["[source] is missing: there is nothing to publish from."])
    match settings.source["kind"]:
        case "sql":
            return list(_sql_sources(settings.source, settings.folder))
        case "hmis":
            return _hmis_sources(settings.source, settings.folder)
        case _:
            raise ConfigInvalid([f"source.kind must be one of {', '.join(SOURCES)}."])


def missing_columns(source: Source) -> list[str]:
    """What a source's mapping needs and its query does not answer; empty for other kinds of source."""
    find = getattr(source, "missing_columns", None)
    return list(find()) if find is not None else []


def open_sink(settings: Settings) -> Sink:
    """The sink of `[sink]` for the feed of `[feed]`; makes its tables. ConfigInvalid names what is wrong."""
    if settings.sink is None or settings.feed is None:
        raise ConfigInvalid(["[feed] and [sink] are missing: there is nowhere to receive to."])
    if settings.sink["kind"] not in SINKS:
        raise ConfigInvalid([f"sink.kind must be one of {', '.join(SINKS)}."])
    try:
        from adapters.sql import sink
    except ImportError:
        raise ConfigInvalid([NEEDS_SQL]) from None
    return sink.open_sink(settings.sink, settings.feed.feed_id, settings.folder)


def _sql_sources(table: Mapping[str, object], folder: Path) -> list[Source]:
    try:
        from adapters.sql import source
    except ImportError:
        raise ConfigInvalid([NEEDS_SQL]) from None
    return [*source.open_queries(table, folder)]


def _hmis_sources(table: Mapping[str, object], folder: Path) -> list[Source]:
    from adapters.hmis.export import HmisExport

    problems = [
        f"source.{key} is not a setting." for key in sorted(set(table) - {"kind", "folder", "agency_id"})
    ]
    export_folder, agency_id = table.get("folder"), table.get("agency_id")
    if not isinstance(export_folder, str) or not isinstance(agency_id, str):
        problems.append("source.folder and source.agency_id are needed for an HMIS export.")
        raise ConfigInvalid(problems)
    if problems:
        raise ConfigInvalid(problems)
    export = HmisExport(folder / export_folder)
    # What no agency can be named for is listed too, so that nothing is lost in silence.
    return [export.source(agency_id), LeftOver(export.unusable_projects), export.unattributed()]
