"""The adapter guide keeps its promises: its code runs, its links lead somewhere, its settings are all of
them."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters.cli.app import app
from adapters.cli.template import TEMPLATE
from adapters.kit import columns, mapping
from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.published import Published
from adapters.kit.publisher import Publisher
from adapters.kit.quarantine import Quarantine
from adapters.sql import sink, source, tables
from tests.unit.adapters.fake_hub import FakeHub

FOLDER = Path(__file__).resolve().parents[3] / "adapters"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def module(tmp_path: Path) -> ModuleType:
    """The guide's code, as one file that its reader would write."""
    path = tmp_path / "from_the_guide.py"
    path.write_text("\n".join(PYTHON), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("from_the_guide", path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_source_of_the_guide_publishes(tmp_path: Path, hub: Hub, fake: FakeHub, quick: Backoff) -> None:
    guide: Any = module(tmp_path)
    rounds = guide.Rounds(
        [
            (1, "c-1", "2026-03-01T02:00", "yes"),
            (2, "c-2", "2026-03-01T02:10", ""),
            (3, "c-3", "2026-02-30", "no"),
        ]
    )
    with Published(tmp_path / "state.sqlite") as published, Quarantine(tmp_path / "left.csv") as quarantine:
        report = Publisher(hub, published, quarantine, backoff=quick).publish(rounds)
    assert (report.published, report.nothing_recorded, report.quarantined) == (1, 1, 1)
    assert fake.records["round-1"][0].content.contact.bedded_down
    assert callable(guide.publish)


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) >= 4 and [link for link in links if not (FOLDER / link).exists()] == []


def test_every_command_and_table_is_explained() -> None:
    commands = {command.name for command in app.registered_commands}
    commands |= {group.name for group in app.registered_groups}
    assert commands == set(re.findall(r"^\$ oncetold-adapter ([\w-]+)", README, re.MULTILINE))
    assert all(f"| `{name}` |" in README for name in tables.METADATA.tables)


def test_the_written_configuration_shows_every_setting() -> None:
    known = {"server_name", "feed_id", "max_items", "wait_seconds", "attempts", "register", "quarantine_file"}
    known |= sink.SETTINGS | source.SETTINGS | set(mapping.SETTINGS.split()) | columns.SETTINGS
    assert {setting for setting in known if not re.search(rf"\b{setting}\b", TEMPLATE)} == set()
