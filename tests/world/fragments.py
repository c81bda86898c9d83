"""Which published fragment a delivered element is, by what it says: a partner gets ids of its own.

Where several fragments of one person say exactly the same at the same time, any one-to-one naming of them is
right, since nothing that decides can tell them apart. A delivered element that nobody published raises.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from oncetold.v1.common_pb2 import DataCategory
from oncetold.v1.delivery_service_pb2 import Element
from oncetold.v1.record_service_pb2 import Record
from oncetold.v1.records_pb2 import RecordContent
from tests.oracle import history as h
from tests.oracle.contract import parts_of

Place = tuple[str, str]  # agency, its own reference
Words = tuple[Any, ...]


class Fragments:
    """Everything published, by what it says. `people` names the person behind each registration."""

    def __init__(self, people: Mapping[Place, str]) -> None:
        self._people = people
        self._said: dict[Words, list[h.FragmentKey]] = defaultdict(list)
        self._named: dict[tuple[Place, str], h.FragmentKey] = {}
        self._taken: set[tuple[Place, h.FragmentKey]] = set()

    def publish(self, agency: str, record: Record) -> None:
        """Takes in a record that the hub accepted."""
        person = self._people[agency, record.client_reference]
        for key, piece in pieces(record.content):
            words = _words(
                person,
                agency,
                record.source_system,
                record.revision,
                record.service_type,
                record.occurred_time.ToNanoseconds(),
                key.categories,
                piece,
            )
            self._said[words].append(key._replace(agency=agency, record_id=record.record_id))

    def name(self, at: Place, fragment_id: str, element: Element) -> h.FragmentKey:
        """The fragment that an element is, at a partner's own registration."""
        envelope = element.envelope
        categories = frozenset(
            DataCategory.Name(one).removeprefix("DATA_CATEGORY_") for one in element.categories
        )
        words = _words(
            self._people[at],
            envelope.origin_agency_id,
            envelope.source_system,
            envelope.revision,
            envelope.service_type,
            envelope.occurred_time.ToNanoseconds(),
            categories,
            element.content,
        )
        candidates = self._said[words]
        known = self._named.get((at, fragment_id))
        if known is not None:
            assert known in candidates, "an element turned into another fragment"
            return known
        free = [key for key in candidates if (at, key) not in self._taken]
        assert free, f"{at[0]} was sent something that nobody published"
        self._taken.add((at, free[0]))
        self._named[at, fragment_id] = free[0]
        return free[0]

    def known(self, at: Place, fragment_id: str) -> h.FragmentKey:
        """The fragment that an element was when it was disclosed."""
        return self._named[at, fragment_id]


def pieces(content: RecordContent) -> Iterator[tuple[h.FragmentKey, RecordContent]]:
    """What a record says in each category, and each free text, as it must look when it travels alone.

    Each value is put into a message by itself to see where it belongs. The keys name no agency and record.
    """
    kind = content.WhichOneof("type")
    if kind is None:
        return
    made: dict[h.FragmentKey, RecordContent] = {}
    for field, value in getattr(content, kind).ListFields():
        for one in value if field.is_repeated else [value]:
            alone = RecordContent()
            body = getattr(alone, kind)
            if field.is_repeated:
                getattr(body, field.name).append(one)
            elif field.message_type is not None:
                getattr(body, field.name).CopyFrom(one)
            else:
                setattr(body, field.name, one)
            [part] = parts_of(alone)
            key = h.FragmentKey("", "", part.categories, part.free_text)
            made.setdefault(key, RecordContent()).MergeFrom(alone)
    yield from made.items()


def _words(*said: Any) -> Words:
    content: RecordContent = said[-1]
    return (*said[:-1], content.SerializeToString(deterministic=True))
