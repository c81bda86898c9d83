"""One test file for each invariant of the design (section 4), named after it.

I5 is tested in tests/machine against the oracle, I8 in tests/twins, I11 in tests/privacy. I9 (proofs over
checkpoints) and I10 (erasure) are not built yet: there is no test to pass, and none is faked here. I6 is
built as far as receipts.
These tests play on the twins' stage: a real hub whose clock the test decides.
"""

from tests.twins.conftest import authority, pytest_pyfunc_call

__all__ = ["authority", "pytest_pyfunc_call"]
