"""Says on standard error why nothing happens, once for each cause in a row."""

import sys
from contextlib import suppress


class Pauses:
    """Told of each error that is waited out, or is told and gone on with."""

    def __init__(self, before: str = "Waiting.") -> None:
        self._before = before
        self._last = ""

    def __call__(self, error: Exception) -> None:
        said = f"{self._before} {error}"
        if said != self._last:
            self._last = said
            with suppress(BrokenPipeError):
                print(said, file=sys.stderr, flush=True)
