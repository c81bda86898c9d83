"""The oracle's events in the product's own words: what each use case takes."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from consent_ledger.facts import BasisEvidence
from consent_ledger.statutory_duties import Duties
from consent_ledger.vocabulary import DEFAULT_LEVEL, DataCategory, Level, StatutoryDuty
from hub.records.risk import review_by
from hub.records.splitter import SplitFragment, split
from hub.use_cases import consents
from hub.use_cases.work import Work
from tests.oracle import history as h
from tests.oracle.contract import record_message


def _stamped(event: h.RecordPublished, part: h.Part) -> str:
    """Content that says whose it is, so that it is known again wherever it turns up."""
    kind = "text" if part.free_text else "fields"
    return f"{event.agency}/{event.record_id}/{event.revision}/{kind}/{'+'.join(sorted(part.categories))}"


def fragments(event: h.RecordPublished) -> tuple[tuple[SplitFragment, ...], datetime | None]:
    """The record's fragments and its review date: a judgement of risk as the hub itself splits and dates it,
    anything else straight from its parts."""
    if any(part.risk is not None for part in event.parts):
        message = record_message(event)
        return split(message).fragments, review_by(message)
    return tuple(_fragment(event, part) for part in event.parts), event.review_by


def _fragment(event: h.RecordPublished, part: h.Part) -> SplitFragment:
    levels = [DEFAULT_LEVEL[DataCategory(category)] for category in part.categories]
    level = Level.V if part.free_text else max(levels, key=lambda one: one.rank)
    return SplitFragment(
        tuple(sorted(part.categories)),
        level,
        part.free_text,
        part.third_party,
        _stamped(event, part).encode(),
    )


def recipient(named: h.Recipient | None) -> dict[str, Any]:
    if named is None:
        return {}
    return {
        "agency_id": named.agency,
        "service_type": named.service_type,
        "support_team": named.support_team,
    }


def grant(event: h.GrantRecorded) -> dict[str, Any]:
    return {
        "purposes": sorted(event.purposes),
        "categories": sorted(event.categories),
        **recipient(event.recipient),
        "confidentiality_basis": event.basis,
        "capture_method": event.method,
        "notice_id": event.notice,
        "given_time": event.given,
        "effective_from_time": event.effective_from,
        "effective_until_time": event.effective_until,
        "data_from_time": event.data_from,
        "data_until_time": event.data_until,
        "asked_alone": event.asked_alone,
        "service_offered_anyway": event.service_offered_anyway,
        "told_may_refuse": event.told_may_refuse,
        "capacity_in_doubt": event.capacity_in_doubt,
        "evidence": _evidence(event.evidence),
    }


def _evidence(shown: h.Evidence) -> BasisEvidence:
    return BasisEvidence(
        shown.reference,
        shown.told_care_team,
        shown.decision_maker,
        shown.authorised_by,
        shown.recorded_by,
        None if shown.duty is None else StatutoryDuty(shown.duty),
    )


def agreement(event: h.AgreementDrafted) -> dict[str, Any]:
    def iso(moment: datetime) -> str:
        return moment.isoformat()

    return {
        "agreement_id": event.agreement,
        "title": event.agreement,
        "start_time": iso(event.start),
        "end_time": iso(event.end),
        "notice_id": event.notice,
        "parties": [
            {
                "agency_id": party.agency,
                "receives_only": party.receives_only,
                "bases": [
                    {
                        "purpose": basis.purpose,
                        "lawful_basis": basis.lawful_basis,
                        "article9": basis.article9,
                        "article10": basis.article10,
                    }
                    for basis in party.bases
                ],
            }
            for party in event.parties
        ],
        "rows": [
            {
                "category": row.category,
                "purpose": row.purpose,
                "on_end": row.on_end,
                "self_captured_restricted": row.self_captured_restricted,
            }
            for row in event.rows
        ],
    }


def unasked(patch: pytest.MonkeyPatch) -> None:
    """The hub records grants without asking what their basis rests on."""

    def taken_as_said(
        work: Work, scope: Any, basis: Any, method: Any, said: BasisEvidence, duties: Duties
    ) -> BasisEvidence:
        in_force = said.duty is not None and duties[said.duty].in_force_at(work.now)
        return replace(said, duty_since=duties[said.duty].since if said.duty and in_force else None)

    patch.setattr(consents, "_evidenced", taken_as_said)
