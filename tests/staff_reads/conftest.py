"""Who of an agency's staff asks, and what they read. The worlds are the integration tests' and the twins'."""

from tests.twins.conftest import authority, pytest_pyfunc_call

__all__ = ["authority", "pytest_pyfunc_call"]
