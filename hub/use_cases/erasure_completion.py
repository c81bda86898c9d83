"""Erasures are complete once the key epoch in which they were made has ended: no copy of the keys opens.

Time decides nothing by itself: the entry does, and its proof is the certificate.
"""

from datetime import timedelta

from consent_ledger import domain
from consent_ledger.erasures import Erasure
from consent_ledger.ledger import KeyOwner
from consent_ledger.vocabulary import KeyCategory
from hub.use_cases.hub import Hub
from hub.use_cases.work import Caller, Work

_AT_ONCE = 100


async def complete_what_is_gone(hub: Hub) -> int:
    """Records which erasures are complete; how many."""
    completed = 0
    while True:
        some = await hub.execute(
            complete_some, Caller(agency_id=None, operator=True), copies_kept=hub.key_copies_kept
        )
        completed += some
        if some < _AT_ONCE:
            return completed


def complete_some(work: Work, caller: Caller, *, copies_kept: timedelta, most: int = _AT_ONCE) -> int:
    """Completes some erasures whose keys lay under an epoch's key that is beyond recovery; how many."""
    caller.require_operator()
    ended = [one for one in work.transaction.epochs.ended() if one.gone_at <= work.now]
    completed = 0
    for erasure in work.index.erasures.values():
        gone = [one.gone_at for one in ended if erasure.last_fenced <= one.position]
        if completed == most or not gone or not _is_ready(work, erasure):
            continue
        one = work.repository.get(domain.Erasure, erasure.erasure_id)
        one.complete(min(gone), min(gone) + copies_kept)
        work.save(one, KeyOwner(erasure.registration_id, KeyCategory.CONSENT))
        completed += 1
    return completed


def _is_ready(work: Work, erasure: Erasure) -> bool:
    kept = erasure.whole and not all(work.index.registrations[one].erased for one in erasure.registrations)
    return not (erasure.complete_position or erasure.waiting or kept)
