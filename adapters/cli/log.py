"""`oncetold-adapter log`: is the ledger still the one that it was, and is this entry in it?"""

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.output import Config, Json, command, show
from adapters.cli.pauses import Pauses
from adapters.kit.client import Hub
from adapters.kit.config import LogSettings, Settings, load
from adapters.kit.durable import read_kept, write_durably
from adapters.kit.errors import AdapterError, ConfigInvalid
from adapters.kit.evidence import NOT_CONSISTENT, RAN_BACK, Evidence, EvidenceFolder, check
from adapters.kit.log_watcher import LogWatcher
from adapters.kit.notes import VerifierKey
from oncetold.v1.common_pb2 import LedgerPosition

DEFAULT = Path("adapter.toml")
EVERY_SECONDS = 600.0
"""So often an adapter that receives looks at the ledger."""
SHOWN = {
    RAN_BACK: "the ledger signed the larger size and, by the keeper's word, showed the smaller one later. Ask"
    " its operator to prove that the smaller is the beginning of the larger: it cannot if it was cut back.",
    NOT_CONSISTENT: "the ledger signed both and did not prove that one continues the other. Ask its operator"
    " for that proof: there is none if the ledger was altered.",
}
PROVEN = (
    "the ledger signed both, and both cannot be true: its past was altered. Nobody's word is needed for this."
)

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The ledger, checked from outside.")


@command(commands, "look", example="oncetold-adapter log look")
def look(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Asks for the ledger's newest checkpoint and checks that it continues the last one seen.

    Exit code 1 if it does not; what the ledger signed then and now is kept in the folder `evidence`.
    """
    settings = load(config)
    log = log_settings(settings)
    with Hub.connect(settings.hub) as hub:
        seen = LogWatcher(hub, log.rule, log.state_file).look()
    cosigners = sorted(key.name for key in seen.note.cosigners(log.rule.witnesses))
    said = f"The ledger holds {seen.size} entries and continues what was seen before. Cosigned by: "
    show(
        {"origin": seen.origin, "size": seen.size, "cosigners": cosigners},
        [said + (", ".join(cosigners) or "nobody whom you named") + "."],
        as_json=as_json,
    )


@command(commands, "prove", example="oncetold-adapter log prove 4711 --out proofs")
def prove(
    position: Annotated[int, typer.Argument(metavar="POSITION", help="An entry's position.", min=1)],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to put the files.")] = Path(),
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Gets and checks the proof that an entry is in the ledger: POSITION.tlog-proof, and POSITION.leaf.

    Keep both: they can be checked for ever, by anybody, without the hub.
    """
    settings = load(config)
    log = log_settings(settings)
    with Hub.connect(settings.hub) as hub:
        watcher = LogWatcher(hub, log.rule, log.state_file)
        names = write_proof(watcher, LedgerPosition(ledger_id=ledger_of(log.rule.log), index=position), out)
    show({"written": names}, [f"Entry {position} is in the ledger: {', '.join(names)}."], as_json=as_json)


@command(commands, "evidence", example="oncetold-adapter log evidence two-roots.evidence --json")
def evidence(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What an adapter or a witness kept.")],
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Checks evidence that somebody kept against this ledger, without the hub and without believing them."""
    kept = read_kept(file)
    if kept is None:
        raise ConfigInvalid([f"There is no file {file.name}."])
    found = check(Evidence.parse(kept), log_settings(load(config)).rule.log)
    proven = found not in SHOWN
    show({"shows": found, "proven": proven}, [f"{found}: {SHOWN.get(found, PROVEN)}"], as_json=as_json)


def write_proof(watcher: LogWatcher, position: LedgerPosition, out: Path) -> list[str]:
    """Gets the proof of an entry, checks it and writes it down. The files' names."""
    proof, entry = watcher.prove(position)
    files = {out / f"{position.index}.tlog-proof": proof, out / f"{position.index}.leaf": entry}
    for path, content in files.items():
        write_durably(path, content)
    return [path.name for path in files]


def write_proofs(hub: Hub, settings: Settings, positions: Iterable[LedgerPosition], out: Path) -> None:
    """The proofs of many entries. ConfigInvalid without `[log]`."""
    log = log_settings(settings)
    watcher = LogWatcher(hub, log.rule, log.state_file)
    for position in positions:
        write_proof(watcher, position, out)


class Watching:
    """Looks at the ledger now and then while an adapter receives. It never stops that.

    Somebody's withdrawal may be next, and it has to be carried out whatever became of the ledger. What is
    found is said at once, and by `status` for as long as the evidence lies there.
    """

    def __init__(self, hub: Hub, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._watcher = (
            LogWatcher(hub, settings.log.rule, settings.log.state_file) if settings.log is not None else None
        )
        self._monotonic = monotonic
        self._next = monotonic()
        self._say = Pauses("The ledger.")

    def __call__(self) -> None:
        if self._watcher is None or self._monotonic() < self._next:
            return
        self._next = self._monotonic() + EVERY_SECONDS
        try:
            self._watcher.look()
        except AdapterError as error:
            self._say(error)


def evidence_kept(settings: Settings) -> list[str]:
    """Names of the evidence that waits for a person."""
    folders = [settings.log.state_file.parent] if settings.log is not None else []
    folders += [settings.witness.folder] if settings.witness is not None else []
    found = {path.name for folder in folders for path in EvidenceFolder(folder / "evidence").files()}
    return sorted(found)


def ledger_of(key: VerifierKey) -> str:
    """The ledger's id in the name of its key, `oncetold.org/ledger/<id>` or, after a new beginning, `…/2`."""
    found = re.fullmatch(r"oncetold\.org/ledger/([0-9a-f-]{36})(?:/[0-9]+)?", key.name)
    if found is None:
        raise ConfigInvalid(["log.key is not the key of a OnceTold ledger."])
    return found[1]


def log_settings(settings: Settings) -> LogSettings:
    """The `[log]` of a configuration. ConfigInvalid without one."""
    if settings.log is None:
        raise ConfigInvalid(
            ["[log] is missing: log.key is the ledger's public key, from the hub's operator."]
        )
    return settings.log
