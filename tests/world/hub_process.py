"""A hub in a process of its own whose clock stands still until it is moved.

It says its port on the first line. Every line that it reads is a number of seconds to move the clock by, and
is answered with the time it then is. It stops when its input ends.

Usage: python -m tests.world.hub_process DATA START
"""

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path

from hub.bootstrap import running_hub
from hub.config import read_config
from tests.clock import ManualClock


async def serve(data: Path, start: datetime) -> None:
    clock = ManualClock(start)
    async with running_hub(read_config(data), clock=clock) as running:
        print(running.port, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            clock.advance(timedelta(seconds=float(line)))
            print(clock.now().isoformat(), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])))
