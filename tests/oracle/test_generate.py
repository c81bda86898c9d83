"""The generated histories: the same for the same seed, and rich enough that stores fill, change and empty."""

from collections import Counter

from tests.oracle import history as h
from tests.oracle.decide import permitted
from tests.oracle.facts import Facts
from tests.oracle.generate import Wait, World
from tests.oracle.store import Held, Place, expected_store


def play(seed: int, steps: int) -> World:
    world = World(seed)
    for event in world.founding():
        world.accept(event)
    for _ in range(steps):
        step = world.propose()
        if isinstance(step, Wait):
            world.wait(step.by)
        else:
            world.accept(step)
    return world


def test_a_seed_is_a_history() -> None:
    assert play(5, 60).history == play(5, 60).history
    assert play(5, 60).history != play(6, 60).history


def test_every_kind_of_event_occurs_and_things_are_permitted() -> None:
    kinds: Counter[str] = Counter()
    elements: Counter[str] = Counter()
    for seed in range(30):
        world = play(seed, 80)
        kinds.update(type(event).__name__ for event in world.history)
        facts = Facts(world.history)
        for feed in facts.feeds:
            for _, key in permitted(facts, feed, world.now):
                elements.update(key.categories)
    every_kind = {one.__name__ for one in h.Event.__subclasses__()} - {h.Observation.__name__}
    assert set(kinds) == every_kind
    assert len(elements) == 16
    assert sum(elements.values()) > 300


def test_what_is_delivered_step_by_step_is_what_the_store_must_be() -> None:
    """Delivering the oracle's own answer at random moments never changes the answer at that moment."""
    retracted = stayed = warned = 0
    for seed in range(12):
        world, seen = World(seed), list[h.Observation]()
        held: dict[str, dict[Place, Held]] = {}
        for event in world.founding():
            world.accept(event)
        sequence = 0
        for step_number in range(80):
            step = world.propose()
            if isinstance(step, Wait):
                world.wait(step.by)
            else:
                world.accept(step)
            if step_number % 8 != 7:
                continue
            for feed in world.facts.feeds:
                now_held = expected_store(world.facts, seen, feed, world.now)
                before = held.get(feed, {})
                for reference, key in before.keys() - now_held.keys():
                    sequence += 1
                    retracted += 1
                    seen.append(h.Retracted(seq=world.tick(), feed=feed, epoch=1, sequence=sequence,
                                            client_reference=reference, key=key))  # fmt: skip
                for (reference, key), one in now_held.items():
                    if before.get((reference, key)) == one:
                        continue
                    sequence += 1
                    seen.append(h.Delivered(seq=world.tick(), feed=feed, epoch=1, sequence=sequence,
                                            client_reference=reference, key=key, revision=one.revision,
                                            rows=one.rows, ring=one.ring))  # fmt: skip
                seen.append(h.Acknowledged(seq=world.tick(), feed=feed, epoch=1, sequence=sequence))
                assert expected_store(world.facts, seen, feed, world.now) == now_held
                stayed += sum(all(state != "ACTIVE" for *_, state in one.rows) for one in now_held.values())
                warned += sum(one.ring is not None for one in now_held.values())
                held[feed] = now_held
    assert retracted > 100
    assert stayed > 100
    assert warned > 0
