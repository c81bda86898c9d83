"""Protecting a place as an operator types it for an agency, on a hub that is stopped and then runs again."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.__main__ import app
from tests.twins.conftest import authority
from tests.twins.places import LINE, NAME, POSTCODE, UPRN, at
from tests.twins.stage import Authority, stage
from tests.twins.test_h10_places import the_family

__all__ = ["authority"]
PLACE = json.dumps({"lines": [LINE], "names": [NAME], "postcode": POSTCODE, "uprn": UPRN})
ACTING = ("--as", "outreach")


@pytest.fixture
def data(tmp_path: Path, authority: Authority) -> Path:
    """Rosa's address was told, and the address to give out instead."""

    async def told() -> Path:
        async with stage(tmp_path, authority) as world:
            outreach, _ = await the_family(world)
            await outreach.publish("rosa", "home", contact=at(LINE))
            await outreach.publish("rosa", "post", contact=at("PO Box 12"))
            return world.site.config.data

    return asyncio.run(told())


def typed(data: Path, *words: str, given: str | None = None, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["--data", str(data), *words, "--json"], input=given)
    assert result.exit_code == code, result.output
    for name in (LINE, NAME, UPRN):
        assert name not in result.output, "no command repeats the place"
    return json.loads(result.stdout.splitlines()[-1])


def test_a_place_is_protected_listed_and_lifted(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "place.json"
    file.write_text(PLACE, encoding="utf-8")
    place = typed(data, "place", "protect", "rosa", *ACTING, "--from", str(file), "--care-of", "post")
    [listed] = typed(data, "place", "list", "rosa", *ACTING)["places"]
    assert listed["place_id"] == place["place_id"] and listed["care_of_record_id"] == "post"
    assert (listed["state"], listed["looked_through_percent"]) == ("protected", 0), "no hub runs"
    typed(data, "place", "lift", "rosa", place["place_id"], *ACTING)
    [listed] = typed(data, "place", "list", "rosa", *ACTING)["places"]
    assert listed["state"] == "lifted"


def test_from_standard_input(data: Path) -> None:
    typed(data, "place", "protect", "mia", *ACTING, "--from", "-", given=PLACE)


@pytest.mark.parametrize(
    ("given", "reason", "code"),
    [
        (f'{{"lines": ["{LINE}"', "INVALID_FIELD", 2),
        (f'{{"street": "{LINE}"}}', "INVALID_FIELD", 2),
        ('{"lines": ["abc"]}', "INVALID_FIELD", 1),
        ("{}", "INVALID_FIELD", 1),
    ],
    ids=["no JSON", "another key", "too short", "nothing"],
)
def test_what_is_wrong_is_told_without_repeating_it(data: Path, given: str, reason: str, code: int) -> None:
    answer = typed(data, "place", "protect", "rosa", *ACTING, "--from", "-", given=given, code=code)
    assert answer["error"]["reason"] == reason


def test_a_file_that_cannot_be_read(tmp_path: Path, data: Path) -> None:
    missing = str(tmp_path / "none.json")
    answer = typed(data, "place", "protect", "rosa", *ACTING, "--from", missing, code=2)
    assert answer["error"]["reason"] == "FILE_NOT_READ"
