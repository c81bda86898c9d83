"""`oncetold serve` and `clock`: the hub itself."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.command import Json, command, data_folder, group
from hub.cli.connection import ask, no_hub, run
from hub.cli.output import console, moment, show
from hub.cli.stopping import Stopping
from hub.config import Config, check_telemetry, read_config
from hub.logs import configure_logs
from oncetold.v1.operator_service_pb2 import AcceptClockRequest

log = logging.getLogger(__name__)
clock = group("clock", "The hub's clock.")

FOUNDING = (
    "This hub is being founded: one person can change agencies, keys and policy alone. Before real people's "
    "data come in, enrol two administrators: oncetold admin enrol --help"
)

Listen = Annotated[
    str, typer.Option(metavar="HOST:PORT", help="Where adapters connect; port 0 picks a free one.")
]


def register(app: typer.Typer) -> None:
    """Adds `serve`."""
    command(app, "serve", example="oncetold --data ./hub serve")(serve)


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
    # Ahead of the signals: until this is loaded, which takes seconds, one of them ends the process at once.
    import hub.bootstrap  # noqa: F401

    stopping = Stopping()
    try:
        await _serve_until(stopping, config, as_json=as_json)
    except asyncio.CancelledError:
        if not stopping.is_told:
            raise
        log.info("stopped before it served", extra={"event": "STOPPING"})


async def _serve_until(stopping: Stopping, config: Config, *, as_json: bool) -> None:
    from hub.bootstrap import running_hub, settle_to_serve

    def progress(done: int, size: int) -> None:
        if config.log.format == "json":
            fields = {"entries": done, "of": size}
            log.info("reading the ledger", extra={"event": "READING_LEDGER", "fields": fields})
        else:
            print(f"Reading the ledger: {done} of {size} entries.", file=sys.stderr, flush=True)

    async with running_hub(config, progress=progress) as running:
        settle_to_serve()
        stopping.started()
        host = config.listen.rpartition(":")[0]
        told = {
            "address": f"{host}:{running.port}",
            "ledger_id": str(running.hub.ledger.ledger_id),
            "socket": str(config.admin_socket),
        }
        if running.enrolment_port is not None:
            told["door"] = f"{config.enrolment.listen.rpartition(':')[0]}:{running.enrolment_port}"
        if running.metrics_port is not None:
            told["metrics"] = f"{config.telemetry.prometheus.rpartition(':')[0]}:{running.metrics_port}"
        if as_json:
            print(json.dumps(told, sort_keys=True), flush=True)
        else:
            print(f"Serving {told['address']}, ledger {told['ledger_id']}. Ctrl-C stops.", flush=True)
        if not running.hub.projector.index.administration.founded:
            log.warning(FOUNDING, extra={"event": "BEING_FOUNDED"})
            if not as_json:
                print(FOUNDING, flush=True)
        log.info("serving", extra={"event": "SERVING"})
        await stopping.wait()
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
