"""The world is lived once; every test looks through what it left behind."""

import asyncio
from pathlib import Path

import pytest

from tests.privacy.evidence import Evidence
from tests.privacy.world import lived


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder: Path = tmp_path_factory.mktemp("privacy")
    return asyncio.run(lived(folder))
