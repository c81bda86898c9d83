"""Changed cells that are not written yet, laid over those that are."""

from collections.abc import Callable, Iterator

_STEP = 16
"""Bytes of an id or a keyed label: what nearly every projection's keys are made of. Changes are kept by the
first and by the second sixteen, so that a scan looks at those that begin as it wants and at no others."""

Found = list[tuple[bytes, bytes]]
_Changes = dict[bytes, bytes | None]


class CellChanges:
    """What was put, and what was deleted (None), by projection and key."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, bytes], dict[bytes, _Changes]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def __iter__(self) -> Iterator[tuple[str, bytes, bytes | None]]:
        """(projection, key, value), each key once."""
        for (projection, _), group in self._groups.items():
            for changes in group.values():
                for key, value in changes.items():
                    yield projection, key, value

    def change(self, projection: str, key: bytes, value: bytes | None) -> None:
        """Notes a new value, or None for a deletion."""
        first, second = key[:_STEP], key[_STEP : 2 * _STEP]
        group = self._groups.get((projection, first))
        if group is None:
            self._groups[projection, first] = {second: {key: value}}
        elif second in group:
            group[second][key] = value
        else:
            group[second] = {key: value}

    def update(self, later: "CellChanges") -> None:
        """Takes over what was changed after; `later` is not to be used any more."""
        for place, group in later._groups.items():
            own = self._groups.setdefault(place, group)
            if own is not group:
                for second, changes in group.items():
                    own.setdefault(second, {}).update(changes)

    def forget(self, projection: str) -> None:
        """Drops the changes of a projection."""
        self._groups = {place: group for place, group in self._groups.items() if place[0] != projection}

    def get(self, projection: str, key: bytes, below: Callable[[], bytes | None]) -> bytes | None:
        """The changed value, or the one below."""
        changes = self._groups.get((projection, key[:_STEP]), {}).get(key[_STEP : 2 * _STEP], {})
        return changes[key] if key in changes else below()

    def scan(
        self, projection: str, prefix: bytes, after: bytes | None, limit: int, below: Callable[[int], Found]
    ) -> Found:
        """Cells whose key begins with `prefix`, behind `after`, by key. `below` gives the stored ones."""
        own = {
            key: value
            for changes in self._beginning(projection, prefix)
            for key, value in changes.items()
            if key.startswith(prefix) and (after is None or key > after)
        }
        if not own:
            return below(limit)
        # Of what is below, deleted cells count and are taken away again.
        found: _Changes = dict(below(limit + sum(value is None for value in own.values())))
        found.update(own)
        return [(key, value) for key, value in sorted(found.items()) if value is not None][:limit]

    def _beginning(self, projection: str, prefix: bytes) -> Iterator[_Changes]:
        """Groups in which all keys that begin with the prefix are."""
        first, second = prefix[:_STEP], prefix[_STEP : 2 * _STEP]
        if len(first) == _STEP:
            groups = [self._groups.get((projection, first), {})]
        else:
            groups = [group for (of, start), group in self._groups.items() if of == projection]
        for group in groups:
            if len(second) == _STEP:
                yield group.get(second, {})
            else:
                yield from group.values()
