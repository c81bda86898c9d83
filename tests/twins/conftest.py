"""Async tests run to their end in a loop of their own; one authority serves every world."""

import pytest

from tests.integration.conftest import pytest_pyfunc_call
from tests.twins.stage import Authority

__all__ = ["pytest_pyfunc_call"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
