"""The certificate of an erasure in plain English, for the person whom it was about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from consent_ledger.erasures import Erasure, ErasureGround, ErasurePart, ErasureState, HoldGround
from consent_ledger.working_days import LONDON
from hub.use_cases.sentences import NOBODY_MAY_DEMAND

_WHAT = {
    ErasurePart.RECORD: "one record about you",
    ErasurePart.CATEGORY: "everything of one kind that was recorded about you",
    ErasurePart.REGISTRATION: "everything that was recorded about you",
    ErasurePart.CLIENT: "everything that was recorded about you",
    ErasurePart.FRAGMENTS: "information about you that was kept for as long as agreed, and no longer",
}
_WHY = {
    ErasureGround.NO_LONGER_NECESSARY: "It was no longer needed.",
    ErasureGround.CONSENT_WITHDRAWN: "You took your agreement back.",
    ErasureGround.OBJECTION: "You objected to its use.",
    ErasureGround.UNLAWFUL: "It should not have been recorded.",
    ErasureGround.LEGAL_OBLIGATION: "The law required it.",
    ErasureGround.RETENTION: "The time for keeping it was over.",
}
_HELD = {
    HoldGround.LEGAL_OBLIGATION: "a law requires it",
    HoldGround.PUBLIC_HEALTH: "public health needs it",
    HoldGround.ARCHIVING: "it is needed for an archive, research or statistics in the public interest",
    HoldGround.LEGAL_CLAIMS: "it is needed for a legal claim",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says. Agencies by their public names.

    `recipients` had got some of it, and `unanswered` have not said yet that their copy is gone. `separable`:
    the reference itself can be erased. `holds`: the grounds on which something is kept for now.
    """

    erasure: Erasure
    recorded_by: Sequence[str]
    recipients: Sequence[str]
    unanswered: Sequence[str]
    separable: bool
    holds: Sequence[HoldGround]


def statement(facts: Facts) -> str:
    """The certificate's text: one paragraph for each thing that a person asks."""
    one = facts.erasure
    return "\n\n".join(
        (
            f"On {_day(one.fenced_at)} {_names(facts.recorded_by)} erased {_WHAT[one.part]}"
            f"{f' ({_pieces(one.fragments)})' if one.fragments else ''}. {_WHY[one.ground]}",
            "Nobody who uses this service can read it any more, and it is shared with nobody.",
            *_kept(facts),
            _copies(one),
            _elsewhere(facts),
            *_reference(facts),
            "What stays is this: scrambled data that nobody can unscramble, the proof that nothing else was"
            " changed, what you agreed to and refused, and with whom something was shared and when. That last"
            " part is kept so that it can always be shown who knew. It does not say what was shared.",
            NOBODY_MAY_DEMAND,
        )
    )


def _kept(facts: Facts) -> list[str]:
    if facts.erasure.state is not ErasureState.HELD:
        return []
    why = " and ".join(_HELD[ground] for ground in facts.holds)
    return [
        f"A part of it ({_pieces(len(facts.erasure.waiting))}) is kept for now because {why}. It is not"
        " shared with anybody meanwhile, and it is erased as soon as that reason ends."
    ]


def _copies(one: Erasure) -> str:
    if one.state is ErasureState.COMPLETE and one.gone_at is not None:
        return (
            f"The service's own keys to it were destroyed for good on {_day(one.gone_at)}. Backup copies of"
            f" those keys are gone after {_day(one.horizon)}."
        )
    return (
        f"Until {_day(one.horizon)} those who run the service could still bring it back from backup copies."
        " They must not, and after that day they cannot."
    )


def _elsewhere(facts: Facts) -> str:
    if not facts.recipients:
        return "None of it had been shared with another agency through this service."
    told = f"Some of it had been shared with {_names(facts.recipients)}."
    if not facts.unanswered:
        return f"{told} Each was told to take its copy away and has answered."
    return f"{told} {_names(facts.unanswered)} still has to answer what became of its copy."


def _reference(facts: Facts) -> list[str]:
    if not facts.erasure.whole or facts.separable:
        return []
    return [
        "The name or number by which you were registered was stored by an earlier version of this service, in"
        " a way in which it cannot be erased by itself. Those who run the service can still read that, and"
        " nothing else."
    ]


def _day(moment: datetime) -> str:
    at = moment.astimezone(LONDON)
    return f"{at.day} {at:%B %Y}"


def _names(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _pieces(count: int) -> str:
    return "1 piece of information" if count == 1 else f"{count} pieces of information"
