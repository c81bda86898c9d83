"""How a command is registered: its example is part of its help, and every failure ends in a sentence."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from consent_ledger.errors import (
    BackupRefused,
    EntryCorrupt,
    KeyFileRefused,
    KeysUnavailable,
    LedgerInUse,
    LedgerShortened,
    OnceToldError,
)
from consent_ledger.errors import Refused as RefusedByHub
from hub.cli import enums, words
from hub.cli.errors import CliError, Misused, Refused, Unforeseen
from hub.cli.output import show_failure

Params = ParamSpec("Params")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""

Json = Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")]
ActingFor = Annotated[
    str, typer.Option("--as", metavar="AGENCY", help="The agency that you act for.", show_default=False)
]
Reference = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The acting agency's own reference to the person.")
]


def group(name: str, purpose: str) -> typer.Typer:
    """A group of commands with its one-line purpose."""
    return typer.Typer(
        name=name, help=purpose, no_args_is_help=True, rich_markup_mode=None, add_completion=False
    )


def command(
    app: typer.Typer, name: str, *, example: str
) -> Callable[[Callable[Params, None]], Callable[Params, None]]:
    """Registers a function as a command. It may raise CliError; nothing else may reach its user."""

    def register(function: Callable[Params, None]) -> Callable[Params, None]:
        @functools.wraps(function)
        def told(*args: Params.args, **kwargs: Params.kwargs) -> None:
            as_json = bool(kwargs.get("as_json", False))
            try:
                function(*args, **kwargs)
                sys.stdout.flush()
            except typer.Exit:
                raise
            except (KeyboardInterrupt, asyncio.CancelledError):
                print("\nStopped. Nothing was left half-done.", file=sys.stderr)
                raise typer.Exit(INTERRUPTED) from None
            except BrokenPipeError:
                # The reader went away (`| head`). The interpreter would complain once more while it flushes.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(1) from None
            except Exception as error:  # noqa: BLE001  # no traceback ever reaches the operator
                failure = as_failure(error)
                show_failure(failure, as_json=as_json)
                raise typer.Exit(failure.exit_code) from None

        # Click fills paragraphs; \b keeps one as it is typed.
        app.command(name, epilog=f"\b\nExample:\n  {example}".replace("\n\n", "\n\n\b\n"))(told)
        return function

    return register


def as_failure(error: Exception) -> CliError:
    """Whatever was raised, as something that can be told."""
    if isinstance(error, CliError):
        return error
    if isinstance(error, enums.UnknownWord):
        return Misused(
            f"What is given as {error.kind} is not known.",
            f"Give one of {', '.join(error.allowed)}.",
            reason="UNKNOWN_ENUM",
            details={"field": error.kind},
        )
    if isinstance(error, RefusedByHub):
        # By the hub as this command opened it; over the socket it would have said the same.
        told = words.told(error.code, error.details)
        return Refused(told.what, told.next_step, reason=error.code, details=error.details)
    if isinstance(error, OnceToldError):
        return Misused(
            _sentence(error),
            error.next_step,
            reason=error.code,
            details=error.details,
        )
    # Its text might hold somebody's data, so only its kind and place are told.
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    return Unforeseen(
        f"Something failed inside OnceTold ({type(error).__name__} at {place}).",
        "Report this line; it holds nothing about anybody.",
        reason="INTERNAL",
        details={"kind": type(error).__name__, "place": place},
    )


def _sentence(error: OnceToldError) -> str:
    """What the hub's own code says is wrong with its data folder, files or settings."""
    if isinstance(error, LedgerInUse):
        return f"Another process holds this hub: process {error.pid or 'unknown'}."
    if isinstance(error, EntryCorrupt):
        return (
            f"The ledger is damaged: entry {error.position} is not what was appended, or a key to it is gone."
        )
    if isinstance(error, LedgerShortened):
        return (
            f"The ledger holds {error.size} entries, and held {error.noted}: acknowledged entries are gone."
        )
    problem = error.details.get("problem") or (type(error).__doc__ or error.code).partition("\n")[0]
    problem = problem.rstrip(".")
    if isinstance(error, KeyFileRefused):
        return f"The root key file: {problem}."
    if isinstance(error, KeysUnavailable):
        return f"The key provider ({error.details['provider']}): {problem}."
    if isinstance(error, BackupRefused):
        return f"The backup: {problem}."
    if "setting" in error.details:
        return f"{error.details['setting']}: {problem}."
    return f"{problem[:1].upper()}{problem[1:]}."


def data_folder(context: typer.Context) -> Path:
    """The hub's data folder, from `--data` or ONCETOLD_DATA. Raises Misused when neither names one."""
    data = context.find_root().obj
    if not isinstance(data, Path):
        raise Misused(
            "No hub is named.",
            "Give --data DIR before the command, or set ONCETOLD_DATA.",
            reason="NO_DATA_FOLDER",
        )
    return data
