"""A second hub over the same database: what is told to one holds at the other."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

from hub.bootstrap import running_hub
from tests.integration.loopback import adapter_channel, make_replica
from tests.twins.desk import Desk
from tests.twins.stage import Stage


@asynccontextmanager
async def beside(world: Stage) -> AsyncIterator[Callable[[Desk], Awaitable[None]]]:
    """Serves it until the block ends. What it yields has an agency call there from then on."""
    site = make_replica(world.site, world.site.config.data.parent / "other")
    lots = random.Random("other ids")

    def new_id() -> UUID:
        return UUID(int=lots.getrandbits(128), version=4)

    async with (
        running_hub(site.config, clock=world.clock, new_id=new_id) as other,
        AsyncExitStack() as stack,
    ):

        async def moves(desk: Desk) -> None:
            desk.channel = await stack.enter_async_context(adapter_channel(site, other, desk.credentials))

        yield moves
