"""How the command answers: sentences for a person, one JSON object for a program, and never a traceback."""

import functools
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated, ParamSpec

import typer

from adapters.hmis.errors import HmisError
from adapters.kit.errors import AdapterError, ConfigInvalid, StateUnusable

Params = ParamSpec("Params")

FAILED = 1
MISUSED = 2
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")]
Config = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.", show_default=True)
]


def show(answer: Mapping[str, object], sentences: Iterable[str], *, as_json: bool) -> None:
    """Prints an answer as JSON on one line, or as sentences."""
    if as_json:
        print(json.dumps(answer, ensure_ascii=False, sort_keys=True))
    else:
        for sentence in sentences:
            print(sentence)


def command(
    app: typer.Typer, name: str, *, example: str
) -> Callable[[Callable[Params, None]], Callable[Params, None]]:
    """Registers a command whose help ends in an example and whose failures end in a sentence."""

    def register(function: Callable[Params, None]) -> Callable[Params, None]:
        @functools.wraps(function)
        def told(*args: Params.args, **kwargs: Params.kwargs) -> None:
            try:
                function(*args, **kwargs)
                sys.stdout.flush()
            except typer.Exit:
                raise
            except KeyboardInterrupt:
                print("\nStopped. Nothing was left half-done.", file=sys.stderr)
                raise typer.Exit(INTERRUPTED) from None
            except BrokenPipeError:
                # The reader went away (`| head`); the interpreter would complain once more when it flushes.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(FAILED) from None
            except Exception as error:  # noqa: BLE001  # a traceback may quote a row
                raise typer.Exit(_tell(error, as_json=bool(kwargs.get("as_json", False)))) from None

        app.command(name, epilog=f"\b\nExample:\n  {example}")(told)
        return function

    return register


def interrupt(number: int, frame: FrameType | None) -> None:
    """For SIGTERM: a service that is stopped ends like Ctrl-C, between transactions."""
    raise KeyboardInterrupt


def _tell(error: Exception, *, as_json: bool) -> int:
    """Tells a failure and answers the exit code."""
    code, message, next_step, exit_code = _sentences(error)
    if as_json:
        told = {"reason": code, "message": message, "next_step": next_step, "details": _details(error)}
        print(json.dumps({"error": told}, ensure_ascii=False, sort_keys=True))
    else:
        print(f"Not done. {message} [{code}]\nWhat to do: {next_step}", file=sys.stderr)
    return exit_code


def _sentences(error: Exception) -> tuple[str, str, str, int]:
    if isinstance(error, AdapterError):
        misused = isinstance(error, ConfigInvalid | StateUnusable)
        return error.code, error.message, error.next_step, MISUSED if misused else FAILED
    if isinstance(error, HmisError):
        return error.code, str(error).removesuffix(error.next_step).strip(), error.next_step, FAILED
    # The text of an unforeseen error may hold somebody's data: only its kind and place are told.
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    return (
        "INTERNAL",
        f"Something failed inside the adapter ({type(error).__name__} at {place}).",
        "Report this line; it holds nothing about anybody.",
        FAILED,
    )


def _details(error: Exception) -> dict[str, str]:
    for name in ("metadata", "details"):
        found = getattr(error, name, None)
        if isinstance(found, dict):
            return {str(key): str(value) for key, value in found.items()}
    return {}
