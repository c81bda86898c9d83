"""What the crash harness shares: how often, which seed, the failing disk, and a small disk of its own."""

import os
import random
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.faults import disk
from tests.faults.figures import Figures


@pytest.fixture
def seed() -> int:
    """ONCETOLD_SEED, or another one each time; every test's figures say it, so that a run can be repeated."""
    return int(os.environ.get("ONCETOLD_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


@pytest.fixture
def figures(seed: int) -> Figures:
    """What a test counts: shown at the end of the run, also when the test fails."""
    return Figures(seed=seed)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Notes the figures once the test is over, before its report is made."""
    try:
        return (yield)
    finally:
        if "figures" in pyfuncitem.funcargs:
            pyfuncitem.user_properties.append(("figures", str(pyfuncitem.funcargs["figures"])))


@pytest.fixture(scope="session")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of `disk.c`."""
    return disk.build(tmp_path_factory.mktemp("disk"))


@pytest.fixture
def small_disk(short_path: Path) -> Iterator[Path]:
    """An empty disk of 24 MB, in memory: room for a small hub and its log of up to 8 MB, and no more."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", str(short_path)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        disk.impossible(f"a small disk needs the right to mount one: {mounted.stderr.strip()}")
    yield short_path
    subprocess.run(["umount", "--lazy", str(short_path)], check=True)
