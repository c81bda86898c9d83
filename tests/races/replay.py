"""Replays one schedule from its seed and tells what happened: `python -m tests.races.replay SEED`.

`nostop` behind the seed: without its stop, as its positive control.
"""

import sys
import tempfile
from pathlib import Path

from tests.races.playing import breaches, in_memory, played
from tests.races.town import Town


def main(seed: int, *, with_stop: bool) -> int:
    """Prints each call as its caller saw it, then what is wrong; 1 if something is."""
    with tempfile.TemporaryDirectory(prefix="town-", dir=in_memory()) as folder:
        outcome = played(Town(Path(folder)), seed, with_stop=with_stop)
    stop = outcome.stop
    print(f"{stop.kind}, {stop.what}: stopped at {outcome.stopped_at or outcome.boundary}")
    for seen in outcome.seen:
        told = seen.refused or f"entry {seen.position}, {sorted(map(str, seen.stamps))}"
        after = "behind the stop" if seen.stopped_before else ""
        print(f"{seen.begun:5} to {seen.ended:5}  {seen.who:20} {seen.method:18} {after:16} {told}")
    found = breaches(outcome)
    print(*found or ["nothing is wrong"], sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), with_stop="nostop" not in sys.argv))
