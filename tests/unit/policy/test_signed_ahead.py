"""Next year's agreement is signed in December: until it starts this year's counts, and no dose stops."""

from consent_ledger import facts
from consent_ledger.policy.agreement import effective_version
from consent_ledger.vocabulary import DataCategory, OnEnd, Purpose, Reason
from hub.projections.ended import counted_for


def version(number: int, category: DataCategory, *, begun: bool) -> facts.AgreementVersion:
    parties = {name: facts.Party({}, receives_only=False) for name in ("clinic", "hostel")}
    row = facts.Row(OnEnd.RESTRICT, self_captured_restricted=False)
    rows = {(category, Purpose.DIRECT_SUPPORT): row}
    return facts.AgreementVersion(number, parties, rows, "notice-1", begun, signed_by=set(parties))


def test_one_signed_ahead_counts_from_its_start() -> None:
    this_year = version(1, DataCategory.PHYSICAL_HEALTH, begun=True)
    next_year = version(2, DataCategory.ACCOMMODATION, begun=False)
    agreement = facts.Agreement("isa-1", [this_year, next_year])
    assert effective_version(agreement, "clinic", "hostel") is this_year
    assert counted_for(agreement, "clinic") is this_year, "whose end would have to be asked about"
    next_year.begun = True
    assert effective_version(agreement, "clinic", "hostel") is next_year
    assert counted_for(agreement, "clinic") is next_year


def test_a_gap_between_the_two_is_a_gap() -> None:
    this_year = version(1, DataCategory.PHYSICAL_HEALTH, begun=True)
    next_year = version(2, DataCategory.PHYSICAL_HEALTH, begun=False)
    agreement = facts.Agreement("isa-1", [this_year, next_year])
    this_year.lapsed = True
    assert effective_version(agreement, "clinic", "hostel") is Reason.AGREEMENT_NOT_IN_FORCE


def test_what_the_origin_signed_ahead_without_the_recipient_ends_it_at_once() -> None:
    this_year = version(1, DataCategory.PHYSICAL_HEALTH, begun=True)
    alone = version(2, DataCategory.PHYSICAL_HEALTH, begun=False)
    del alone.parties["hostel"]
    alone.signed_by = {"clinic"}
    agreement = facts.Agreement("isa-1", [this_year, alone])
    assert effective_version(agreement, "clinic", "hostel") is Reason.NOT_A_PARTY
