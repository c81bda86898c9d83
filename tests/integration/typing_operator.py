"""Types the operator's commands for a hub of its own, opened for one command or served by another process."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.__main__ import app

ROOT = Path(__file__).resolve().parents[2]
AGREEMENT = """
agreement_id = "partnership"
title = "Partnership"
notice_id = "notice-1"
start = 2026-01-01
end = 2099-01-01
[[party]]
agency_id = "northside"
bases = [{ purpose = "DIRECT_SUPPORT", lawful_basis = "A6_1_F", article9 = "A9_2_H" }]
[[party]]
agency_id = "harbour"
bases = [{ purpose = "DIRECT_SUPPORT", lawful_basis = "A6_1_E", article9 = "A9_2_H" }]
[[share]]
purposes = ["DIRECT_SUPPORT"]
categories = ["IDENTITY", "ACCOMMODATION", "SERVICE_CONTACT"]
on_end = "RESTRICT"
"""


class Operator:
    """Types commands for one hub."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *words: object, code: int = 0) -> dict[str, Any]:
        """Runs a command with --json; returns its one answer."""
        result = CliRunner().invoke(app, ["--data", str(self.data), *map(str, words), "--json"])
        assert result.exit_code == code, result.output
        [line] = result.stdout.splitlines()
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def refused(self, *words: object, code: int = 1) -> str:
        """Runs a command that must fail; returns the reason."""
        error = self(*words, code=code)["error"]
        assert error["message"]
        assert error["next_step"]
        return str(error["reason"])

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[str]]:
        """A hub in a process of its own, for as long as the block lasts."""
        path = os.pathsep.join([str(ROOT), str(ROOT / "proto")])
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "--data", str(self.data), "serve", "--listen", "localhost:0"],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Serving localhost:")
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def hub(tmp_path: Path) -> Operator:
    """A new hub with certificates; nobody serves it."""
    return founded(tmp_path)


def founded(folder: Path) -> Operator:
    """Makes such a hub."""
    operator = Operator(folder / "hub")
    operator("init")
    operator("dev-pki", "northside", "harbour")
    return operator


@pytest.fixture
def partnership(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Two agencies, their feeds and a signed agreement: a copy, made of commands once for all tests."""
    if not _partners:
        _partners.append(tmp_path_factory.mktemp("partners"))
        _agree(_partners[0])
    shutil.copytree(_partners[0], tmp_path, dirs_exist_ok=True)
    return Operator(tmp_path / "hub")


_partners: list[Path] = []
"""The folder of those that no test changes, once it is made."""


def _agree(folder: Path) -> None:
    hub = founded(folder)
    for agency, service, flags in (
        ("northside", "HOSTEL", []),
        ("harbour", "HOUSING", ["--public-authority"]),
    ):
        hub("agency", "add", agency, "--name", agency.title(), "--service-type", service, *flags)
        uri = hub("agency", "certificate", agency, "--file", hub.data / "pki" / f"{agency}-1.pem")["uri"]
        hub(
            "agency", "appoint", agency, "TWENTY_FOUR_HOURS", "--staff", "desk", "--telephone", "01632 960160"
        )
        hub(
            "agency", "subscribe", agency, "--uri", uri, "--service-type", service,
            "--purpose", "direct-support", "--category", "IDENTITY,ACCOMMODATION,SERVICE_CONTACT",
            *(["--at-once"] if agency == "harbour" else []),
        )  # fmt: skip
    file = folder / "agreement.toml"
    file.write_text(AGREEMENT)
    version = hub("agreement", "draft", file)["version"]
    for agency in ("northside", "harbour"):
        hub("agreement", "sign", "partnership", "--version", version, "--as", agency)
