"""The client's reply stands beside the record that it disputes (SAFETY H25; UK GDPR Article 16).

The text of a statement goes where its released categories are permitted. What points at the disputed record
goes where both the text and that record's categories are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from consent_ledger.errors import Refused
from consent_ledger.records import read_fragment_class
from consent_ledger.vocabulary import DEFAULT_LEVEL, DataCategory
from hub.records.disputes import STATEMENT, categories_of_pointer, disputed
from hub.use_cases.wanted import Wanted
from hub.use_cases.work import Work


class Fragment(Protocol):
    """One category's part of a record, as the splitter makes it."""

    @property
    def categories(self) -> tuple[str, ...]: ...
    @property
    def level(self) -> str: ...
    @property
    def free_text(self) -> bool: ...
    @property
    def third_party(self) -> bool: ...
    @property
    def content(self) -> bytes: ...
    @property
    def risk_to_others(self) -> bool: ...

    @property
    def no_sleep_site(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Pointer:
    """A fragment that says which record is disputed, under the categories that it needs."""

    categories: tuple[str, ...]
    level: str
    content: bytes
    free_text: bool = False
    third_party: bool = False
    risk_to_others: bool = False
    no_sleep_site: bool = False


Told = dict[UUID, tuple[UUID, frozenset[DataCategory]]]
"""What is published together: each record's registration and categories, so that a reply may come along."""


def beside_what_is_disputed(
    work: Work, agency_id: str, registration_id: UUID, fragments: Sequence[Fragment], told: Told
) -> list[Fragment]:
    """A record's fragments; what points at a disputed record stands under the categories that this needs.

    Raises `INVALID_FIELD` unless the publisher itself told what is disputed, of the same registration.
    """
    released = {DataCategory(one) for part in fragments if part.free_text for one in part.categories}
    placed: list[Fragment] = []
    for part in fragments:
        if not (record_id := disputed(part.content)):
            placed.append(part)
            continue
        stream = work.vault.opaque_id("record", agency_id, record_id)
        where, about = told.get(stream) or _stored(work, stream)
        if where != registration_id or not about:
            field = "content.client_statement.disputes_record_id"
            raise Refused("INVALID_FIELD", field=field, rule="a record that the caller told of this person")
        needed = sorted(categories_of_pointer(about) | released)
        level = max((DEFAULT_LEVEL[category] for category in needed), key=lambda one: one.rank)
        placed.append(Pointer(tuple(needed), level, part.content))
    return placed


def _stored(work: Work, stream: UUID) -> tuple[UUID | None, frozenset[DataCategory]]:
    record = work.record(stream)
    if record is None:
        return None, frozenset()
    kinds = [read_fragment_class(fragment.fragment_class) for fragment in record.fragments]
    return UUID(bytes=record.registration_id), frozenset(one for kind in kinds for one in kind.categories)


def disputed_ids(work: Work, pair: UUID, wanted: Sequence[Wanted]) -> list[bytes]:
    """Of each element the recipient's id, 16 bytes, of the record it disputes; empty where there is none."""
    # Nearly nothing that is sent is a statement: the others are told by their first bytes, uncopied.
    return [
        _disputed_id(work, pair, one) if one.item.chunk.startswith(STATEMENT, one.item.start) else b""
        for one in wanted
    ]


def _disputed_id(work: Work, pair: UUID, one: Wanted) -> bytes:
    record_id = disputed(one.item.content)
    if not record_id:
        return b""
    stream = work.vault.opaque_id("record", one.item.kind.record.origin_agency_id, record_id)
    return work.vault.opaque_ids("element-record", pair.bytes, blocks=stream.bytes)
