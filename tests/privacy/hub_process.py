"""A hub in a process of its own that says all it can say, and fails where it is told to.

Every logger is at DEBUG, gRPC's own included. Some calls raise errors that hold what was sent, as a
mistake in the code would. What the error tree holds is written down for the test to look through.

Beside the errors it keeps what the hub's own log says, as JSON and as text, and where its page of figures is.

Usage: hub_process.py DATA ERRORS
"""

import asyncio
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from consent_ledger.errors import OnceToldError
from hub.bootstrap import running_hub
from hub.config import read_config
from hub.logs import Closed
from hub.rpc import dispatch
from hub.rpc.consent_servicer import ConsentServicer
from hub.rpc.status import Answer, answer_to
from hub.telemetry import exporters
from hub.use_cases import consents, standing

LOGGERS = (
    "",
    "asyncio",
    "grpc",
    "sqlalchemy",
    "sqlalchemy.engine",
    "sqlalchemy.pool",
    "eventsourcing",
    "hub",
)
FAILS_IN_ITS_SERVICER = "fails-quokka-1"
FAILS_IN_ITS_USE_CASE = "fails-quokka-2"


def log_everything(folder: Path) -> None:
    """In the open on standard error, and as the hub itself writes it into files of the folder."""
    logging.basicConfig(stream=sys.stderr, format="%(name)s %(levelname)s %(message)s")
    for form in ("json", "text"):
        handler = logging.FileHandler(folder / f"log.{form}")
        handler.setFormatter(Closed(as_json=form == "json"))
        logging.getLogger().addHandler(handler)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)


def write_down_errors(path: Path) -> None:
    """Keeps the whole of every refusal and failure of ours, chained ones included."""
    errors = path.open("a", encoding="utf-8")

    def answer(error: BaseException) -> Answer:
        if isinstance(error, OnceToldError):
            told = [repr(error), str(error), repr(vars(error)), *traceback.format_exception(error)]
            print(type(error).__name__, *told, sep="\n", file=errors, flush=True)
        return answer_to(error)

    dispatch.answer_to = answer  # type: ignore[attr-defined]


def fail_where_told() -> None:
    """A servicer and a use case that raise what they were given; the second in the writer's thread."""
    list_choices: Callable[..., Any] = ConsentServicer.ListChoices
    record_status: Callable[..., Any] = consents.record_status

    async def failing_servicer(self: ConsentServicer, request: Any, call: Any) -> Any:
        if request.client_reference == FAILS_IN_ITS_SERVICER:
            try:
                raise KeyError(request.client_reference)
            except KeyError as error:
                raise ValueError(f"no choices of {request}") from error
        return await list_choices(self, request, call)

    def failing_use_case(work: Any, caller: Any, **asked: Any) -> Any:
        if asked["client_reference"] == FAILS_IN_ITS_USE_CASE:
            raise RuntimeError("cannot record", asked)
        return record_status(work, caller, **asked)

    ConsentServicer.ListChoices = failing_servicer  # type: ignore[method-assign]
    consents.record_status = failing_use_case


async def serve(data: Path, folder: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with running_hub(read_config(data)) as running:
        (folder / "metrics.port").write_text(str(running.metrics_port))
        print(running.port, flush=True)
        await stop.wait()


if __name__ == "__main__":
    log_everything(Path(sys.argv[2]).parent)
    write_down_errors(Path(sys.argv[2]))
    fail_where_told()
    # The day is short: what is told every quarter of a minute is told every second.
    standing.EVERY_SECONDS = exporters.SEND_EVERY_SECONDS = 1.0
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]).parent), debug=True)
