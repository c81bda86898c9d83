"""Faults put into the policy and the deliveries on purpose: each must be caught by the histories.

A test that no fault can fail proves nothing; these are the proof that the oracle bites.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consent_ledger import facts
from consent_ledger.errors import EntryCorrupt
from consent_ledger.policy import agreement, confidentiality, disclosure, evidence
from consent_ledger.store.postgres import PostgresStore
from consent_ledger.vocabulary import Level, PermissionState
from hub.projections import folding_choices, folding_people, held
from hub.projections.consent_index import ConsentIndex
from hub.projections.touched import Touched
from hub.records import risk
from hub.use_cases import deliver, difference, taking
from tests.machine.play import Play
from tests.machine.replicated import ReplicatedPlay
from tests.machine.saying import unasked

Fault = Callable[[pytest.MonkeyPatch], None]
MOST_SEEDS = 300
SEEN_BY = {
    "sent_counts_as_arrived": 28,
    "cut_links_forgotten": 26,
    "exclusions_do_not_wait": 81,
    "now_is_not_heard": 12,
    "warnings_never_end": 42,
}
"""Histories that caught what few catch. They are tried first; should they catch it no longer, others may."""


def _exclusions_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disclosure, "_excluded", lambda *_: iter(()))


def _markers_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disclosure, "_protected", lambda *_: iter(()))


def _stops_close_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(confidentiality, "_closing", lambda *_, **__: None)


def _anyone_is_involved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disclosure, "highest_level", lambda *_: Level.V)


def _law_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agreement, "lawful", lambda *_: None)


def _grants_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(facts.Grant, "active", property(lambda grant: grant.begun and not grant.withdrawn))


def _everything_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(difference._Teller, "_after_end", lambda *_: PermissionState.STOPPED)


def _sent_counts_as_arrived(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(held.Held, "acknowledged", lambda one, up_to: one)


def _only_own_pair_is_dirty(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(folding_choices, "component", lambda index, registration_id: Touched({registration_id}))


def _cut_links_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ConsentIndex, "_disputed", lambda index, component: False)


def _unlinking_touches_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(folding_people, "component", lambda index, registration_id: Touched())


def _data_period_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(confidentiality, "_in_data_period", lambda *_: True)


def _envelope_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disclosure, "_all_categories", lambda fragment: fragment.categories)


def _time_settles_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ConsentIndex, "is_boundary_due", lambda index, now: False)


def _windows_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deliver._Look, "_window_has_come", lambda *_: True)


def _exclusions_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    """What H4 is about: its moment would tell an exclusion from everything else."""
    asked = taking.does_not_wait

    def does_not_wait(feed: Any, fragment: Any, subjects: Any, ended: Any) -> bool:
        shut_out = any(
            exclusion.agency_id == feed.agency_id or exclusion.category in fragment.categories
            for subject in subjects
            for exclusion in subject.exclusions
        )
        return shut_out or asked(feed, fragment, subjects, ended)

    patch.setattr(difference, "does_not_wait", does_not_wait)


def _now_is_not_heard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(difference, "does_not_wait", lambda *_: False)


def _no_window_ever_opens(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deliver._Look, "_window_has_come", lambda look, _: look._feed.retraction_window is None)


def _no_warning_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(difference, "warning_stays", lambda *_: False)


def _warnings_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        difference,
        "warning_stays",
        lambda index, own, fragment, *_: (
            fragment.risk_to_others and not (fragment.review_overdue or own.closed or own.in_error)
        ),
    )


def _allegations_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(risk, "a_year_after", lambda moment: moment.replace(year=moment.year + 90, day=1))


def _evidence_not_asked_when_recorded(patch: pytest.MonkeyPatch) -> None:
    unasked(patch)


def _evidence_not_asked_by_the_policy(patch: pytest.MonkeyPatch) -> None:
    unasked(patch)
    patch.setattr(Play, "admission", False)
    patch.setattr(evidence, "shown", lambda *_: True)


FAULTS: tuple[Fault, ...] = (
    _exclusions_ignored,
    _markers_ignored,
    _stops_close_nothing,
    _anyone_is_involved,
    _law_ignored,
    _grants_never_end,
    _everything_stays,
    _sent_counts_as_arrived,
    _only_own_pair_is_dirty,
    _cut_links_forgotten,
    _unlinking_touches_nobody,
    _data_period_ignored,
    _envelope_ignored,
    _time_settles_nothing,
    _windows_ignored,
    _exclusions_do_not_wait,
    _now_is_not_heard,
    _no_window_ever_opens,
    _no_warning_stays,
    _warnings_never_end,
    _allegations_never_end,
    _evidence_not_asked_when_recorded,
    _evidence_not_asked_by_the_policy,
)


def _others_are_not_seen(patch: pytest.MonkeyPatch) -> None:
    """A hub goes on with what it remembers, whatever another one wrote."""
    patch.setattr(PostgresStore, "others_wrote", False)


ON_TWO_HUBS: tuple[Fault, ...] = (
    _others_are_not_seen,
    _exclusions_ignored,
    _stops_close_nothing,
    _grants_never_end,
    _unlinking_touches_nobody,
    _time_settles_nothing,
)


def _is_caught(folder: Path, seed: int, kind: type[Play] = Play) -> bool:
    folder.mkdir()
    play = None
    try:
        play = kind(folder, seed)
        for _ in range(50):
            play.step()
            if play.random.random() < 0.2:
                play.disturb()
            if play.random.random() < 0.12 and play.differences():
                return True
        return bool(play.differences())
    except (AssertionError, KeyError, EntryCorrupt):
        return True  # the partner, or the fault itself, tripped over what it was sent or read
    finally:
        if play is not None:
            play.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_the_fault_is_caught(fault: Fault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fault(monkeypatch)
    seen_by = SEEN_BY.get(fault.__name__.strip("_"), 0)
    for seed in (seen_by, *(other for other in range(MOST_SEEDS) if other != seen_by)):
        if _is_caught(tmp_path / str(seed), seed):
            print(f"caught by history {seed}")
            return
    raise AssertionError(f"{MOST_SEEDS} histories did not catch it")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ON_TWO_HUBS, ids=lambda fault: fault.__name__.strip("_"))
def test_the_fault_is_caught_on_two_hubs(
    fault: Fault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over one PostgreSQL database: what the oracle sees there is what it sees on one hub."""
    fault(monkeypatch)
    for seed in range(MOST_SEEDS):
        if _is_caught(tmp_path / str(seed), seed, ReplicatedPlay):
            print(f"caught by history {seed}")
            return
    raise AssertionError(f"{MOST_SEEDS} histories did not catch it")
