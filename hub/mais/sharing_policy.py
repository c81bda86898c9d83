"""MAIS's SharingPolicy: an information sharing agreement as a document that others can read and write.

What MAIS has no field for stands under keys that begin with `oncetold:`, so that what is written here comes
back the same. Where a document lacks them, it is not completed by guessing: everything missing is named.

| Key | Where | What |
|---|---|---|
| `oncetold:agreement_id` | top | the agreement's id, if `Identifier` is another system's |
| `oncetold:version` | top | the version written; reading drafts a new one |
| `oncetold:notice_id` | top | the privacy notice that people were given |
| `oncetold:rows` | top | `category`, `purpose`, `on_end`, `self_captured_restricted`, any `retention_days` |
| `oncetold:kept_outside` | top | rule fields whose other codes the parties see to without the hub |
| `oncetold:receives_only` | Party | whether it only receives |
| `oncetold:bases` | Party | per `purpose` its `lawful_basis`, `article9` and `article10` (or null) |
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    DataCategory,
    LawfulBasis,
    OnEnd,
    Purpose,
)
from hub.mais import terms


@dataclass(frozen=True, slots=True)
class PolicyBasis:
    """One party's basis in law for one purpose. A condition that is `None` is stated to be none."""

    purpose: Purpose
    lawful_basis: LawfulBasis
    article9: Article9Condition | None
    article10: Article10Condition | None


@dataclass(frozen=True, slots=True)
class PolicyParty:
    """One agency, by its id at the hub; `name` is for people."""

    agency_id: str
    name: str
    receives_only: bool
    bases: tuple[PolicyBasis, ...]


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """What is agreed of one category for one purpose."""

    category: DataCategory
    purpose: Purpose
    on_end: OnEnd
    self_captured_restricted: bool
    retention_days: int = 0


@dataclass(frozen=True, slots=True)
class SharingPolicy:
    """An agreement with what MAIS adds to it: `uri`, `contact` and names, which the hub does not keep.

    Times are aware; `version` is 0 where none was written.
    """

    agreement_id: str
    version: int
    title: str
    start_time: datetime
    end_time: datetime
    notice_id: str
    parties: tuple[PolicyParty, ...]
    rows: tuple[PolicyRow, ...]
    uri: str
    contact: str


def write_policy(policy: SharingPolicy) -> str:
    """The document as JSON text."""
    document = {
        "@context": terms.PREFIXES,
        "URI": policy.uri,
        "Identifier": {"value": policy.agreement_id, "System": terms.AGREEMENT_SYSTEM},
        "Name": policy.title,
        "Contact": policy.contact,
        "Party": [_party(party) for party in policy.parties],
        "Data": terms.in_order(terms.of_category(row.category) for row in policy.rows),
        "Purpose": terms.in_order(terms.of_purpose(row.purpose) for row in policy.rows),
        "StartDate": _moment(policy.start_time),
        "EndDate": _moment(policy.end_time),
        "PermittedUse": terms.READ_AND_COPY,
        "Restrictions": terms.NO_PASSING_ON,
        "DataRecipientResponsibilities": (
            [terms.ERASING_DUTY] if all(row.on_end is OnEnd.ERASE for row in policy.rows) else []
        ),
        "SecurityMeasure": terms.SECURITY,
        "LegalCompliance": terms.LAW,
        "oncetold:version": policy.version,
        "oncetold:notice_id": policy.notice_id,
        "oncetold:rows": [
            {
                "category": row.category,
                "purpose": row.purpose,
                "on_end": row.on_end,
                "self_captured_restricted": row.self_captured_restricted,
                **({"retention_days": row.retention_days} if row.retention_days else {}),
            }
            for row in policy.rows
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _party(party: PolicyParty) -> dict[str, object]:
    return {
        "Name": party.name,
        "CatalogueID": [{"value": party.agency_id, "system": terms.AGENCY_SYSTEM}],
        "oncetold:receives_only": party.receives_only,
        "oncetold:bases": [
            {
                "purpose": basis.purpose,
                "lawful_basis": basis.lawful_basis,
                "article9": basis.article9,
                "article10": basis.article10,
            }
            for basis in party.bases
        ],
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
