"""One element as a feed should hold it, and its names there: its etag, the recipient's id of its record."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from hub.projections.fragments import Item
from hub.projections.held import Held, Terms
from hub.use_cases.work import Work

_ID = 16


class Wanted(NamedTuple):
    """One element as the feed should hold it. Ids are 16 bytes; the element's is the recipient's own.

    `ring`: of a risk to others nothing is left but the warning and whom to ring; `None` for content as it is.
    """

    element_id: bytes
    fragment_id: bytes
    origin: bytes
    item: Item
    terms: Terms
    ring: str | None = None

    @property
    def with_content(self) -> bool:
        """Whether content goes along: a repeated greying sends no more than the first."""
        return self.ring is not None or self.terms.active


def as_held(revisions: Sequence[Item], durable: Held) -> Item | None:
    """The revision that the partner holds: nothing newer may be sent once no purpose is active."""
    return next((one for one in revisions if one.revision == durable.revision and not one.gone), None)


def etags(work: Work, wanted: Sequence[Wanted]) -> dict[bytes, bytes]:
    """By element: 16 bytes that name exactly this content under exactly these terms."""
    together: dict[tuple[int, int, str | None], tuple[Terms, list[bytes]]] = {}
    elements: list[bytes] = []
    alike: tuple[Terms | None, int, str | None] = (None, 0, None)
    for element_id, _, _, item, terms, ring in wanted:
        # Mostly one is like the one before.
        if terms is not alike[0] or item.revision != alike[1] or ring != alike[2]:
            alike = (terms, item.revision, ring)
            elements = together.setdefault((id(terms), item.revision, ring), (terms, []))[1]
        elements.append(element_id)
    found: dict[bytes, bytes] = {}
    for (_, revision, ring), (terms, elements) in together.items():
        context = ("etag", terms.written(), str(revision), "" if ring is None else f"ring {ring}")
        made = work.vault.opaque_ids(*context, blocks=b"".join(elements))
        found.update(zip(elements, _each(made), strict=True))
    return found


def record_ids(work: Work, pair: UUID, wanted: Sequence[Wanted]) -> list[bytes]:
    """Each element's record id, 16 bytes: the recipient's own, so that comparing them tells nothing."""
    records = [one.item.record_id for one in wanted]
    return _each(work.vault.opaque_ids("element-record", pair.bytes, blocks=b"".join(records)))


def _each(ids: bytes) -> list[bytes]:
    """Ids that stand side by side."""
    return [ids[at : at + _ID] for at in range(0, len(ids), _ID)]
