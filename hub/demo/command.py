"""`oncetold demo`."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from hub.cli.command import Json, command
from hub.cli.errors import Misused
from hub.demo.telling import Telling

if TYPE_CHECKING:
    from hub.demo.stage import Stage


def register(app: typer.Typer) -> None:
    """Adds `demo`."""
    command(app, "demo", example="oncetold demo --once")(demo)


def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="End by itself after the story.")] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Keep everything in this new folder."),
    ] = None,
    prometheus: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve the hub's figures for Prometheus there.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Plays one person's day with a real hub and three invented agencies, and goes on serving until Ctrl-C.

    With --data the hub's data and each agency's database stay in DIR to look into; otherwise a
    temporary folder is used and removed. With --json the figures are one JSON object on the last line.
    Exit code 1 if what is told is not what is found.
    """
    # Loaded late: only this command needs all of it.
    from hub.demo.figures import in_words, read_figures
    from hub.demo.stage import Stage
    from hub.demo.story import Story

    telling = Telling()
    with (
        _folder(data or _named_before(context)) as folder,
        _ending_on_sigterm(),
        Stage(folder, prometheus) as stage,
    ):
        started = time.monotonic()
        telling.title("One person's day", "The people and agencies are invented; the hub is real.")
        stage.build()
        telling.say(
            f"A hub serves {stage.hub['address']} with mutual TLS; three agencies keep their own case "
            "systems (small SQLite databases), and an adapter runs beside each."
        )
        story = Story(stage, telling)
        story.play()
        figures = read_figures(stage, story, time.monotonic() - started)
        telling.figures(in_words(figures))
        if not once:
            _look_around(telling, stage)
        if as_json:
            print(json.dumps(figures, sort_keys=True), flush=True)
        if not once:
            _serve_on(stage, telling)


def _serve_on(stage: Stage, telling: Telling) -> None:
    """Waits for Ctrl-C, which here is the way to end and no failure."""
    try:
        telling.say("Serving until Ctrl-C.")
        while True:
            time.sleep(1)
            stage.processes.check()
    except KeyboardInterrupt:
        return


def _look_around(telling: Telling, stage: Stage) -> None:
    folder = stage.folder
    telling.act("Now you", "look around while it runs")
    for line in (
        f"oncetold --data {folder / 'hub'} deliveries status",
        f"oncetold --data {folder / 'hub'} deliveries disclosures N-1042 --as northside",
        f"oncetold --data {folder / 'hub'} consent list N-1042 --as northside",
        f"sqlite3 {folder / 'riverside' / 'cases.db'} .dump",
    ):
        telling.command(line)
    if "metrics" in stage.hub:
        telling.command(f"curl http://{stage.hub['metrics']}/metrics")


def _named_before(context: typer.Context) -> Path | None:
    """The folder of `oncetold --data DIR demo`. ONCETOLD_DATA does not count: it names a real hub."""
    root = context.find_root()
    source = root.get_parameter_source("data")
    named = root.obj
    return named if source is not None and source.name == "COMMANDLINE" and isinstance(named, Path) else None


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    """The folder to play in: a new one that stays, or a temporary one that goes."""
    if named is None:
        temporary = Path(tempfile.mkdtemp(prefix="oncetold-demo-"))
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary)
        return
    folder = named.expanduser().absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise Misused(
            f"The demo cannot use {folder} ({error.strerror or 'unknown cause'}).",
            "Name a new folder that you may write to.",
            reason="NOT_WRITABLE",
        ) from None
    if used:
        raise Misused(
            f"There is something in {folder} already, and the demo mixes with nothing.",
            "Name a new folder, or empty this one.",
            reason="NOT_EMPTY",
        )
    yield folder


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, so that its processes never outlive it."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
