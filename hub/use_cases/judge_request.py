"""Judges a request under the agreements it claims (MAIS); keeps request, versions and verdict for good."""

import json
from dataclasses import replace

from consent_ledger.access import Accessed, AccessKind
from consent_ledger.errors import Refused
from consent_ledger.ledger import Entry, KeyOwner, Part
from consent_ledger.vocabulary import KeyCategory
from hub.mais.judge import judge
from hub.mais.request import Judgement, SharingRequest
from hub.use_cases.observer import Outcomes
from hub.use_cases.work import Caller, Work

SCHEMA = "judgement.v1"
"""The part of an access entry that holds a judgement, beside the part every access entry has."""


def judge_request(work: Work, caller: Caller, *, request: SharingRequest) -> tuple[Judgement, int]:
    """The judgement, and the position of its access entry (kind AUDIT).

    The requester is the caller; `INVALID_FIELD` when it asks itself. The entry holds the request, the
    versions judged and what was found, and nobody: a request names no person.
    """
    if request.provider_agency_id == caller.agency():
        raise Refused("INVALID_FIELD", field="request.provider_agency_id", rule="not the caller itself")
    judgement = judge(request, caller.agency(), work.index.agreements)
    work.outcomes += Outcomes.of(judgement.verdict)
    access = Accessed(AccessKind.AUDIT, caller.agency_id, caller.name, key=caller.key_sha256).draft(
        work.new_id()
    )
    part = Part(SCHEMA, _written(request, judgement), (KeyOwner(None, KeyCategory.ACCESS),))
    return judgement, work.append(replace(access, parts=(*access.parts, part)))


def judgement_in(entry: Entry) -> dict[str, object] | None:
    """What an entry keeps of a judgement, as JSON values; `None` if it is of another kind."""
    for part in entry.parts:
        if part.schema == SCHEMA:
            found: dict[str, object] = json.loads(part.payload)
            return found
    return None


def _written(request: SharingRequest, judgement: Judgement) -> bytes:
    return json.dumps(
        {
            "request": request.identifier,
            "date_stamp": request.date_stamp.isoformat(),
            "provider": request.provider_agency_id,
            "purpose": request.asserted_purpose,
            "categories": request.categories,
            "verdict": judgement.verdict,
            "agreements": [
                [one.agreement_id, one.version, one.verdict, one.reason] for one in judgement.agreements
            ],
        },
        separators=(",", ":"),
    ).encode()
