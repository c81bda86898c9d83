"""`oncetold ledger`: is what is stored still what was appended?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from hub.cli.command import Json, command, data_folder, group
from hub.cli.connection import no_hub, run
from hub.cli.output import show
from hub.config import Config, read_config

if TYPE_CHECKING:
    from consent_ledger.check import Damage

commands = group("ledger", "The ledger itself.")

MOST_TOLD = 20
WORDS = {
    "ALTERED": "its stored bytes are not those that were appended.",
    "MISSING": "it is missing.",
    "UNREADABLE": "the disk or the database file does not give it.",
    "KEY": "a key that it was sealed with is missing or altered, so nobody can read it.",
    "SPARE_KEY": "a further key to it is damaged; it can still be read.",
    "STRUCTURE": "its trees and indexes do not agree.",
    "HEAD": "its stored size, or the last position that changed decisions, does not fit its entries.",
}
NEXT_STEP = (
    "What to do: stop the hub and keep a copy of this folder as it is. Bring back the newest backup into an "
    "empty folder, check it with this command, and start the hub there. Never delete or repair an entry by "
    "hand: it may be somebody's withdrawal."
)

DERIVED_ONLY = (
    "What to do: every entry is whole, so only what is derived from them may be wrong. Stop the hub, run "
    "`oncetold ledger rebuild`, and check again. If this is still said, restore the newest backup into an "
    "empty folder."
)


@command(commands, "check", example="oncetold --data ./hub ledger check")
def check(context: typer.Context, as_json: Json = False) -> None:
    """Reads the whole ledger and tells whether every entry is as it was appended, and every key opens.

    A hub may go on running meanwhile. Nothing is changed. Exit codes: 0 all is well, 1 damage was found, 2
    the check itself cannot be made.
    """
    # The ledger's code is slow to load, and most commands do without it.
    from consent_ledger.check import check_ledger
    from hub.root_keys import fences_file, opened_root_keys

    data = data_folder(context)
    config = read_config(data)
    if not config.has_ledger():
        raise no_hub(data)
    report = check_ledger(
        config.ledger, opened_root_keys(config), fences=fences_file(config), progress=_progress
    )
    answer = {
        "ledger_id": str(report.ledger_id),
        "size": report.size,
        "damages": [{"finding": str(one.finding), "position": one.position} for one in report.damages],
    }
    if not report.damages:
        well = f"Ledger {report.ledger_id}: {report.size} entries, each as it was appended; every key opens."
        show(answer, [well], as_json=as_json)
        return
    told = [sentence(one) for one in report.damages[:MOST_TOLD]]
    left = len(report.damages) - len(told)
    show(
        answer,
        [
            f"Ledger {report.ledger_id} is DAMAGED: {len(report.damages)} findings in {report.size} entries.",
            *told,
            *([f"And {left} more; --json lists them all."] if left else []),
            DERIVED_ONLY if {one.finding for one in report.damages} == {"STRUCTURE"} else NEXT_STEP,
        ],
        as_json=as_json,
    )
    raise typer.Exit(1)


@command(commands, "rebuild", example="oncetold --data ./hub ledger rebuild")
def rebuild(context: typer.Context, as_json: Json = False) -> None:
    """Makes everything that is derived from the entries anew. The hub must be stopped; no entry is changed.

    A hub that meets a damaged derived cell does this by itself; this is for damage that it cannot meet.
    """
    data = data_folder(context)
    config = read_config(data)
    if not config.has_ledger():
        raise no_hub(data)
    size = run(lambda: _rebuilt(config))
    show({"size": size}, [f"Everything derived from {size} entries is made anew."], as_json=as_json)


async def _rebuilt(config: Config) -> int:
    # The ledger's code is slow to load, and most commands do without it.
    from consent_ledger.clock import SystemClock
    from hub.root_keys import open_hubs_ledger
    from hub.use_cases.hub import Hub

    ledger = open_hubs_ledger(config, SystemClock())
    try:
        hub = Hub(ledger, progress=_progress)
        await hub.rebuild()
        await hub.stop()
        return hub.projector.index.position
    finally:
        ledger.close()


def sentence(damage: Damage) -> str:
    """One thing that is wrong, in words."""
    if damage.position is not None:
        return f"Entry {damage.position}: {WORDS[damage.finding]}"
    if damage.finding == "STRUCTURE":
        return f"The database file: {WORDS[damage.finding]}"
    if damage.finding == "SPARE_KEY":
        return "The key table: a key does not open."
    return f"The ledger's head: {WORDS[damage.finding]}"


def _progress(done: int, size: int) -> None:
    if size > 1000:
        print(f"Read {done} of {size} entries.", file=sys.stderr, flush=True)
