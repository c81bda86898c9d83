"""`oncetold ledger new-origin`: how a restored ledger goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.commands.ledger import commands
from hub.cli.connection import no_hub, run
from hub.cli.errors import BadFile
from hub.cli.output import show
from hub.config import Config, read_config

if TYPE_CHECKING:
    from consent_ledger.log.note import VerifierKey

LARGEST = 64 * 1024


def register() -> None:
    """Adds the command to `oncetold ledger`."""
    command(commands, "new-origin", example="oncetold --data ./hub ledger new-origin")(new_origin)


def new_origin(
    context: typer.Context,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="The last checkpoint that a witness kept. Unset: the hub's own file."),
    ] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Nobody kept a checkpoint; say so in the ledger.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Lets a ledger that was restored from an older backup go on, under a new name. The hub must be stopped.

    Only when the newest database is lost for good: entries after the backup stay lost, withdrawals among
    them. The first entry says what was signed last before. Then tell every agency, and give witnesses and
    auditors the new key that is printed.
    """
    config = read_config(data_folder(context))
    if not config.has_ledger():
        raise no_hub(config.data)
    key = run(lambda: _begun(config, checkpoint, unknown))
    show(
        {"origin": key.name, "verifier_key": str(key)},
        [f"The ledger goes on as {key.name}.", "Its public key, for witnesses and auditors:", str(key)],
        as_json=as_json,
    )


async def _begun(config: Config, checkpoint: Path | None, unknown: bool) -> VerifierKey:
    # The ledger's code is slow to load, and most commands do without it.
    from consent_ledger.clock import SystemClock
    from hub.root_keys import open_hubs_ledger
    from hub.use_cases.new_origin import begin_new_origin

    witnessed = None
    if checkpoint is not None:
        try:
            with checkpoint.open("rb") as file:
                witnessed = file.read(LARGEST + 1)
        except OSError as error:
            cause = error.strerror or "unknown cause"
            raise BadFile(str(checkpoint), "", f"cannot be read ({cause})", "Check the path.") from None
    ledger = open_hubs_ledger(config, SystemClock())
    try:
        return await begin_new_origin(ledger, config.checkpoint_file, witnessed=witnessed, unknown=unknown)
    finally:
        ledger.close()
