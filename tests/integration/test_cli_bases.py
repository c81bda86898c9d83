"""`oncetold consent grant` for the bases that rest on somebody's decision, each with its evidence."""

from tests.integration.typing_operator import Operator, hub, partnership

__all__ = ["hub", "partnership"]

COMMON = (
    "--as", "northside", "--to", "harbour", "--purpose", "DIRECT_SUPPORT", "--category",
    "IDENTITY,SERVICE_CONTACT", "--notice", "notice-1", "--until", "2099-01-01",
)  # fmt: skip
SHOWN = [
    ("IMPLIED_CONSENT", ("--told-care-team",)),
    ("BEST_INTERESTS", ("--decision-maker", "doctor-4", "--method", "BEST_INTERESTS_RECORD")),
    ("PUBLIC_INTEREST", ("--authorised-by", "lead-1", "--recorded-by", "worker-2")),
    ("STATUTORY_DUTY", ("--duty", "CARE_ACT_2014_S45")),
    ("COURT_ORDER", ()),
]


def test_a_basis_is_recorded_with_its_evidence_and_not_without(partnership: Operator) -> None:
    for number, (basis, shown) in enumerate(SHOWN):
        reference = f"N-{number}"
        partnership("registration", "add", reference, "--as", "northside")
        grant = ("consent", "grant", reference, *COMMON, "--basis", basis)
        assert partnership.refused(*grant, *shown) == "BASIS_WITHOUT_EVIDENCE"
        if shown:
            assert partnership.refused(*grant, "--evidence", "file/7") == "BASIS_WITHOUT_EVIDENCE"
        recorded = partnership(*grant, *shown, "--evidence", "file/7")
        [choice] = partnership("consent", "list", reference, "--as", "northside")["choices"]
        assert choice["choice_id"] == recorded["grant_id"]
        assert (choice["basis"], choice["evidence"]) == (basis, "file/7")


def test_a_duty_is_one_that_the_law_has_and_that_has_started(partnership: Operator) -> None:
    partnership("registration", "add", "N-1", "--as", "northside")
    grant = ("consent", "grant", "N-1", *COMMON, "--basis", "STATUTORY_DUTY", "--evidence", "file/7")
    assert partnership.refused(*grant, "--duty", "CARE_ACT", code=2)
    starting = (*grant, "--duty", "children-act-2004-s16la")
    assert partnership.refused(*starting) == "DUTY_NOT_IN_FORCE"
    settings = partnership.data / "hub.toml"
    settings.write_text(settings.read_text() + '\n[law]\nchildren_act_2004_s16la = "2026-01-01"\n')
    assert partnership(*starting)["grant_id"], "control: its day is set, and has passed"
