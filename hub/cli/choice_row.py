"""One recorded choice as a row of a table."""

from __future__ import annotations

from hub.cli import enums
from hub.cli.output import moment
from oncetold.v1.consent_service_pb2 import Choice, GivenBy, Scope


def row_of(choice: Choice) -> dict[str, object]:
    """One choice as `oncetold consent list` shows it."""
    kind = choice.WhichOneof("kind") or "unknown"
    scope = choice.grant.scope if kind == "grant" else choice.refusal
    detail = {"exclusion": choice.exclusion, "marker": enums.MARKER.word(choice.marker)}.get(kind, "")
    return {
        "choice_id": choice.choice_id,
        "kind": f"{kind} ({detail})" if detail else f"weak {kind}" if choice.weak else kind,
        "weak": choice.weak,
        "basis": enums.CONFIDENTIALITY.word(choice.grant.confidentiality_basis) if kind == "grant" else "",
        "evidence": choice.grant.evidence.reference,
        "given_by": _proxy(choice.grant.given_by) if choice.grant.HasField("given_by") else "",
        "state": enums.CHOICE_STATE.word(choice.state) if choice.state else "",
        "recipient": _recipient(scope) if kind in ("grant", "refusal") else "",
        "purposes": [enums.PURPOSE.word(purpose) for purpose in scope.purposes],
        "categories": [enums.CATEGORY.word(category) for category in scope.categories],
        "until": moment(choice.grant.effective_until_time) if kind == "grant" else "",
        "recorded_time": moment(choice.recorded_time),
    }


def _proxy(given: GivenBy) -> str:
    at = given.person
    return f"{at.agency_id}:{at.staff_reference}" if at.agency_id else given.client_reference or given.other


def _recipient(scope: Scope) -> str:
    match scope.WhichOneof("recipient"):
        case "agency_id":
            return scope.agency_id
        case "service_type":
            return f"every {enums.SERVICE_TYPE.phrase(scope.service_type)} service"
        case "support_team":
            return "the support team"
        case _:
            return "everybody"
