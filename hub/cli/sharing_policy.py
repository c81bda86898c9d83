"""Between MAIS's SharingPolicy and the contract's Agreement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    DataCategory,
    LawfulBasis,
    OnEnd,
    Purpose,
)
from hub.cli import enums
from hub.cli.errors import BadFile, Misused
from hub.mais.errors import NotJson, PolicyRefused
from hub.mais.json_text import MAX_BYTES
from hub.mais.policy_reader import read_policy
from hub.mais.sharing_policy import PolicyBasis, PolicyParty, PolicyRow, SharingPolicy, write_policy
from oncetold.v1.agreement_service_pb2 import Agreement, AgreementParty, AgreementRow, PartyBasis


def read_policy_file(path: Path) -> SharingPolicy:
    """The policy of a file. Raises BadFile; Misused naming everything that has to be mended."""
    name = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadFile(
            name, "", f"cannot be read ({error.strerror or 'unknown cause'})", "Check the path."
        ) from None
    try:
        return read_policy(raw)
    except NotJson as refused:
        where = f"line {refused.line}" if refused.line else ""
        raise BadFile(name, where, refused.rule, refused.next_step) from None
    except PolicyRefused as refused:
        lines = [f"{one.field or 'the document'} {one.rule}. {one.next_step}" for one in refused.problems]
        raise Misused(
            f"{name} cannot become an agreement yet:\n" + "\n".join(f"  {line}" for line in lines),
            refused.next_step,
            reason="BAD_FILE",
            details={one.field: one.rule for one in refused.problems},
        ) from None


def checked_policy_text(policy: SharingPolicy) -> str:
    """The document of a policy. Raises Misused for what no reader would take, such as a bad `--uri`."""
    text = write_policy(policy)
    try:
        read_policy(text.encode())
    except (NotJson, PolicyRefused) as refused:
        raise Misused(
            "As a SharingPolicy this would be refused: "
            + "; ".join(f"{field} {rule}" for field, rule in refused.details.items()),
            "Correct --uri or --contact; otherwise draft a version that can be written.",
            reason="INVALID_FIELD",
            details=refused.details,
        ) from None
    return text


def to_agreement(policy: SharingPolicy) -> Agreement:
    """The agreement of a policy; contact, address and names stay in the document."""
    agreement = Agreement(
        agreement_id=policy.agreement_id,
        title=policy.title,
        notice_id=policy.notice_id,
        parties=[
            AgreementParty(
                agency_id=party.agency_id,
                receives_only=party.receives_only,
                bases=[
                    PartyBasis(
                        purpose=enums.PURPOSE.value(basis.purpose),
                        lawful_basis=enums.LAWFUL_BASIS.value(basis.lawful_basis),
                        article9=_condition(enums.ARTICLE_9, basis.article9),
                        article10=_condition(enums.ARTICLE_10, basis.article10),
                    )
                    for basis in party.bases
                ],
            )
            for party in policy.parties
        ],
        rows=[
            AgreementRow(
                category=enums.CATEGORY.value(row.category),
                purpose=enums.PURPOSE.value(row.purpose),
                on_end=enums.ON_END.value(row.on_end),
                self_captured_restricted=row.self_captured_restricted,
                retention_days=row.retention_days,
            )
            for row in policy.rows
        ],
    )
    agreement.start_time.FromDatetime(policy.start_time)
    agreement.end_time.FromDatetime(policy.end_time)
    return agreement


def from_agreement(
    agreement: Agreement, version: int, *, uri: str, contact: str, names: Mapping[str, str]
) -> SharingPolicy:
    """The policy of an agreement as the hub tells it; `names` by agency id, else the id itself."""
    return SharingPolicy(
        agreement_id=agreement.agreement_id,
        version=version,
        title=agreement.title,
        start_time=agreement.start_time.ToDatetime(UTC),
        end_time=agreement.end_time.ToDatetime(UTC),
        notice_id=agreement.notice_id,
        parties=tuple(
            PolicyParty(
                party.agency_id,
                names.get(party.agency_id, party.agency_id),
                party.receives_only,
                tuple(_basis(basis) for basis in party.bases),
            )
            for party in agreement.parties
        ),
        rows=tuple(
            PolicyRow(
                DataCategory(enums.CATEGORY.word(row.category)),
                Purpose(enums.PURPOSE.word(row.purpose)),
                OnEnd(enums.ON_END.word(row.on_end)),
                row.self_captured_restricted,
                row.retention_days,
            )
            for row in agreement.rows
        ),
        uri=uri,
        contact=contact,
    )


def _condition(vocabulary: enums.Vocabulary, term: str | None) -> Any:
    return 0 if term is None else vocabulary.value(term)


def _basis(basis: PartyBasis) -> PolicyBasis:
    return PolicyBasis(
        Purpose(enums.PURPOSE.word(basis.purpose)),
        LawfulBasis(enums.LAWFUL_BASIS.word(basis.lawful_basis)),
        Article9Condition(enums.ARTICLE_9.word(basis.article9)) if basis.article9 else None,
        Article10Condition(enums.ARTICLE_10.word(basis.article10)) if basis.article10 else None,
    )
