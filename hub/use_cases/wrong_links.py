"""What went to the wrong place by a link that was wrong: whose officers have a breach to assess.

It is worked out when the link is undone, from who was given and shown what since it was confirmed, and stands
in the entry that undoes it: nothing goes by it afterwards.
"""

from collections.abc import Iterable
from uuid import UUID

from consent_ledger.access import StepKind
from hub.projections.consent_index import Link, LinkState
from hub.use_cases.work import Work


def breached_by_link(work: Work, link: Link) -> list[str]:
    """Registrations whose content went across a link that is about to be undone, as text, in order.

    Where the two stay joined through others, people have yet to settle who is who: then only what went
    between the link's own two ends counts.
    """
    if link.state is not LinkState.CONFIRMED or link.second is None:
        return []
    one, other = (work.index.component(end, without=link) for end in (link.first, link.second))
    if one & other:
        one, other = frozenset({link.first}), frozenset({link.second})
    return _breached(work, one, other, link.changed)


def breached_by_error(work: Work, registration_id: UUID) -> list[str]:
    """The same for a registration about to be closed as made in error: none of its links was right."""
    one = frozenset({registration_id})
    since = [
        link.changed for link in work.index.links_of[registration_id] if link.state is LinkState.CONFIRMED
    ]
    others = work.index.component(registration_id) - one
    return _breached(work, one, others, min(since)) if others else []


def _breached(work: Work, one: Iterable[UUID], other: Iterable[UUID], since: int) -> list[str]:
    sides = frozenset(one), frozenset(other)
    found = []
    for here, there in (sides, sides[::-1]):
        holders = {work.index.pair_of(registration_id) for registration_id in there}
        found += [str(origin) for origin in here if _went(work, origin, holders, since)]
    return sorted(found)


def _went(work: Work, origin: UUID, holders: set[UUID], since: int) -> bool:
    """Whether anything of the registration was given to, or read about, one of these people since then."""
    return any(
        one.kind is not StepKind.RETRACT and one.position > since and one.pair in holders
        for one in work.disclosures.of_registration(origin)
    )
