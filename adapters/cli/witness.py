"""`oncetold-adapter witness`: cosigns a ledger's checkpoints: its operator alone cannot rewrite it then."""

import ipaddress
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.log import log_settings
from adapters.cli.output import Config, Json, command, interrupt, show
from adapters.cli.pauses import Pauses
from adapters.kit.client import Hub
from adapters.kit.config import Settings, WitnessSettings, load
from adapters.kit.durable import read_kept
from adapters.kit.errors import ConfigInvalid
from adapters.kit.evidence import EvidenceFolder
from adapters.kit.notes import VerifierKey
from adapters.kit.renewal import Renewal
from adapters.witness.comparing import compare
from adapters.witness.dialling import Dialling
from adapters.witness.serving import Server
from adapters.witness.signer import Witness, new_key

DEFAULT = Path("adapter.toml")
LOOPBACK = "127.0.0.1"

commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Cosigns a ledger, so that its operator alone cannot rewrite it.",
)
keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The key that a witness signs with.")
commands.add_typer(keys, name="key")


@command(keys, "new", example="oncetold-adapter witness key new --name north.example/witness")
def new(
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="How the witness is called, like a web address.")
    ],
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Makes the witness's key and prints its public half. Never overwrites one.

    Give the public key to the hub's operator, who authorises it, and to whoever checks proofs.
    """
    public = new_key(_witness(load(config)).folder, name)
    _show_key(public, as_json=as_json)


@command(keys, "show", example="oncetold-adapter witness key show")
def show_key(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Prints the witness's public key."""
    settings = load(config)
    _show_key(Witness(_witness(settings).folder, ()).key, as_json=as_json)


def _show_key(public: VerifierKey, *, as_json: bool) -> None:
    show({"verifier_key": str(public)}, [str(public)], as_json=as_json)


@command(commands, "run", example="oncetold-adapter witness run --config adapter.toml")
def run(
    config: Config = DEFAULT,
    once: Annotated[bool, typer.Option("--once", help="End when there is nothing new to cosign.")] = False,
    as_json: Json = False,
) -> None:
    """Asks the hub for checkpoints and cosigns them until Ctrl-C. Opens no port.

    It waits out a hub that is down. It ends with 1 when the ledger contradicts what it signed before; both
    signed statements are then in the folder `evidence` of the witness's folder.
    """
    settings = load(config)
    witness, ledger = _open(settings), log_settings(settings).rule.log
    signal.signal(signal.SIGTERM, interrupt)
    with Hub.connect(settings.hub) as hub:
        renewal = Renewal(hub, settings.hub, say=Pauses("The certificate."))
        dialling = Dialling(hub, witness, ledger, on_pause=Pauses(), between=renewal)
        try:
            if once:
                while dialling.step(wait_seconds=0):
                    pass
            else:
                dialling.run()
        except KeyboardInterrupt:
            pass  # how it is meant to end; every cosignature that left was kept first
    last = witness.latest(ledger.name)
    size = 0 if last is None else last.size
    sentence = f"{dialling.cosigned} cosignatures handed over; the last one is of {size} entries."
    show({"cosigned": dialling.cosigned, "size": size}, [sentence], as_json=as_json)


@command(commands, "serve", example="oncetold-adapter witness serve --port 8460")
def serve(
    config: Config = DEFAULT,
    host: Annotated[str, typer.Option("--host", help="Where to listen.", show_default=True)] = LOOPBACK,
    port: Annotated[int, typer.Option("--port", help="0 picks a free one.", min=0, max=65535)] = 8460,
    as_json: Json = False,
) -> None:
    """Serves logs that hand in their checkpoints over HTTP (C2SP tlog-witness), until Ctrl-C.

    For the ledger of [log] and those in witness.logs. To be reached from elsewhere, put a web server with TLS
    in front of it.
    """
    if not is_loopback(host):
        raise ConfigInvalid(["--host must be this computer's own (127.0.0.1 or ::1): it speaks in clear."])
    signal.signal(signal.SIGTERM, interrupt)
    try:
        server = Server(_open(load(config)), host, port)
    except OSError:
        raise ConfigInvalid([f"{host}:{port} cannot be listened on; is another witness running?"]) from None
    place = f"http://{host}:{server.server_address[1]}/"
    show({"listening": place}, [f"Serving at {place}add-checkpoint"], as_json=as_json)
    try:
        with server:
            server.serve_forever()
    except KeyboardInterrupt:
        pass  # how it is meant to end; every cosignature that left was kept first


@command(commands, "compare", example="oncetold-adapter witness compare ours.checkpoint theirs.checkpoint")
def compare_two(
    first: Annotated[Path, typer.Argument(metavar="A", help="A checkpoint that one witness keeps.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="A checkpoint that another one keeps.")],
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Tells whether two witnesses were shown the same ledger. Exchange checkpoints now and then, by mail say.

    The file is the one that ends in `.checkpoint` in a witness's folder. If the ledger showed two faces, both
    are kept as evidence beside log.state_file, and the exit code is 1.
    """
    settings = load(config)
    log = log_settings(settings)
    with Hub.connect(settings.hub) as hub:
        folder = EvidenceFolder(log.state_file.parent / "evidence")
        older, newer = compare(hub, log.rule.log, _note(first), _note(second), folder)
    said = f"One ledger: the {older.size} entries are the beginning of the {newer.size}."
    show({"older": older.size, "newer": newer.size, "consistent": True}, [said], as_json=as_json)


def _note(path: Path) -> bytes:
    kept = read_kept(path)
    if kept is None:
        raise ConfigInvalid([f"There is no file {path.name}."])
    return kept


def _open(settings: Settings, now: Callable[[], float] = time.time) -> Witness:
    witness = _witness(settings)
    return Witness(witness.folder, (log_settings(settings).rule.log, *witness.logs), now=now)


def _witness(settings: Settings) -> WitnessSettings:
    if settings.witness is None:
        raise ConfigInvalid(["[witness] is missing: say where the witness keeps its key."])
    return settings.witness


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
