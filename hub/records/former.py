"""Who somebody was before is nobody's record: former names and changes of sex marker stay home (SAFETY H28).

Passing them on without the person's word may be an offence (Gender Recognition Act 2004 s.22). They are given
as matching details, where they find other registrations and are kept nowhere.
"""

from consent_ledger.errors import Refused
from oncetold.v1 import records_pb2

FORMER = frozenset(
    {
        "former-name",
        "previous-name",
        "name-at-birth",
        "maiden-name",
        "sex-marker-change",
        "gender-reassignment",
        "gender-history",
    }
)
"""Kinds of status change, in whatever coding system; written with hyphens, underscores or spaces."""


def refuse_what_was_before(content: records_pb2.RecordContent, path: str) -> None:
    """Raises INVALID_FIELD for a status change that says who somebody was, or a wish not to be asked it: that
    tells that there is something to ask."""
    status = content.status_change
    for field, coding in (
        ("status_change.kind", status.kind),
        *((f"status_change.details[{at}].question", one.question) for at, one in enumerate(status.details)),
        *((f"status_change.details[{at}].coded", one.coded) for at, one in enumerate(status.details)),
        ("do_not_ask.about.question", content.do_not_ask.about.question),
    ):
        if "-".join(coding.code.lower().replace("_", " ").replace("-", " ").split()) in FORMER:
            raise Refused("INVALID_FIELD", field=f"{path}content.{field}", rule="matching details only")
