"""`oncetold agreement import-mais` and `export-mais` against a real hub: out, in, and the hub's refusals."""

import json
from pathlib import Path
from typing import Any

from tests.integration.typing_operator import Operator, hub, partnership

__all__ = ["hub", "partnership"]

PUBLISHED = ("--uri", "https://northside.example/2026.json", "--contact", "dpo@northside.example")


def exported(operator: Operator, *words: object) -> dict[str, Any]:
    return operator("agreement", "export-mais", "partnership", *PUBLISHED, *words)


def test_an_exported_agreement_is_imported_as_its_next_version_unchanged(
    partnership: Operator, tmp_path: Path
) -> None:
    policy = exported(partnership, "--version", 1)
    assert policy["Identifier"]["value"] == "partnership"
    assert [party["Name"] for party in policy["Party"]] == ["Northside", "Harbour"]
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))

    assert partnership("agreement", "import-mais", file)["version"] == 2
    again = exported(partnership)
    assert again.pop("oncetold:version") == 2
    assert policy.pop("oncetold:version") == 1
    assert again == policy
    assert partnership.refused(
        "agreement", "export-mais", "partnership", *PUBLISHED, "--version", 1, code=2
    ) == ("AGREEMENT_STATE")


def test_the_hub_refuses_what_it_refuses_in_any_draft(partnership: Operator, tmp_path: Path) -> None:
    policy = exported(partnership)
    file = tmp_path / "policy.json"

    # Harbour is a public authority: "recognised legitimate interest" is barred to it.
    policy["Party"][1]["oncetold:bases"][0]["lawful_basis"] = "A6_1_EA"
    file.write_text(json.dumps(policy))
    assert partnership.refused("agreement", "import-mais", file) == "BASIS_BARRED"

    policy["Party"][1]["oncetold:bases"][0]["lawful_basis"] = "A6_1_E"
    policy["Party"][1]["CatalogueID"][0]["value"] = "nobody"
    file.write_text(json.dumps(policy))
    assert partnership.refused("agreement", "import-mais", file) == "UNKNOWN_AGENCY"


def test_a_policy_that_lacks_bases_is_not_drafted(partnership: Operator, tmp_path: Path) -> None:
    policy = exported(partnership)
    for party in policy["Party"]:
        del party["oncetold:bases"]
    del policy["oncetold:notice_id"]
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))

    error = partnership("agreement", "import-mais", file, code=2)["error"]
    assert error["reason"] == "BAD_FILE"
    assert error["details"] == {
        "Party[1].oncetold:bases": "is missing",
        "Party[2].oncetold:bases": "is missing",
        "oncetold:notice_id": "is missing",
    }
    assert exported(partnership)["oncetold:version"] == 1


def test_what_nobody_could_import_is_not_exported(partnership: Operator) -> None:
    words = ("agreement", "export-mais", "partnership", "--contact", "dpo")

    assert partnership.refused(*words, "--uri", "not an address", code=2) == "INVALID_FIELD"
    assert partnership.refused("agreement", "export-mais", "nothing", *PUBLISHED, code=2) == "NOT_FOUND"
