"""Says on standard error why nothing happens, once for each cause in a row."""

import sys
from contextlib import suppress


class Pauses:
    """Told of each error that is waited out."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, error: Exception) -> None:
        said = f"Waiting. {error}"
        if said != self._last:
            self._last = said
            with suppress(BrokenPipeError):
                print(said, file=sys.stderr, flush=True)
