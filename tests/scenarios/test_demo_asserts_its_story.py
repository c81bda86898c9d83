"""The demo is no film: when the hub does something else than is told, it fails."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.__main__ import app
from hub.demo import choices, story
from hub.demo.agencies import HOUSING
from hub.demo.stage import Stage


def forgets_the_withdrawal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(choices, "withdraw", lambda *_: None)


def tells_housing_too_much(patch: pytest.MonkeyPatch) -> None:
    grant = choices.grant

    def wider(
        stage: Stage, recorder: object, reference: str, recipient: object, categories: tuple[str, ...]
    ) -> str:
        extra = ("SUBSTANCE_USE",) if recipient is HOUSING else ()
        return grant(stage, recorder, reference, recipient, (*categories, *extra))  # type: ignore[arg-type]

    patch.setattr(choices, "grant", wider)


def lets_nobody_lead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(choices, "lead", lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [forgets_the_withdrawal, tells_housing_too_much, lets_nobody_lead])
def test_a_day_that_goes_otherwise_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{root / 'proto'}")
    monkeypatch.setattr(story, "PATIENCE_SECONDS", 5.0)
    fault(monkeypatch)

    result = CliRunner().invoke(app, ["demo", "--once", "--data", str(tmp_path / "kept")])

    assert result.exit_code == 1
    assert "STORY_BROKEN" in result.stderr
    assert "Traceback" not in result.output
