"""`oncetold init`, `serve` and `clock`: the hub itself."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.command import Json, command, data_folder, group
from hub.cli.connection import ask, no_hub, run
from hub.cli.errors import Misused
from hub.cli.output import console, moment, show
from hub.config import FILE_NAME, Config, check_telemetry, read_config, write_config
from hub.logs import configure_logs
from oncetold.v1.audit_service_pb2 import GetLedgerRequest
from oncetold.v1.operator_service_pb2 import AcceptClockRequest

log = logging.getLogger(__name__)
clock = group("clock", "The hub's clock.")

Listen = Annotated[
    str, typer.Option(metavar="HOST:PORT", help="Where adapters connect; port 0 picks a free one.")
]


def register(app: typer.Typer) -> None:
    """Adds `init` and `serve`."""
    command(app, "init", example="oncetold --data ./hub init")(init)
    command(app, "serve", example="oncetold --data ./hub serve")(serve)


def init(context: typer.Context, listen: Listen = "", as_json: Json = False) -> None:
    """Makes a hub in the data folder: an empty ledger and its root key."""
    # The ledger's code is slow to load, and most commands do without it.
    from hub.bootstrap import create_hub

    data = data_folder(context)
    config = _config(data, listen)
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
    ledger = ask(data, lambda hub: hub.audit.GetLedger, GetLedgerRequest())
    root_key = str(config.root_key) if config.keys.provider == "file" else None
    show(
        {"data": str(data), "ledger_id": ledger.ledger_id, "root_key": root_key},
        [
            f"Ledger {ledger.ledger_id} is made in {data}.",
            f"Whoever holds {config.root_key} can read it. Keep a copy elsewhere: without it nothing opens."
            if config.keys.provider == "file"
            else f"Its root key stays with the provider ({config.keys.provider}), called {config.keys.name}.",
            "Next: oncetold dev-pki --help, then oncetold serve --help",
        ],
        as_json=as_json,
    )


def serve(
    context: typer.Context,
    listen: Listen = "",
    prometheus: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve figures for Prometheus there; none about anybody.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Serves adapters until Ctrl-C or SIGTERM; calls under way may finish."""
    data = data_folder(context)
    config = _config(data, listen)
    if prometheus:
        asked = replace(config.telemetry, prometheus=prometheus)
        config = replace(config, telemetry=check_telemetry(asked))
    if not config.has_ledger():
        raise no_hub(data)
    configure_logs(as_json=config.log.format == "json", level=config.log.level)
    run(lambda: _serve(config, as_json=as_json))


async def _serve(config: Config, *, as_json: bool) -> None:
    from hub.bootstrap import running_hub, spare_the_collector

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def progress(done: int, size: int) -> None:
        if config.log.format == "json":
            fields = {"entries": done, "of": size}
            log.info("reading the ledger", extra={"event": "READING_LEDGER", "fields": fields})
        else:
            print(f"Reading the ledger: {done} of {size} entries.", file=sys.stderr, flush=True)

    async with running_hub(config, progress=progress) as running:
        spare_the_collector()
        host = config.listen.rpartition(":")[0]
        told = {
            "address": f"{host}:{running.port}",
            "ledger_id": str(running.hub.ledger.ledger_id),
            "socket": str(config.admin_socket),
        }
        if running.metrics_port is not None:
            told["metrics"] = f"{config.telemetry.prometheus.rpartition(':')[0]}:{running.metrics_port}"
        if as_json:
            print(json.dumps(told, sort_keys=True), flush=True)
        else:
            print(f"Serving {told['address']}, ledger {told['ledger_id']}. Ctrl-C stops.", flush=True)
        log.info("serving", extra={"event": "SERVING"})
        await stop.wait()
        log.info("stopping", extra={"event": "STOPPING"})
        if not as_json:
            console().print("Stopping: calls under way may finish.")


@command(clock, "accept", example="oncetold --data ./hub clock accept")
def accept(context: typer.Context, as_json: Json = False) -> None:
    """Tells the hub that the machine's time is right after a real change. Until then it shares nothing."""
    answer = ask(data_folder(context), lambda hub: hub.operator.AcceptClock, AcceptClockRequest())
    time = moment(answer.hub_time)
    show(
        {"hub_time": time, "in_doubt": answer.in_doubt},
        [
            f"The hub's time is {time}, before its last entry: it goes on once that time has passed."
            if answer.in_doubt
            else f"The hub goes on with {time}."
        ],
        as_json=as_json,
    )


def _config(data: Path, listen: str) -> Config:
    config = read_config(data)
    return replace(config, listen=listen) if listen else config
