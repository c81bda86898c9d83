"""One new hub per test; async tests run in a loop of their own."""

import asyncio
import inspect
from pathlib import Path

import pytest

from tests.integration.loopback import Site, make_site


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a coroutine test to its end."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)
