"""`oncetold ledger fsck`: everything that is stored of the ledger and its log, looked at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.commands import ledger
from hub.cli.connection import no_hub
from hub.cli.output import show
from hub.config import read_config

if TYPE_CHECKING:
    from consent_ledger.log.fsck import LogFault, LogReport

WORDS = {
    "HEAD": "The ledger's stored size does not fit its entries.",
    "EDGE": "The edge of the log's tree is not that of the entries.",
    "CHECKPOINT": "The stored checkpoint is not signed by the ledger, or the entries do not lead to it.",
    "UNREADABLE": "What is kept of the log cannot be read.",
}
LOG_DERIVED = (
    "What to do: every entry is whole, and only what is derived from them for the log is damaged. The hub "
    "finds that by itself within hours and makes it anew. If this is still said tomorrow, check the disk and "
    "restore the newest backup into an empty folder."
)


def register() -> None:
    """Adds the command to `oncetold ledger`."""
    command(ledger.commands, "fsck", example="oncetold --data ./hub ledger fsck")(fsck)


def fsck(context: typer.Context, as_json: Json = False) -> None:
    """Derives the whole log anew from what is stored, and opens every entry: finds any bit that was flipped.

    A hub may go on running meanwhile. Nothing is changed. Exit codes: 0 all is well, 1 damage was found, 2 it
    could not be looked at.
    """
    # The ledger's code is slow to load, and most commands do without it.
    from consent_ledger.check import check_ledger
    from consent_ledger.log.fsck import Fsck
    from consent_ledger.store import read_store
    from hub.root_keys import fences_file, opened_root_keys

    data = data_folder(context)
    config = read_config(data)
    if not config.has_ledger():
        raise no_hub(data)
    reader = read_store(config.ledger)
    try:
        looking = Fsck(reader)
        for done, size in looking.steps():
            _progress("Derived the leaves of", done, size)
    finally:
        reader.close()
    report = looking.report
    checked = check_ledger(
        config.ledger,
        opened_root_keys(config),
        fences=fences_file(config),
        progress=lambda done, size: _progress("Opened", done, size),
    )
    known = {(str(fault.finding), fault.position) for fault in report.faults}
    damages = [one for one in checked.damages if (str(one.finding), one.position) not in known]
    told = [_sentence(fault) for fault in report.faults] + [ledger.sentence(one) for one in damages]
    answer = {
        "ledger_id": str(report.ledger_id),
        "size": report.size,
        "signed": report.signed,
        "findings": [
            {
                "finding": str(one.finding),
                "position": one.position,
                "level": one.level,
                "number": one.number,
            }
            for one in report.faults
        ]
        + [
            {"finding": str(one.finding), "position": one.position, "level": None, "number": None}
            for one in damages
        ],
    }
    if not told:
        show(answer, [_all_well(report)], as_json=as_json)
        return
    left = len(told) - ledger.MOST_TOLD
    show(
        answer,
        [
            f"Ledger {report.ledger_id} is DAMAGED: {len(told)} findings in {report.size:,} entries.",
            *told[: ledger.MOST_TOLD],
            *([f"And {left} more; --json lists them all."] if left > 0 else []),
            LOG_DERIVED if report.only_derived and not damages else ledger.NEXT_STEP,
        ],
        as_json=as_json,
    )
    raise typer.Exit(1)


def _all_well(report: LogReport) -> str:
    return (
        f"Ledger {report.ledger_id}: {report.size:,} entries, each as it was appended; every key opens. "
        f"{report.signed:,} of them are signed for, and lead to the signed root."
    )


def _sentence(fault: LogFault) -> str:
    if fault.position is not None:
        return f"Entry {fault.position}: {ledger.WORDS[fault.finding]}"
    if fault.finding == "TILE":
        return f"Tile {fault.number} of level {fault.level} is not that of the entries."
    return WORDS[fault.finding]


def _progress(what: str, done: int, size: int) -> None:
    if size > 10_000 and (done == size or done % 65_536 < 1000):
        print(f"{what} {done:,} of {size:,} entries.", file=sys.stderr, flush=True)
