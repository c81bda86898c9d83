"""SAFETY H19: test 5 passes on any of the eight confidentiality bases, each with its evidence, and on none
without it. Every control is taken out once, by itself, and the table must notice."""

import ast
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from consent_ledger import facts
from consent_ledger.policy import confidentiality, evidence, involvement
from consent_ledger.vocabulary import CaptureMethod, LawfulBasis, Level, Purpose, Reason, Verdict
from tests.unit.policy.bases import OPENS, TELLER, Basis, complete, decide, lacking, person

NOT_BY_A_STOP = {Basis.PUBLIC_INTEREST, Basis.STATUTORY_DUTY, Basis.COURT_ORDER, Basis.S251}


def opens(whose: facts.Person, level: Level, purpose: Purpose = Purpose.DIRECT_SUPPORT) -> bool:
    return decide(whose, level, purpose).permitted


def wrong() -> list[str]:
    """Every line of the table that the policy answers otherwise."""
    found = []
    for basis in Basis:
        whole = complete(basis)
        for level in Level:
            if opens(person(whole.grant()), level) != (level.value in OPENS[basis]):
                found.append(f"{basis} {level}")
    for case in lacking():
        whole = replace(complete(case.basis), named=case.named)
        for level in Level:
            if opens(person(case.grant()), level):
                found.append(f"{case.basis} without {case.lacks} opens {level}")
            # Nor does it say that its recipient works with the person.
            consent = complete(Basis.EXPLICIT_CONSENT)
            role_wide = replace(consent, named=False).grant(position=11)
            if level is Level.N and opens(person(case.grant(), role_wide, opened=False), level):
                found.append(f"{case.basis} without {case.lacks} opens the agency")
            # Nor does it answer an objection.
            withdrawn = consent.grant(position=6)
            withdrawn.withdrawn = True
            stop = facts.Stop(TELLER, 7, withdrawn.scope, withdrawn.grant_id, False)
            decided = complete(Basis.PUBLIC_INTEREST).grant(position=5)
            answered = person(withdrawn, decided, case.grant(), stops=(stop,))
            decision = decide(answered, level, Purpose.DIRECT_SUPPORT, law=LawfulBasis.A6_1_E)
            if decision.permitted:
                found.append(f"{case.basis} without {case.lacks} answers an objection")
    for purpose in Purpose:
        grant = complete(Basis.IMPLIED_CONSENT).grant()
        support = purpose in (Purpose.DIRECT_SUPPORT, Purpose.CARE_COORDINATION)
        if opens(person(grant), Level.N, purpose) != support:
            found.append(f"IMPLIED_CONSENT for {purpose}")
        passed = decide(person(complete(Basis.S251).grant()), Level.V, purpose).test > 5
        if passed != (purpose in (Purpose.SERVICE_IMPROVEMENT_EVALUATION, Purpose.RESEARCH)):
            found.append(f"S251 for {purpose}")
    return found


def test_the_table_of_all_eight_bases() -> None:
    assert set(OPENS) == set(Basis), "every basis stands in the table"
    assert {case.basis for case in lacking()} == set(Basis) - {Basis.EXPLICIT_CONSENT}
    assert wrong() == []


def test_the_rows_of_section_251_never_leave() -> None:
    decision = decide(person(complete(Basis.S251).grant()), Level.N, Purpose.RESEARCH)
    assert (decision.verdict, decision.test, decision.reason) == (Verdict.DENY, 9, Reason.SMALL_NUMBER)


def refusal(position: int) -> facts.Stop:
    return facts.Stop(TELLER, position, facts.Scope(frozenset(), frozenset()), None, False)


@pytest.mark.parametrize("basis", [basis for basis in Basis if OPENS[basis]])
def test_what_an_objection_closes(basis: Basis) -> None:
    """A no that came before is answered only by the person's own yes, or by a decision made for them."""
    grant = complete(basis).grant()
    assert opens(person(grant), Level.N), "control"
    assert opens(person(grant, stops=(refusal(11),)), Level.N) == (basis in NOT_BY_A_STOP)
    never_yields = basis in (Basis.IMPLIED_CONSENT, Basis.NOT_CONFIDENTIAL)
    assert opens(person(grant, stops=(refusal(9),)), Level.N) == (not never_yields)
    if basis not in NOT_BY_A_STOP:
        closed = decide(person(grant, stops=(refusal(11),)), Level.N, Purpose.DIRECT_SUPPORT)
        assert closed.reason is Reason.CONSENT_REFUSED


