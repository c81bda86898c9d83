"""The command line as a newcomer meets it: no hub named, nothing in the environment."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hub.__main__ import app

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_hub_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONCETOLD_DATA", raising=False)


@pytest.fixture
def oncetold() -> Run:
    """Runs `oncetold` with these words; whatever happens, no traceback is shown."""

    def run(*words: object) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


def answer(result: Result) -> dict[str, Any]:
    """The one JSON object that a command printed."""
    [line] = result.stdout.splitlines()
    found = json.loads(line)
    assert isinstance(found, dict)
    return found
