"""`oncetold init`: makes a hub, and hands out the two codes by which two people found it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.commands.operate import Listen
from hub.cli.connection import run
from hub.cli.errors import Misused
from hub.cli.output import show
from hub.config import FILE_NAME, Config, read_config, write_config

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


class Founding(NamedTuple):
    """What is shown once, and to whoever holds the hub's lease alone."""

    ledger_id: UUID
    verifier_key: str
    codes: list[str]
    until: datetime
    founded: bool
    """Whether two people were enrolled once, and somebody new takes one's place now."""

    def told(self) -> list[str]:
        """The codes, and what they are for."""
        replacing = "Whoever takes the place of one who left gets one of these codes"
        who = replacing if self.founded else "Two people run a hub. Each gets one of these codes"
        told = [
            f"{who}, good once, until {self.until:%H:%M} UTC:",
            *(f"    {code}" for code in self.codes),
            "They type it at this machine: oncetold admin enrol NAME",
        ]
        alone = "Until both have, one person can change agencies, keys and policy alone."
        return told if self.founded else [*told, alone]

    def as_json(self) -> dict[str, object]:
        """The same for a program."""
        from consent_ledger.administration import fingerprint

        return {
            "ledger_id": str(self.ledger_id),
            "verifier_key": self.verifier_key,
            "fingerprint": fingerprint(self.verifier_key),
            "administrator_codes": self.codes,
            "codes_until": self.until.isoformat(timespec="seconds"),
        }


def register(app: typer.Typer) -> None:
    """Adds `init`."""
    command(app, "init", example="oncetold --data ./hub init")(init)


def init(context: typer.Context, listen: Listen = "", as_json: Json = False) -> None:
    """Makes a hub in the data folder: an empty ledger, its root key, and codes for its two administrators."""
    # The ledger's code is slow to load, and most commands do without it.
    from hub.bootstrap import create_hub

    data = data_folder(context)
    config = read_config(data)
    config = replace(config, listen=listen) if listen else config
    try:
        create_hub(config)
        if not (data / FILE_NAME).exists():
            write_config(config)
    except OSError as error:
        raise Misused(
            f"No hub can be made in {data} ({error.strerror or 'unknown cause'}).",
            "Name a folder that you may write to.",
            reason="NOT_WRITABLE",
        ) from None
    founding = run(lambda: issued(config))
    told = founding.as_json()
    root_key = str(config.root_key) if config.keys.provider == "file" else None
    show(
        {"data": str(data), "root_key": root_key, **told},
        [
            f"Ledger {founding.ledger_id} is made in {data}.",
            f"Its fingerprint, for whoever has to know it again: {told['fingerprint']}",
            f"Whoever holds {config.root_key} can read it. Keep a copy elsewhere: without it nothing opens."
            if config.keys.provider == "file"
            else f"Its root key stays with the provider ({config.keys.provider}), called {config.keys.name}.",
            *founding.told(),
            "Next: oncetold dev-pki --help, then oncetold serve --help",
        ],
        as_json=as_json,
    )


async def issued(config: Config) -> Founding:
    """A new pair of codes, from the hub opened here. Raises LedgerInUse while another process holds it, and
    Refused (`DECISION_STATE`) once two administer it."""
    from hub.bootstrap import running_hub
    from hub.use_cases.administration import issue_codes
    from hub.use_cases.work import Caller

    async with running_hub(config, adapters=False) as running:
        ledger_id = running.hub.ledger.ledger_id
        operator = Caller(agency_id=None, operator=True)
        codes, until, key = await running.hub.execute(issue_codes, operator, ledger_id=ledger_id)
        founded = running.hub.projector.index.administration.founded
    return Founding(ledger_id, str(key), codes, until, founded)
