"""`oncetold ledger upgrade`: the tables of an earlier version, brought up to this one's."""

from __future__ import annotations

import sys

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.commands.ledger import commands
from hub.cli.connection import no_hub
from hub.cli.output import show
from hub.config import read_config


def register() -> None:
    """Adds `ledger upgrade`."""
    command(commands, "upgrade", example="oncetold --data ./hub ledger upgrade")(upgrade)


def upgrade(context: typer.Context, as_json: Json = False) -> None:
    """Brings a ledger that an earlier version made up to this version. Stop every hub, make a backup first.

    No entry is changed. What is interrupted is undone; run it again. A ledger of this version is left alone.
    """
    # The ledger's code is slow to load, and most commands do without it.
    from consent_ledger.store import upgrade_store

    data = data_folder(context)
    config = read_config(data)
    if not config.has_ledger():
        raise no_hub(data)
    before, after = upgrade_store(config.ledger, _progress)
    sentence = (
        f"The ledger is of layout {after} already; there is nothing to do."
        if before == after
        else f"The ledger is of layout {after} now; it was {before}. No entry was changed."
    )
    show({"before": before, "after": after}, [sentence], as_json=as_json)


def _progress(reached: int, last: int) -> None:
    print(f"Layout {reached} of {last} is done.", file=sys.stderr, flush=True)
