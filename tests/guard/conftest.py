"""What guards the hub: limits, the matrix of agencies, bad inputs, and what is banned from the source."""

from tests.integration.conftest import pytest_pyfunc_call, site

__all__ = ["pytest_pyfunc_call", "site"]
