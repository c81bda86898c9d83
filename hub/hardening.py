"""What a process that holds keys and people's words does first, so that a crash leaves no copy of them.

A core dump is the whole memory, keys included. The limit forbids the kernel to write one where the hub runs,
and a process that is not dumpable gives none to a crash collector either, which ignores the limit; nor may
another process of the same user read its memory.
"""

import ctypes
import faulthandler
import resource
import sys

_PR_SET_DUMPABLE = 4  # <linux/prctl.h>


class NotHardened(Exception):
    """The system refused; nothing is known of why that would help."""


def leave_no_copies() -> None:
    """Forbids core dumps to this process for good. Raises NotHardened when Linux says no."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise NotHardened
    # What it writes at a crash are names of functions, but of every thread, and outside the log's own rules.
    faulthandler.disable()