@pytest.mark.parametrize("basis", [basis for basis in Basis if OPENS[basis]])
def test_what_answers_an_objection_under_public_task(basis: Basis) -> None:
    consent = complete(Basis.EXPLICIT_CONSENT).grant(position=6)
    consent.withdrawn = True
    stop = facts.Stop(TELLER, 7, consent.scope, consent.grant_id, False)

    def verdict(*grants: facts.Grant) -> Verdict:
        whose = person(consent, *grants, stops=(stop,))
        return decide(whose, Level.N, Purpose.DIRECT_SUPPORT, law=LawfulBasis.A6_1_E).verdict

    later = complete(basis).grant(position=10)
    answers = basis not in (Basis.IMPLIED_CONSENT, Basis.NOT_CONFIDENTIAL)
    assert verdict(later) is (Verdict.PERMIT if answers else Verdict.DENY)
    standing = complete(Basis.PUBLIC_INTEREST).grant(position=5)
    assert verdict(standing) is Verdict.REVIEW
    assert verdict(standing, later) is (Verdict.PERMIT if answers else Verdict.REVIEW)
    if basis in NOT_BY_A_STOP:
        before = complete(basis).grant(position=5)
        assert verdict(before) is Verdict.REVIEW, "the objection came later: a person looks"


def test_weak_opens_normal_content_only_and_yields_to_every_stop() -> None:
    grant = complete(Basis.EXPLICIT_CONSENT).grant(weak=True)
    assert [level.value for level in Level if opens(person(grant), level)] == ["N"]
    assert not opens(person(grant, stops=(refusal(9),)), Level.N)


def _mutants(folder: Path) -> Iterator[tuple[str, ModuleType]]:
    """The evidence rules with one of them left out."""
    source = inspect.getsource(evidence)
    places = [node for node in ast.walk(ast.parse(source)) if _is_a_rule(node)]
    for index in range(len(places)):
        tree = ast.parse(source)
        node = [node for node in ast.walk(tree) if _is_a_rule(node)][index]
        if isinstance(node, ast.Return):
            name = f"returns no {ast.unparse(node.value)}" if node.value else ""
            node.value = ast.Constant(None)
        elif isinstance(node, ast.Compare):
            name = f"{ast.unparse(node)} holds always"
            node.left, node.ops, node.comparators = ast.Constant(0), [ast.Eq()], [ast.Constant(0)]
        else:
            assert isinstance(node, ast.Dict)
            name = f"no {ast.unparse(node)}"
            node.keys, node.values = [], []
        path = folder / f"mutant_{index}.py"
        path.write_text(ast.unparse(tree), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        mutant = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(mutant)
        yield name, mutant


def _is_a_rule(node: ast.AST) -> bool:
    """What `missing` answers, what a duty is compared with, and the tables of what a basis can open."""
    match node:
        case ast.Return(value=ast.Constant(value=str(field))):
            # What `beyond` answers is about recording alone; tests/integration looks there.
            return not field.endswith(("purposes", "categories"))
        case ast.Compare(left=ast.Attribute(attr="duty_since"), ops=[ast.LtE()]):
            return True
        case ast.Dict(keys=keys):
            return bool(keys)
    return False


def test_each_control_taken_out_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    count = 0
    for name, mutant in _mutants(tmp_path):
        monkeypatch.setattr(confidentiality, "evidence", mutant)
        monkeypatch.setattr(involvement, "shown", mutant.shown)
        assert wrong(), name
        count += 1
    assert count >= 11, "as many controls as there are"


@pytest.mark.parametrize(
    ("module", "name", "instead"),
    [(confidentiality, "evidence", None), (involvement, "shown", lambda grant: True)],
    ids=["what decides", "what opens an agency"],
)
def test_each_place_that_asks_for_evidence_is_noticed(
    module: ModuleType, name: str, instead: Callable[..., bool] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless = ModuleType("careless")
    careless.__dict__.update(shown=lambda grant: True, can_open=evidence.can_open)
    monkeypatch.setattr(module, name, instead or careless)
    assert wrong()


def test_an_imported_grant_opens_normal_content_only_whatever_its_basis() -> None:
    for basis in (Basis.EXPLICIT_CONSENT, Basis.PUBLIC_INTEREST, Basis.COURT_ORDER):
        grant = replace(complete(basis), method=CaptureMethod.IMPORTED_LEGACY).grant()
        assert [level.value for level in Level if opens(person(grant), level)] == ["N"]
