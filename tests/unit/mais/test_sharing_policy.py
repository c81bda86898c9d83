"""A policy that was written here comes back the same; one that was not is told everything it lacks."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from hub.cli.sharing_policy import from_agreement, to_agreement
from hub.mais.errors import NotJson, PolicyRefused
from hub.mais.policy_reader import read_policy
from hub.mais.sharing_policy import write_policy
from hub.records import validation
from oncetold.v1.agreement_service_pb2 import Agreement, DraftAgreementRequest
from tests.unit.mais.policies import agreements

URI = "https://northside.example/sharing/2026.json"

WRITTEN: dict[str, Any] = {
    "URI": URI,
    "Identifier": {"value": "northside-2026", "System": "https://oncetold.org/ns/agreement"},
    "Name": "Northside support partnership",
    "Contact": "dpo@northside.example",
    "Party": [
        {
            "Name": agency.title(),
            "CatalogueID": [{"value": agency, "system": "https://oncetold.org/ns/agency"}],
            "oncetold:receives_only": False,
            "oncetold:bases": [
                {
                    "purpose": "DIRECT_SUPPORT",
                    "lawful_basis": "A6_1_E",
                    "article9": "A9_2_H",
                    "article10": None,
                }
            ],
        }
        for agency in ("northside", "harbour")
    ],
    "Data": ["oncetold:IDENTITY"],
    "Purpose": ["dpv:ServiceProvision"],
    "StartDate": "2026-01-01",
    "EndDate": "2027-01-01T01:00:00+01:00",
    "PermittedUse": ["odrl:read", "http://www.w3.org/ns/odrl/2/reproduce"],
    "oncetold:notice_id": "northside-notice-1",
    "oncetold:rows": [
        {
            "category": "IDENTITY",
            "purpose": "DIRECT_SUPPORT",
            "on_end": "RESTRICT",
            "self_captured_restricted": False,
        }
    ],
}
FOREIGN = {
    "URI": "https://county.example/policies/7",
    "Identifier": {"value": "DSA/2026/7", "System": "https://county.example/dsa"},
    "Name": "County adult support",
    "Contact": "information governance team",
    "Party": [
        {"Name": "County Council", "CatalogueID": ["https://catalogue.example/county"]},
        {"Name": "Night shelter", "CatalogueID": ["https://catalogue.example/shelter"]},
    ],
    "Data": ["Adult social care case records"],
    "Purpose": ["https://w3id.org/dpv#ServiceProvision"],
    "StartDate": "2026-01-01",
    "EndDate": "2027-01-01",
    "PermittedUse": ["odrl:read", "odrl:reproduce"],
}


def document(change: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
    """A policy that can be read, changed in one place."""
    changed = copy.deepcopy(WRITTEN)
    change(changed)
    return json.dumps(changed).encode()


def problems(raw: bytes) -> dict[str, str]:
    """Field to rule of everything a document is refused for."""
    with pytest.raises(PolicyRefused) as refused:
        read_policy(raw)
    assert all(one.next_step for one in refused.value.problems)
    return {one.field: one.rule for one in refused.value.problems}


@given(agreements())
def test_what_is_exported_comes_back_identical(agreement: Agreement) -> None:
    request = DraftAgreementRequest(request_id="4fd4b0a1-2d0e-4a5e-9d5e-0f6a3f1c2b11", agreement=agreement)
    validation.check(request, datetime(2026, 3, 2, tzinfo=UTC))
    policy = from_agreement(agreement, 3, uri=URI, contact="dpo@northside.example", names={})
    text = write_policy(policy)

    assert read_policy(text.encode()) == policy
    assert to_agreement(read_policy(text.encode())) == agreement


def test_a_policy_is_read_as_it_says() -> None:
    policy = read_policy(document())

    assert (policy.agreement_id, policy.title, policy.version) == (
        "northside-2026",
        "Northside support partnership",
        0,
    )
    assert (policy.start_time, policy.end_time) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert [party.agency_id for party in policy.parties] == ["northside", "harbour"]
    assert policy.parties[0].bases[0].article10 is None


def test_a_policy_of_somebody_else_is_told_everything_it_lacks_at_once() -> None:
    assert problems(json.dumps(FOREIGN).encode()) == {
        "oncetold:agreement_id": "is missing",
        "oncetold:notice_id": "is missing",
        "oncetold:rows": "is missing",
        "Party[1].CatalogueID": "does not hold one id of an agency at this hub",
        "Party[1].oncetold:receives_only": "is missing",
        "Party[1].oncetold:bases": "is missing",
        "Party[2].CatalogueID": "does not hold one id of an agency at this hub",
        "Party[2].oncetold:receives_only": "is missing",
        "Party[2].oncetold:bases": "is missing",
    }


def row(**changes: object) -> dict[str, object]:
    return {**WRITTEN["oncetold:rows"][0], **changes}


def basis(document: dict[str, Any], party: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = document["Party"][party]["oncetold:bases"][0]
    return found


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        (lambda d: d.pop("URI"), "URI", "is missing"),
        (lambda d: d.pop("Contact"), "Contact", "is missing"),
        (lambda d: d.update(Name="a\u202eb"), "Name", "is not of the form"),
        (lambda d: d.update(Name="\ud800"), "Name", "is not of the form"),
        (lambda d: d.update(Name=["x"]), "Name", "is not of the form"),
        (lambda d: d.update(Name="x" * 201), "Name", "is not of the form"),
        (lambda d: d.update(StartDate="2026-01-01T09:00:00"), "StartDate", "with its offset"),
        (lambda d: d.update(StartDate="0001-01-01T00:00:00+23:00"), "StartDate", "with its offset"),
        (lambda d: d.update(EndDate="2026-01-01"), "EndDate", "is not after StartDate"),
        (lambda d: d.update(EndDate=20270101), "EndDate", "is not a date"),
        (lambda d: basis(d).pop("lawful_basis"), "Party[1].oncetold:bases[1].lawful_basis", "is missing"),
        (lambda d: basis(d).pop("article9"), "Party[1].oncetold:bases[1].article9", "is missing"),
        (
            lambda d: basis(d, 1).update(lawful_basis=None),
            "Party[2].oncetold:bases[1].lawful_basis",
            "must be one of A6_1_A",
        ),
        (
            lambda d: basis(d, 1).update(lawful_basis="consent"),
            "Party[2].oncetold:bases[1].lawful_basis",
            "must be one of A6_1_A",
        ),
        (
            lambda d: basis(d).update(purpose="RESEARCH"),
            "Party[1].oncetold:bases",
            "states no basis for DIRECT_SUPPORT",
        ),
        (
            lambda d: d["Party"][0]["oncetold:bases"].append(basis(d)),
            "Party[1].oncetold:bases[2]",
            "second basis",
        ),
        (lambda d: d["Party"].pop(), "Party", "names one agency alone"),
        (lambda d: d["Party"].append(d["Party"][0]), "Party", "names an agency twice"),
        (lambda d: d["oncetold:rows"].append(row()), "oncetold:rows[2]", "a second time"),
        (lambda d: d["oncetold:rows"][0].pop("on_end"), "oncetold:rows[1].on_end", "is missing"),
        (
            lambda d: d["oncetold:rows"][0].update(category="SECRETS"),
            "oncetold:rows[1].category",
            "must be one of",
        ),
        (
            lambda d: d["oncetold:rows"].append(row(category="FAMILY")),
            "Data",
            "lacks oncetold:FAMILY",
        ),
        (lambda d: d["Data"].append("oncetold:FAMILY"), "Data[2]", "is no category of the rows"),
        (lambda d: d["Purpose"].append("Section 47"), "Purpose[2]", "is no purpose of the rows"),
        (lambda d: d["PermittedUse"].pop(), "PermittedUse", "does not permit reading and copying"),
        (lambda d: d["PermittedUse"].append("odrl:sell"), "PermittedUse[3]", "hub can hold to"),
        (lambda d: d.update(Restrictions=["odrl:read"]), "Restrictions", "forbids reading"),
        (lambda d: d.update(SecurityMeasure=["AES-256"]), "SecurityMeasure[1]", "hub can hold to"),
        (
            lambda d: d.update(DataRecipientResponsibilities=["odrl:delete"]),
            "DataRecipientResponsibilities",
            "demands erasure",
        ),
        (lambda d: d.update(Purposes=[]), "Purposes", "means nothing here"),
        (lambda d: d.update({"\x1b[31m": 1}), "(a key that is no word)", "means nothing here"),
        (lambda d: d.update({"@context": {"oncetold": "x:y"}}), "@context", "redefines"),
        (lambda d: d.update({"oncetold:kept_outside": [{}]}), "oncetold:kept_outside[1]", "must be one of"),
    ],
)
def test_each_fault_is_named_by_field_and_rule(
    change: Callable[[dict[str, Any]], object], field: str, rule: str
) -> None:
    read_policy(document())
    found = problems(document(change))

    assert rule in found[field]


def test_the_parties_may_say_that_they_see_to_a_rule_without_the_hub() -> None:
    def change(found: dict[str, Any]) -> None:
        found["SecurityMeasure"] = ["AES-256"]
        found["oncetold:kept_outside"] = ["SecurityMeasure"]

    assert read_policy(document(change)) == read_policy(document())


def test_an_agreement_of_erasures_alone_is_exported_as_a_duty_to_delete() -> None:
    def change(found: dict[str, Any]) -> None:
        found["oncetold:rows"][0]["on_end"] = "ERASE"

    duties = "DataRecipientResponsibilities"
    assert json.loads(write_policy(read_policy(document(change))))[duties] == ["odrl:delete"]
    assert json.loads(write_policy(read_policy(document())))[duties] == []


@pytest.mark.parametrize(
    ("raw", "rule", "line"),
    [
        (b'{\n"URI": "a",\n"URI": "b"}', "the key URI twice", 0),
        (b'{"\x1b[31m": 1, "\\u001b[31m": 2}', "is not JSON", 1),
        (b'{"oncetold:version": NaN}', "not whole", 0),
        (b'{"oncetold:version": Infinity}', "not whole", 0),
        (b'{"oncetold:version": 1.5}', "not whole", 0),
        (b'{"oncetold:version": ' + b"9" * 5000 + b"}", "digits", 0),
        (b'{\n\n"Data": ' + b"[" * 100_000, "nested deeper", 3),
        (b'{"Name": "' + b"[" * 50 + b'", "Data"}', "is not JSON", 1),
        (b'{\n"URI" "a"}', "is not JSON", 2),
        (b"[]", "must be one object", 0),
        (b"", "is not JSON", 1),
        (b"\xff\xfe{}", "is not UTF-8", 0),
        (b" " * (1 << 20) + b"{}", "larger than 1 MiB", 0),
    ],
)
def test_what_is_no_json_is_refused_with_its_line(raw: bytes, rule: str, line: int) -> None:
    with pytest.raises(NotJson) as refused:
        read_policy(raw)

    assert rule in refused.value.rule
    assert refused.value.line == line
    assert "\x1b" not in refused.value.rule


@pytest.mark.parametrize("days", [36526, -1, True, "730"])
def test_a_period_that_no_agreement_can_have_is_named(days: object) -> None:
    row = {**WRITTEN["oncetold:rows"][0], "retention_days": days}
    with pytest.raises(PolicyRefused) as caught:
        read_policy(json.dumps(WRITTEN | {"oncetold:rows": [row]}).encode())
    assert [one.field for one in caught.value.problems] == ["oncetold:rows[1].retention_days"]
