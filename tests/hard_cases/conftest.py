"""The hard cases are played on the twins' stage: a real hub whose clock the test decides."""

from tests.twins.conftest import authority, pytest_pyfunc_call

__all__ = ["authority", "pytest_pyfunc_call"]
