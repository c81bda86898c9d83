"""Growing up: a parent's word for a child, and its end by the child's own (VOCABULARY section 10, case 6)."""

from datetime import timedelta
from uuid import UUID

from consent_ledger.domain import OwnWord
from consent_ledger.errors import Refused
from consent_ledger.facts import Registration
from consent_ledger.ledger import KeyOwner
from consent_ledger.parental_authority import ParentalAuthority
from consent_ledger.vocabulary import CaptureMethod, KeyCategory
from hub.use_cases.proxies import GivenBy
from hub.use_cases.work import Caller, Work

_CHILDHOOD = timedelta(days=16 * 366)


def require_authority(
    work: Work,
    child: Registration,
    method: CaptureMethod,
    authority: ParentalAuthority | None,
    given_by: GivenBy | None,
) -> None:
    """A parent's yes says who gave it, and when the child turns 16; no other yes does.

    Raises `INVALID_FIELD`, `IMPOSSIBLE_TIME`, and `PROXY_EXCLUDED` once the child spoke for themselves to the
    same agency. What they said to another must not show here: such a yes is recorded, and opens nothing.
    """
    if (authority is not None) is not (method is CaptureMethod.PARENTAL_RESPONSIBILITY):
        raise Refused("INVALID_FIELD", field="grant.parental_authority", rule="for PARENTAL_RESPONSIBILITY")
    if authority is None:
        return
    if given_by is None:
        raise Refused("INVALID_FIELD", field="grant.given_by", rule="required")
    field = "grant.parental_authority.sixteenth_birthday_date"
    # First: of a year behind 9997 there is no day two years on.
    if authority.sixteenth_birthday > (work.now + _CHILDHOOD).date():
        raise Refused("IMPOSSIBLE_TIME", field=field)
    if authority.ends <= work.now:
        raise Refused("INVALID_FIELD", field=field, rule="a parent's word has ended")
    if child.registration_id in work.index.own_words_on:
        raise Refused("PROXY_EXCLUDED")


def record_own_word(
    work: Work, caller: Caller, *, client_reference: str, assessment_reference: str, recorded_by: str
) -> int:
    """A child who understands what it means speaks for themselves: no parent's yes counts any more, at any
    age and whoever recorded it. Returns the position; saying it again answers the first."""
    found = work.registration(caller, client_reference)
    known = work.index.own_words_on.get(found.registration_id)
    if known is not None:
        return known
    word = OwnWord.begin(
        work.new_id(),
        registration_id=found.registration_id,
        assessment_reference=assessment_reference,
        recorded_by=recorded_by,
    )
    return work.save(word, _owner(found.registration_id))


def _owner(registration_id: UUID) -> KeyOwner:
    return KeyOwner(registration_id, KeyCategory.CONSENT)
