"""What may happen to a world: each makes one thing otherwise; it may close, open or change nothing."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from consent_ledger import facts
from consent_ledger.sharing import DecisionKind, SharingDecision
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    LawfulBasis,
    MarkerKind,
)
from tests.policy_cases.worlds import CATEGORIES, NOTICES, PURPOSES, Somebody, World

HOW_MANY = ((0, 1, 2, 3, 5, 9), (1, 3, 4, 4, 3, 1))


def made(seed: int) -> World:
    """A world to which from none to nine things happened, most of them of three kinds."""
    world = World(seed)
    often = dict(_OFTEN)
    for favourite in world.random.sample(list(often), 3):
        often[favourite] += 30
    for _ in range(world.random.choices(*HOW_MANY)[0]):
        (happening,) = world.random.choices(list(often), list(often.values()))
        happening(world, world.person if world.chance(0.85) else world.other)
    return world


def grants(world: World, whom: Somebody) -> None:
    whom.grants.append(world.grant(whom))


def takes_back(world: World, whom: Somebody) -> None:
    """Withdraws a grant: its scope is closed in every earlier one."""
    if not whom.grants:
        return
    grant = world.random.choice(whom.grants)
    grant.withdrawn = world.chance(0.9)
    position = world.at(grant.position + 1, 1_000_001)
    whom.stops.append(
        facts.Stop(grant.registration_id, position, grant.scope, grant.grant_id, world.chance(0.2))
    )


def refuses(world: World, whom: Somebody) -> None:
    """To one, to some or to everybody; some or everything."""
    scope = world.scope(named=0.6)
    if world.chance(0.2):
        scope = replace(scope, purposes=frozenset())
    if world.chance(0.2):
        scope = replace(scope, categories=frozenset())
    whom.stops.append(facts.Stop(_on(world, whom), world.at(20), scope, None, False))


def shuts_out(world: World, whom: Somebody) -> None:
    agency = world.random.choice((world.recipient, world.recipient, world.third, None))
    category = world.random.choice(CATEGORIES) if agency is None else None
    whom.exclusions.append(
        facts.Exclusion(
            _on(world, whom),
            world.at(20),
            agency,
            None,
            category,
            False,
            world.origin,
            world.chance(0.2),
            linked_to_risk=world.chance(0.2),
            workplace=world.chance(0.1),
        )
    )


def is_marked(world: World, whom: Somebody) -> None:
    kind = world.pick(MarkerKind)
    if kind is MarkerKind.PROTECTED_ADDRESS and world.chance(0.8):
        whom.care_of.append((world.random.choice(world.records), world.random.choice((1, 2))))
    record = None if kind is MarkerKind.PROTECTED_ADDRESS else world.random.choice(world.records)
    whom.markers.append(
        facts.Marker(_on(world, whom), world.at(20), kind, record, world.origin, world.chance(0.2))
    )


def is_said_to_be_involved(world: World, whom: Somebody) -> None:
    by = world.random.choice((world.origin, world.third, world.recipient))
    whom.openings.append(world.opening(_on(world, whom), by, 20))


def only_its_own_word(world: World, whom: Somebody) -> None:
    """Nobody else says that the recipient works with them; it took their consent itself."""
    whom.openings = [one for one in whom.openings if one.by == world.recipient]
    for grant in whom.grants:
        if world.chance(0.8):
            grant.captured_by = world.recipient
    if world.chance(0.5):
        whom.openings.append(world.opening(_on(world, whom), world.recipient, 20))


def the_yes_counts_for_less(world: World, whom: Somebody) -> None:
    """Pressed, or brought along from an older system."""
    for grant in whom.grants:
        grant.weak = world.chance(0.6)
        if not grant.weak:
            grant.method = CaptureMethod.IMPORTED_LEGACY


def rests_on_something_else(world: World, whom: Somebody) -> None:
    """What is shared does not rest on the person's own yes."""
    for grant in whom.grants:
        grant.basis = world.pick(ConfidentialityBasis)
        grant.method = CaptureMethod.BEST_INTERESTS_RECORD
        grant.evidence = replace(grant.evidence, basis=world.evidence())


def the_law_is_another(world: World, whom: Somebody) -> None:
    """One party's basis in law, for everything it does."""
    basis = world.pick(LawfulBasis)
    version = world.random.choice(world.agreements).versions[-1]
    for name, party in version.parties.items():
        if world.chance(0.5):
            bases = {purpose: replace(one, lawful_basis=basis) for purpose, one in party.bases.items()}
            version.parties[name] = facts.Party(bases, party.receives_only)


