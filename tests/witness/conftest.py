"""Coroutines as tests, as in the other rooms that run a hub."""

from tests.integration.conftest import pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]
