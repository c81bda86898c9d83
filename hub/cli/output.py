"""How answers are shown: sentences and tables for a person, one JSON object for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.cli.errors import CliError, Proposed
from oncetold.v1.common_pb2 import LedgerPosition

TABLE_WIDTH = 110


def console() -> Console:
    """A console on standard output as it is now; plain text where it is no terminal."""
    return Console(highlight=False, soft_wrap=True)


def show(answer: Mapping[str, object], sentences: Iterable[str], *, as_json: bool) -> None:
    """Prints the answer as JSON on one line, or as sentences."""
    if as_json:
        print(json.dumps(answer, ensure_ascii=False, sort_keys=True))
        return
    out = console()
    for sentence in sentences:
        out.print(escape(sentence))


def show_rows(
    key: str,
    rows: Sequence[Mapping[str, object]],
    columns: Mapping[str, str],
    *,
    nothing: str,
    as_json: bool,
    beneath: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Prints rows as `{key: [...]}` in JSON, or as a table with these columns (field to heading).

    `beneath`: fields of the answer itself, printed as sentences behind the table.
    """
    if as_json:
        print(json.dumps({key: list(rows), **beneath}, ensure_ascii=False, sort_keys=True))
        return
    out = console()
    _show_table(out, rows, columns, nothing)
    for sentence in beneath.values():
        out.print(escape(sentence))


def _show_table(
    out: Console, rows: Sequence[Mapping[str, object]], columns: Mapping[str, str], nothing: str
) -> None:
    if not rows:
        out.print(escape(nothing))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for field, heading in columns.items():
        # An id broken over lines cannot be copied.
        table.add_column(heading, overflow="fold", no_wrap=field.endswith("_id"))
    for row in rows:
        table.add_row(*(escape(_cell(row[field])) for field in columns))
    # Wide enough for an id and some numbers: a narrow terminal breaks lines, but loses no word.
    out.width = max(out.width, TABLE_WIDTH)
    out.print(table)


def show_failure(failure: CliError, *, as_json: bool) -> None:
    """Tells a failure: sentences on standard error, and the JSON object on standard output if asked for."""
    if as_json:
        print(json.dumps(failure.as_json(), ensure_ascii=False, sort_keys=True))
        return
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    reason = f" [{failure.reason}]" if failure.reason else ""
    begun = "[bold]Not done yet.[/]" if isinstance(failure, Proposed) else "[bold red]Not done.[/]"
    out.print(f"{begun} {escape(failure.what)}{escape(reason)}")
    out.print(f"What to do: {escape(failure.next_step)}")


def position(at: LedgerPosition) -> dict[str, object]:
    """A ledger position as JSON."""
    return {"ledger_id": at.ledger_id, "index": at.index}


def moment(time: Timestamp) -> str:
    """A time as ISO 8601 in UTC; empty when unset."""
    if time.seconds == 0 and time.nanos == 0:
        return ""
    return datetime.fromtimestamp(time.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return str(value)