def comes_late(world: World, whom: Somebody) -> None:
    """Registered, or its work ended, at some later time."""
    one = _of(world, whom, world.recipient)
    if world.chance(0.5):
        one.position = world.at(20)
    else:
        one.involvement_ended = world.at(20)


def something_is_said_of_them(world: World, whom: Somebody) -> None:
    one = whom.registrations[_on(world, whom)]
    name = world.random.choice(("restricted", "opted_out", "death_reported", "death_reported", "closed"))
    setattr(one, name, True)


def two_say_dead(world: World, whom: Somebody) -> None:
    for one in list(whom.registrations.values())[: world.random.choice((1, 2))]:
        one.death_reported = True


def is_joined_by_details_alone(world: World, whom: Somebody) -> None:
    every = list(whom.registrations)
    world.random.shuffle(every)
    whom.groups = [set(every[:1]), set(every[1:])] if world.chance(0.7) else [{one} for one in every]


def is_disputed(world: World, whom: Somebody) -> None:
    whom.disputed = True


def an_agreement_changes(world: World, whom: Somebody) -> None:
    agreement = world.random.choice(world.agreements)
    version = agreement.versions[-1]
    match world.random.randrange(7):
        case 0:
            agreement.terminated = True
        case 1:
            version.lapsed = True
        case 2:
            version.begun = False
        case 3:
            version.signed_by.discard(world.random.choice((world.origin, world.recipient)))
        case 4:
            version.parties[world.origin] = facts.Party(version.parties[world.origin].bases, True)
        case 5:
            world.agreements.append(world.agreement(f"isa-{len(world.agreements) + 1}"))
        case _:
            _is_drafted_anew(world, agreement)


def _is_drafted_anew(world: World, agreement: facts.Agreement) -> None:
    """A later version: narrower, under another notice, without somebody, not yet signed by everybody."""
    last = agreement.versions[-1]
    parties = dict(last.parties)
    if world.chance(0.3):
        parties.pop(world.random.choice((world.recipient, world.third)), None)
    rows = {pair: row for pair, row in last.rows.items() if world.chance(0.8)}
    notice = NOTICES[1] if world.chance(0.3) else last.notice_id
    signed = {one for one in parties if world.chance(0.8)}
    agreement.versions.append(
        facts.AgreementVersion(last.version + 1, parties, rows, notice, world.chance(0.9), signed_by=signed)
    )


def a_basis_changes(world: World, whom: Somebody) -> None:
    """In law, for some purposes of one party."""
    version = world.random.choice(world.agreements).versions[-1]
    party = world.random.choice(sorted(version.parties))
    bases = dict(version.parties[party].bases)
    for purpose in world.some(PURPOSES, 2):
        basis = bases.get(purpose)
        if basis is None:
            continue
        match world.random.randrange(6):
            case 0:
                del bases[purpose]
            case 1:
                bases[purpose] = replace(basis, article9=None)
            case 2:
                bases[purpose] = replace(basis, article10=None)
            case 3:
                bases[purpose] = replace(basis, article9=Article9Condition.A9_2_A)
            case 4:
                bases[purpose] = replace(basis, lawful_basis=LawfulBasis.A6_1_A)
            case _:
                bases[purpose] = replace(basis, lawful_basis=world.pick(LawfulBasis))
    version.parties[party] = facts.Party(bases, version.parties[party].receives_only)


def people_decide(world: World, whom: Somebody) -> None:
    """The holder's people share something with one agency."""
    basis = world.random.choices(
        (
            ConfidentialityBasis.PUBLIC_INTEREST,
            ConfidentialityBasis.EXPLICIT_CONSENT,
            world.pick(ConfidentialityBasis),
        ),
        (3, 1, 2),
    )[0]
    law = facts.PartyBasis(world.pick(LawfulBasis), Article9Condition.A9_2_G, None)
    other = facts.PartyBasis(
        LawfulBasis.A6_1_C, Article9Condition.A9_2_H, world.random.choice((None, Article10Condition.SCH1_P18))
    )
    every = (3, 5, 6, 7, 8)
    world.person.decisions.append(
        SharingDecision(
            world.id(),
            world.at(1),
            _on(world, world.person),
            world.random.choices((world.origin, world.third), (9, 1))[0],
            world.random.choices((world.recipient, world.third), (9, 1))[0],
            frozenset(world.some(PURPOSES, 3)),
            frozenset(world.some(CATEGORIES, 4)),
            law,
            other,
            basis,
            world.pick(DecisionKind),
            frozenset(every if world.chance(0.5) else world.some(every, 2)),
            frozenset(world.some(world.records, 0)),
            world.random.choice(NOTICES),
            world.evidence(),
            world.moment(),
            ended=world.chance(0.1),
            expired=world.chance(0.1),
        )
    )


