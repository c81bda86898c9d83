"""Changes laid over stored cells: what is read is what a plain dictionary would hold."""

from hypothesis import given
from hypothesis import strategies as st

from consent_ledger.cells import CellChanges

# Few distinct bytes at the places where changes are grouped, so that keys begin alike.
KEYS = st.builds(
    lambda first, second, rest: first + second + rest,
    st.sampled_from([b"", b"a", b"a" * 15, b"a" * 16, b"a" * 15 + b"b"]),
    st.sampled_from([b"", b"c", b"c" * 16, b"c" * 15 + b"d"]),
    st.binary(max_size=2),
)
PROJECTIONS = st.sampled_from(["p", "q"])
VALUES = st.none() | st.binary(max_size=2)
STEPS = st.lists(st.tuples(PROJECTIONS, KEYS, VALUES) | PROJECTIONS, max_size=30)


def applied(
    steps: list[tuple[str, bytes, bytes | None] | str], model: dict[tuple[str, bytes], bytes | None]
) -> CellChanges:
    """A step is a change, or the name of a projection whose changes are dropped."""
    changes = CellChanges()
    for step in steps:
        if isinstance(step, str):
            changes.forget(step)
            for place in [place for place in model if place[0] == step]:
                del model[place]
        else:
            projection, key, value = step
            changes.change(projection, key, value)
            model[projection, key] = value
    return changes


@given(
    stored=st.dictionaries(KEYS, st.binary(max_size=2), max_size=20),
    first=STEPS,
    later=STEPS,
    prefix=KEYS,
    after=st.none() | KEYS,
    limit=st.integers(0, 8),
)
def test_a_scan_finds_what_stands(
    stored: dict[bytes, bytes],
    first: list[tuple[str, bytes, bytes | None] | str],
    later: list[tuple[str, bytes, bytes | None] | str],
    prefix: bytes,
    after: bytes | None,
    limit: int,
) -> None:
    model: dict[tuple[str, bytes], bytes | None] = {}
    changes = applied(first, model)
    newer: dict[tuple[str, bytes], bytes | None] = {}
    changes.update(applied(later, newer))
    model.update(newer)

    def within(cells: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        return [
            (key, value)
            for key, value in sorted(cells.items())
            if key.startswith(prefix) and (after is None or key > after)
        ]

    own = {key: value for (projection, key), value in model.items() if projection == "p"}
    standing = {key: value for key, value in (stored | own).items() if value is not None}
    assert (
        changes.scan("p", prefix, after, limit, lambda most: within(stored)[:most])
        == within(standing)[:limit]
    )
    assert changes.get("p", prefix, lambda: stored.get(prefix)) == standing.get(prefix)
    assert {(projection, key): value for projection, key, value in changes} == model
    assert bool(changes) == bool(model)
