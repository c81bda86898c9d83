"""Every setting that the hub reads is in the deployment notes, with the default that it really has."""

import dataclasses
import re
from pathlib import Path

from consent_ledger.statutory_duties import DUTIES
from hub.config import Config, TlsFiles, read_config

ROOT = Path(__file__).resolve().parents[2]
# Fields of Config that are no setting: where the settings are read from.
GIVEN = {"data"}
STARTING_BY_REGULATIONS = [duty for duty, known in DUTIES.items() if known.in_force_from is None]


def documented() -> dict[str, str]:
    section = (ROOT / "deploy" / "README.md").read_text().split("## Settings", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `([a-z0-9_.]+)` \| `([^`]*)` \|", section, re.MULTILINE))


def test_every_setting_is_documented_with_its_default(tmp_path: Path) -> None:
    config = read_config(tmp_path)
    real: dict[str, str] = {}
    for field in dataclasses.fields(Config):
        value = getattr(config, field.name)
        if isinstance(value, TlsFiles):
            for part in dataclasses.fields(value):
                real[f"{field.name}.{part.name}"] = str(getattr(value, part.name).relative_to(tmp_path))
        elif dataclasses.is_dataclass(value):
            for part in dataclasses.fields(value):
                real[f"{field.name}.{part.name}"] = str(getattr(value, part.name)).lower()
        elif field.name == "law":
            real |= {f"law.{duty.lower()}": "not in force" for duty in STARTING_BY_REGULATIONS if not value}
        elif field.name not in GIVEN:
            real[field.name] = str(value).removeprefix(f"{tmp_path}/")

    assert documented() == real


def test_the_files_of_the_data_folder_are_documented(tmp_path: Path) -> None:
    config = read_config(tmp_path)
    notes = (ROOT / "deploy" / "README.md").read_text()

    for path in (Path(config.ledger), config.root_key, config.admin_socket.parent):
        assert f"`{path.relative_to(tmp_path)}" in notes
