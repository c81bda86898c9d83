"""`oncetold wind-down`: a hub is wound up, and nobody is left with less than the law lets them keep."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.commands.erase import Yes, confirmed
from hub.cli.connection import no_hub, run
from hub.cli.errors import BadFile, Misused
from hub.cli.output import show
from hub.config import Config, read_config

if TYPE_CHECKING:
    from consent_ledger.ledger import Ledger

README = """{name}: your copy of what this hub held for you, {day}
{rule}

own.jsonl        Everything that your agency recorded through the hub, as it last was.
permitted.jsonl  What other agencies told and your agency may use at this moment, and for what.
SHA256SUMS       Checksums of both: `sha256sum --check SHA256SUMS` says whether they are whole.

Both are text: one record a line, each line a JSON object. Any spreadsheet, database or programming language
reads them; no software of ours is needed. Times are in UTC.

From now on your agency answers for this copy alone. Keep it as you keep your own records, use what others
told you for the purposes that stand beside it and no others, and erase it when your agreement says so. What
people decide from now on, this hub can tell you no more: ask them.
"""


@dataclass(frozen=True)
class Copied:
    """What one agency got."""

    agency_id: str
    own: int
    permitted: int


def register(app: typer.Typer) -> None:
    """Adds `wind-down` to the program."""
    command(app, "wind-down", example="oncetold --data ./hub wind-down ./copies --rehearse")(wind_down)


def wind_down(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or one to be made.")],
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Write everything, and destroy no key.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Ends a hub for good: each agency's lawful copy, the whole log, then the keys are destroyed.

    The hub must be stopped. Each agency gets a folder: its own records and what it is permitted now, as files
    that read without this program. The log stays checkable for ever; without keys nobody reads the database.
    Where two people administer the hub, both say so first, a rehearsal too: oncetold admin allow-wind-down
    """
    data = data_folder(context)
    config = read_config(data)
    if not config.has_ledger():
        raise no_hub(data)
    if as_json and not (rehearse or yes):
        raise Misused(
            "Nobody is there to be asked.", "Add --yes, or rehearse it: --rehearse", reason="NOT_CONFIRMED"
        )
    _made(folder)
    copies, size, objects = run(lambda: _copied(config, folder, destroying=not rehearse))
    _export(config, folder / "log")
    answer: dict[str, Any] = {
        "folder": str(folder),
        "size": size,
        "agencies": [vars(one) for one in copies],
        "keys_destroyed": False,
    }
    told = [
        *(f"{one.agency_id}: {one.own} of its own, {one.permitted} of others'." for one in copies),
        f"The whole log, {size} entries, is in {folder / 'log'}: oncetold ledger verify {folder / 'log'}",
    ]
    if rehearse:
        told.append("This was a rehearsal: no key is destroyed, and the hub can go on.")
        show(answer, told, as_json=as_json)
        return
    if not as_json:
        told.append("Hand each agency its folder, and have it say that it can read it.")
        show({}, told, as_json=False)
    if not (yes or confirmed("Destroy the keys now? Nothing that this hub holds can be read ever after.")):
        show({}, ["No key is destroyed, and the hub can go on."], as_json=False)
        raise typer.Exit(1)
    left = _destroyed(config, objects)
    show({**answer, "keys_destroyed": True}, left, as_json=as_json)


def _made(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadFile(str(folder), "", "is not empty", "Name a folder that is.")
    except OSError as error:
        raise BadFile(
            str(folder), "", f"cannot be made ({error.strerror or 'unknown cause'})", "Name another folder."
        ) from None


async def _copied(config: Config, folder: Path, *, destroying: bool) -> tuple[list[Copied], int, list[bytes]]:
    # The hub's code is slow to load, and most commands do without it.
    from hub.bootstrap import running_hub
    from hub.use_cases.administration import require_wind_down
    from hub.use_cases.wind_down import own_records, permitted, taking_part
    from hub.use_cases.work import Caller

    async with running_hub(config, adapters=False) as running:
        hub = running.hub
        await hub.execute(require_wind_down, Caller(agency_id=None, operator=True))
        copies = []
        for agency_id, name in await taking_part(hub):
            own = folder / agency_id
            own.mkdir(mode=0o700)
            copies.append(
                Copied(
                    agency_id,
                    await _written(own / "own.jsonl", own_records(hub, agency_id)),
                    await _written(own / "permitted.jsonl", permitted(hub, agency_id)),
                )
            )
            day = f"{datetime.now(UTC):%d %B %Y}"
            rule = "=" * (len(name) + len(day) + 47)
            _write(own / "README.txt", README.format(name=name, day=day, rule=rule).encode())
            sums = (f"{_sum(own / one)}  {one}\n" for one in ("own.jsonl", "permitted.jsonl"))
            _write(own / "SHA256SUMS", "".join(sums).encode())
        objects = await _objects(hub.ledger) if destroying else []
        size = await hub.ledger.run(lambda transaction: transaction.size)
        await hub.log.checkpoint(size, timedelta(seconds=30), cosigned=False)
        return copies, size, objects


async def _objects(ledger: Ledger) -> list[bytes]:
    """What every key hangs from at its provider's. A change of epochs that is under way, or due, is ended."""
    older = await ledger.run(lambda transaction: transaction.epochs.hangs_from_root)
    progress = await ledger.run(lambda transaction: transaction.epochs.advance(force=older))
    while progress.remaining:
        progress = await ledger.run(lambda transaction: transaction.epochs.advance())
    return await ledger.run(lambda transaction: transaction.epochs.objects())


async def _written(path: Path, rows: AsyncIterator[dict[str, Any]]) -> int:
    """One line for each row, synced; how many."""
    count = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        async for row in rows:
            out.write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")
            count += 1
        out.flush()
        os.fsync(out.fileno())
    return count


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _sum(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _export(config: Config, folder: Path) -> None:
    from consent_ledger.log.export import export_log
    from consent_ledger.log.stored import StoredLog
    from consent_ledger.store import read_store

    reader = read_store(config.ledger)
    try:
        export_log(StoredLog(reader), folder)
    finally:
        reader.close()


def _destroyed(config: Config, objects: list[bytes]) -> list[str]:
    """Destroys the provider's objects that every key hangs from. What remains, and what is left to do."""
    from hub.root_keys import opened_root_keys

    root = opened_root_keys(config)
    gone = max(root.destroy(one) for one in objects)
    told = [
        f"The keys are destroyed, beyond recovery from {gone:%d %B %Y} on. The database reads as noise.",
        "What remains: the copies that you handed out, the log and its proofs, and the ciphertext.",
        "Until copies of the keys that you made yourselves are gone too, destroy those backups.",
    ]
    if config.keys.provider == "file":
        told.append(f"The root key file {config.root_key} opens nothing of anybody any more: delete it.")
    else:
        told.append(f"At the keys' provider delete the root object {config.keys.name!r}: nothing needs it.")
    return told
