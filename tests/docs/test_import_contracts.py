"""The import contracts bite: a planted outward import breaks them, so that keeping them means something."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("adapters", "consent_ledger", "hub", "proto")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--config", "pyproject.toml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "proto:."},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("consent_ledger/policy/planted.py", "import grpc"),
        ("consent_ledger/planted.py", "import hub.projections"),
        ("consent_ledger/domain/planted.py", "from sqlalchemy import select"),
        ("consent_ledger/policy/planted.py", "from cryptography import x509"),
        ("consent_ledger/domain/planted.py", "import psycopg"),
        ("hub/projections/planted.py", "import hub.use_cases"),
        ("hub/use_cases/planted.py", "from oncetold.v1 import records_pb2"),
        ("hub/mais/planted.py", "from oncetold.v1 import agreement_service_pb2"),
        ("hub/use_cases/planted.py", "from opentelemetry import trace"),
        ("hub/rpc/planted.py", "import prometheus_client"),
        ("adapters/hmis/planted.py", "import consent_ledger.policy"),
        ("adapters/hmis/planted.py", "import adapters.sql"),
    ],
)
def test_a_planted_import_is_refused(tmp_path: Path, module: str, planted: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).write_text(f'"""Planted by a test."""\n\n{planted}\n')

    result = lint(tmp_path)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "BROKEN" in result.stdout
    assert "planted" in result.stdout
