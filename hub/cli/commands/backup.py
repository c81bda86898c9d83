"""`oncetold backup` and `oncetold restore`: a copy of the ledger, and the way back from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.connection import no_hub
from hub.cli.output import show
from hub.config import Config, read_config

if TYPE_CHECKING:
    from consent_ledger.backup import Manifest


def register(app: typer.Typer) -> None:
    """Adds `backup` and `restore`."""
    command(app, "backup", example="oncetold --data ./hub backup /backups/2026-03-02")(backup)
    command(app, "restore", example="oncetold --data ./new-hub restore /backups/2026-03-02")(restore)


def backup(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or one to be made.")],
    as_json: Json = False,
) -> None:
    """Copies the ledger into a folder, beside a hub that may be running. Each entry is checked meanwhile.

    The copy holds no root key. Keep its two files apart: ledger.db as long as you like; keys.db no longer
    than keys.key_backup_days in hub.toml, because what was erased is gone for good only when no old keys.db
    is left. After each key epoch (30 days) take another backup: older ones open no more.
    """
    # The ledger's code is slow to load, and most commands do without it.
    from datetime import UTC, datetime

    from consent_ledger.backup import make_backup
    from hub.root_keys import opened_root_keys

    data = data_folder(context)
    config = read_config(data)
    if not config.has_ledger():
        raise no_hub(data)
    now = datetime.now(UTC)
    made = make_backup(config.ledger, opened_root_keys(config), folder, now, progress=_progress)
    show(
        _told(made, folder),
        [
            f"Ledger {made.ledger_id}: {made.size} entries are copied to {folder}, each as it was appended.",
            "Keep ledger.db and keys.db in different places, and the root key in a third.",
            f"Copy {config.data / 'fences'} and {config.checkpoint_file} too, after each erasure and every "
            "day: a restore asks for their newest copies.",
        ],
        as_json=as_json,
    )


def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The backup's folder.")],
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The backup's keys.db, if it was kept elsewhere.")
    ] = None,
    fences_end: Annotated[
        int | None,
        typer.Option(
            metavar="ENTRY",
            help="Accept that the file of destroyed keys ends at this entry, if none is newer.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Makes the ledger of a backup where hub.toml says the ledger is: a file, or a PostgreSQL database.

    The data folder holds no ledger yet. Put into it first: hub.toml, the root key (root.key and
    root.key.epochs) unless a provider keeps it, the newest copies of `fences` and of the last checkpoint.
    Nothing is written unless it is sure that nothing erased comes back.
    """
    # The ledger's code is slow to load, and most commands do without it.
    from consent_ledger.backup import Gate, read_manifest, restore_backup
    from consent_ledger.clock import SystemClock
    from hub.root_keys import fences_file, open_hubs_ledger, opened_root_keys

    data = data_folder(context)
    config = read_config(data)
    manifest = read_manifest(folder)
    seen = _seen(config, manifest.ledger_id)
    # An empty ledger's backup holds nothing that could have been erased since.
    gate = Gate(fences_file(config), seen if seen is not None or manifest.size else 0, fences_end)
    made = restore_backup(
        folder, config.ledger, opened_root_keys(config), gate, keys=keys, progress=_progress
    )
    # Opened once: what the fences name is destroyed in it before anybody asks.
    open_hubs_ledger(config, SystemClock()).close()
    behind = max(0, (seen or 0) - made.size)
    show(
        {**_told(made, folder), "behind": behind},
        [
            f"Ledger {made.ledger_id} is restored: {made.size} entries, as they were on {made.made}.",
            f"{behind} entries that came after the backup are not in it, withdrawals perhaps among them. "
            "Next: oncetold ledger new-origin --help, then tell every agency before you serve."
            if behind
            else "Next: oncetold ledger check, then oncetold serve. Adapters say what they hold.",
        ],
        as_json=as_json,
    )


def _seen(config: Config, ledger_id: str) -> int | None:
    """How long the ledger was at the last checkpoint that is kept outside it; None if none is here."""
    from consent_ledger.errors import BackupRefused, ProofRefused
    from consent_ledger.log.checkpoint import Checkpoint
    from consent_ledger.log.gate import read_checkpoint_file
    from consent_ledger.log.note import Note

    kept = read_checkpoint_file(config.checkpoint_file)
    if kept is None:
        return None
    try:
        checkpoint = Checkpoint.parse(Note.parse(kept).text)
    except ProofRefused as error:
        raise BackupRefused("the last checkpoint's file is damaged", error.next_step) from None
    if ledger_id not in checkpoint.origin:
        raise BackupRefused(
            "the last checkpoint's file is another ledger's", "Put the right one into the data folder."
        )
    return checkpoint.size


def _told(made: Manifest, folder: Path) -> dict[str, object]:
    return {"folder": str(folder), "ledger_id": made.ledger_id, "size": made.size, "root": made.root}


def _progress(done: int, size: int) -> None:
    if size > 1000:
        print(f"{done} of {size} entries.", file=sys.stderr, flush=True)
