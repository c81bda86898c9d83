"""Twin worlds (I8): two histories that differ in a hidden thing alone. An observer must not tell which.

The same calls happen in both. Where one world has the hidden entry, the other has an irrelevant one of the
same class, so that positions are comparable. Everything that the observing agency can see is compared byte
for byte: what it was answered, positions, order, errors with their details, whether a waiting fetch was
woken, and by how much the ledger grew during its own calls.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.twins.desk import Seen
from tests.twins.stage import Authority, Stage, stage

Script = Callable[[Stage, bool], Awaitable[None]]
"""A world's history. True: the world with the hidden thing."""


async def play(folder: Path, authority: Authority, script: Script, hidden: bool) -> dict[str, list[Seen]]:
    """What every agency saw in one world."""
    async with stage(folder / ("hidden" if hidden else "plain"), authority) as world:
        await script(world, hidden)
        return {name: list(desk.seen) for name, desk in world.desks.items()}


async def worlds(
    folder: Path, authority: Authority, script: Script
) -> tuple[dict[str, list[Seen]], dict[str, list[Seen]]]:
    """What every agency saw in the world with the hidden thing, and in its twin."""
    return await play(folder, authority, script, True), await play(folder, authority, script, False)


def first_difference(one: Sequence[Seen], other: Sequence[Seen]) -> str:
    """Where two views part; empty when they are the same to the byte."""
    for number, (here, there) in enumerate(zip(one, other, strict=False), start=1):
        if here.method != there.method or here.asked != there.asked:
            return f"call {number}: the script itself differs ({here.method}, {there.method})"
        if here != there:
            return f"call {number}, {here.method}: {here} is not {there}"
    return "" if len(one) == len(other) else f"{len(one)} calls, not {len(other)}"


async def assert_twins(folder: Path, authority: Authority, script: Script, *observers: str) -> None:
    """Plays both worlds; each observer saw something, and saw the same to the byte."""
    hidden, plain = await worlds(folder, authority, script)
    for observer in observers:
        assert plain[observer], f"{observer} saw nothing: that proves nothing"
        assert first_difference(hidden[observer], plain[observer]) == "", observer