def nobody_said_so_and_then_a_no(world: World, whom: Somebody) -> None:
    """What was shared rests on no word of theirs; before or after, they say no."""
    for grant in whom.grants:
        grant.basis = world.random.choice(sorted(BASES_THAT_A_NO_CLOSES))
        grant.method = CaptureMethod.BEST_INTERESTS_RECORD
        grant.evidence = replace(grant.evidence, basis=_COMPLETE)
    refuses(world, whom)


def another_yes_is_taken_back(world: World, whom: Somebody) -> None:
    """A later yes that covers the envelope, and little content, is given and taken back."""
    later = world.grant(whom)
    categories = frozenset({DataCategory.SERVICE_CONTACT, world.random.choice(CATEGORIES)})
    later.scope = replace(later.scope, purposes=frozenset(PURPOSES), categories=categories)
    later.withdrawn = True
    whom.grants.append(later)
    stop = facts.Stop(
        later.registration_id, world.at(later.position, 1_000_001), later.scope, later.grant_id, False
    )
    whom.stops.append(stop)


def shut_out_and_decided(world: World, whom: Somebody) -> None:
    """The safeguarding lead decides although somebody is shut out, or something is marked."""
    world.random.choice((shuts_out, is_marked))(world, whom)
    law = facts.PartyBasis(LawfulBasis.A6_1_C, Article9Condition.A9_2_G, Article10Condition.SCH1_P18)
    people_decide(world, whom)
    world.person.decisions[-1] = replace(
        world.person.decisions[-1],
        holder_agency_id=world.origin,
        recipient_agency_id=world.recipient,
        purposes=frozenset(PURPOSES),
        categories=frozenset(CATEGORIES),
        holder_basis=law,
        recipient_basis=law,
        confidentiality_basis=ConfidentialityBasis.PUBLIC_INTEREST,
        kind=world.random.choices((DecisionKind.SAFEGUARDING, world.pick(DecisionKind)), (2, 1))[0],
        evidence=_COMPLETE,
    )


def an_objection(world: World, whom: Somebody) -> None:
    """They take a yes back; what goes on rests on something else, under a law that lets them object."""
    version = world.agreements[0].versions[-1]
    basis = world.random.choice((LawfulBasis.A6_1_E, LawfulBasis.A6_1_EA, LawfulBasis.A6_1_F))
    for name, party in version.parties.items():
        bases = {purpose: replace(one, lawful_basis=basis) for purpose, one in party.bases.items()}
        version.parties[name] = facts.Party(bases, party.receives_only)
    for grant in whom.grants:
        grant.basis = ConfidentialityBasis.PUBLIC_INTEREST
        grant.evidence = replace(grant.evidence, basis=_COMPLETE)
    another_yes_is_taken_back(world, whom)


BASES_THAT_A_NO_CLOSES = frozenset(
    {
        ConfidentialityBasis.IMPLIED_CONSENT,
        ConfidentialityBasis.BEST_INTERESTS,
        ConfidentialityBasis.NOT_CONFIDENTIAL,
    }
)
_COMPLETE = facts.BasisEvidence("file", True, "doctor", "lead", "worker")


def _on(world: World, whom: Somebody) -> UUID:
    return world.random.choice(list(whom.registrations))


def _of(world: World, whom: Somebody, agency: str) -> facts.Registration:
    return next(one for one in whom.registrations.values() if one.agency_id == agency)


_OFTEN: dict[Callable[[World, Somebody], None], int] = {
    grants: 12,
    takes_back: 6,
    refuses: 6,
    shuts_out: 4,
    is_marked: 4,
    is_said_to_be_involved: 4,
    only_its_own_word: 4,
    rests_on_something_else: 4,
    the_yes_counts_for_less: 3,
    the_law_is_another: 4,
    comes_late: 4,
    something_is_said_of_them: 3,
    two_say_dead: 1,
    is_joined_by_details_alone: 3,
    is_disputed: 1,
    an_agreement_changes: 8,
    a_basis_changes: 8,
    people_decide: 8,
    nobody_said_so_and_then_a_no: 4,
    another_yes_is_taken_back: 4,
    shut_out_and_decided: 4,
    an_objection: 4,
}
