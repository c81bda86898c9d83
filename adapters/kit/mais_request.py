"""MAIS's Request, as this side speaks it: read for what is asked, written for what is asked of us.

MAIS (version 0.1) names Identifier, DateStamp, RequesterIdentifier, RequestedData, AssertedPurpose and the
policies claimed. It lacks the client's reference, the basis in law, the power and the reason: these are keys
of our own, which begin with `oncetold:`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.kit.errors import AdapterError
from oncetold.v1 import common_pb2, sharing_pb2
from oncetold.v1 import sharing_service_pb2 as messages

AGENCY_SYSTEM = "https://oncetold.org/ns/agency"
CLIENT_SYSTEM = "https://oncetold.org/ns/client"
_DPV = {
    "DIRECT_SUPPORT": "dpv:ServiceProvision",
    "CARE_COORDINATION": "dpv:RequestedServiceProvision",
    "ASSESSMENT_REUSE": "dpv:ServiceProvision",
    "REFERRAL_ELIGIBILITY": "dpv:ServiceAccessDetermination",
    "CRIME_PREVENTION": "dpv:ProtectionOfPublicSecurity",
    "LEGAL_DUTY_OR_CLAIM": "dpv:LegalCompliance",
}
"""Several of our purposes may share one of DPV's terms: ours stand beside it."""
_DECISION = {"WAITING": "REVIEW", "PERMITTED": "PERMIT", "NOT_SHARED": "DENY"}
_MOST_BYTES = 64 * 1024


class RequestUnusable(AdapterError):
    """The file is no request that can be sent. `problems` are sentences, each naming the field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(
            "REQUEST_UNUSABLE", " ".join(problems), "Correct the file. An example: sharing ask --help"
        )


def number(enum: Any, name: str, field: str) -> Any:
    """A term's number in the contract. Raises RequestUnusable, which lists the terms."""
    prefix = enum.DESCRIPTOR.values[0].name.removesuffix("UNSPECIFIED")
    known = [one.removeprefix(prefix) for one in enum.keys()[1:]]  # not a mapping
    if name not in known:
        raise RequestUnusable([f"{field} is one of: {', '.join(known)}."])
    return enum.Value(prefix + name)


def word(enum: Any, value: int) -> str:
    """A term as people write it; empty for none."""
    prefix: str = enum.DESCRIPTOR.values[0].name.removesuffix("UNSPECIFIED")
    return str(enum.Name(value)).removeprefix(prefix) if value else ""


def read_request(raw: bytes, request_id: str) -> messages.RequestSharingRequest:
    """What a file asks for. Raises RequestUnusable."""
    if len(raw) > _MOST_BYTES:
        raise RequestUnusable(["The file is larger than 64 KiB."])
    try:
        top = json.loads(raw)
    except (ValueError, RecursionError):
        raise RequestUnusable(["The file is not JSON in UTF-8."]) from None
    problems: list[str] = []
    top = _object(top, "The file", problems)
    data = _object(top.get("RequestedData"), "RequestedData", problems)
    query = _object(data.get("Query"), "RequestedData.Query", problems)
    identifier = _object(query.get("Identifier"), "RequestedData.Query.Identifier", problems)
    basis = _object(top.get("oncetold:basis"), "oncetold:basis", problems)
    reference = _text(identifier.get("value"), "RequestedData.Query.Identifier.value", problems)
    why = _text(top.get("oncetold:why"), "oncetold:why", problems)
    power = _text(top.get("oncetold:power"), "oncetold:power", problems)
    purposes = _texts(top.get("oncetold:purposes"), "oncetold:purposes", problems)
    categories = _texts(data.get("oncetold:categories"), "RequestedData.oncetold:categories", problems)
    if problems:
        raise RequestUnusable(problems)
    return messages.RequestSharingRequest(
        request_id=request_id,
        client_reference=reference,
        purposes=[number(common_pb2.Purpose, one, "oncetold:purposes") for one in purposes],
        categories=[number(common_pb2.DataCategory, one, "oncetold:categories") for one in categories],
        basis=read_basis(basis),
        power=number(sharing_pb2.SharingPower, power, "oncetold:power"),
        why=why,
    )


def read_basis(basis: Mapping[str, Any]) -> sharing_pb2.BasisInLaw:
    """A basis in law by its three terms; the conditions may be missing. Raises RequestUnusable."""
    given = {name: str(basis.get(name) or "") for name in ("lawful_basis", "article9", "article10")}
    return sharing_pb2.BasisInLaw(
        lawful_basis=number(common_pb2.LawfulBasis, given["lawful_basis"], "lawful_basis"),
        article9=_condition(common_pb2.Article9Condition, given["article9"], "article9"),
        article10=_condition(common_pb2.Article10Condition, given["article10"], "article10"),
    )


def _condition(enum: Any, name: str, field: str) -> Any:
    return number(enum, name, field) if name else 0


def write_request(asked: sharing_pb2.AskedSharing) -> dict[str, object]:
    """A request as MAIS writes it, with MAIS's decision where it is ours."""
    purposes = _words(common_pb2.Purpose, asked.purposes)
    written: dict[str, object] = {
        "Identifier": asked.sharing_request_id,
        "DateStamp": asked.asked_time.ToJsonString(),
        "RequesterIdentifier": {"value": asked.asking_agency_id, "system": AGENCY_SYSTEM},
        "RequestedData": {
            "Query": {"Identifier": {"value": asked.client_reference, "system": CLIENT_SYSTEM}},
            "oncetold:categories": _words(common_pb2.DataCategory, asked.categories),
        },
        "AssertedPurpose": list(dict.fromkeys(_DPV.get(one, f"oncetold:{one}") for one in purposes)),
        "SharingPolicy": [],
        "oncetold:purposes": purposes,
        "oncetold:basis": {
            "lawful_basis": word(common_pb2.LawfulBasis, asked.basis.lawful_basis),
            "article9": word(common_pb2.Article9Condition, asked.basis.article9),
            "article10": word(common_pb2.Article10Condition, asked.basis.article10),
        },
        "oncetold:power": word(sharing_pb2.SharingPower, asked.power),
        "oncetold:due": asked.due_time.ToJsonString(),
    }
    if asked.status:
        written["Decision"] = _DECISION[word(sharing_pb2.SharingStatus, asked.status)]
        written["oncetold:decisions"] = [one.decision_id for one in asked.permitted]
    else:
        written["oncetold:why"] = asked.why
        written["oncetold:overdue"] = asked.overdue
        written["oncetold:answered"] = word(sharing_pb2.SharingAnswerKind, asked.answered)
    return written


def _words(enum: Any, values: Iterable[int]) -> list[str]:
    return [word(enum, one) for one in values]


def _object(value: object, where: str, problems: list[str]) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(f"{where} must be an object in braces.")
    return {}


def _text(value: object, where: str, problems: list[str]) -> str:
    if isinstance(value, str) and value:
        return value
    problems.append(f"{where} must be a text.")
    return ""


def _texts(value: object, where: str, problems: list[str]) -> list[str]:
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return value
    problems.append(f"{where} must be a list of terms.")
    return []
