"""H4 (critical): a retraction is a message, so it must not say why.

An adapter writes down all that it observes: batches, their order and sizes, at which look of the day they
came, how far positions moved. An observer learns from histories whose cause is known, and guesses the
others. With the daily window it guesses no better than chance: exclusion, withdrawal, expiry, erasure, an
unlinking and a correction leave the same trace. Without the window the hour tells.

What is read live is cut at once and is not part of this: an agency that reads somebody's history every hour
sees the hour at which it ended. ONCETOLD_ENDINGS sets how many histories are lived (1,000; CI runs a tenth).
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.use_cases import deliver
from tests.twins.ending import CAUSES, Ending, Look, took
from tests.twins.guessing import Labelled, by_chance, features, hits

FEW = 100
MANY = int(os.environ.get("ONCETOLD_ENDINGS", "100"))


def lived(folder: Path, seed: int, cause: str) -> list[Look]:
    """What the adapter observed; something was taken from it, or there was nothing to tell."""
    folder.mkdir(parents=True)
    looks = Ending(folder, seed, cause).observed()
    assert took(looks) > 0
    return looks


def many(folder: Path, histories: int) -> list[Labelled]:
    """Histories by turns of every cause, each with a seed of its own."""
    causes = [CAUSES[(seed + seed // len(CAUSES)) % len(CAUSES)] for seed in range(histories)]
    return [(cause, features(lived(folder / str(seed), seed, cause))) for seed, cause in enumerate(causes)]


def without_windows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deliver._Look, "_window_has_come", lambda *_: True)


def traces(folder: Path, seed: int) -> dict[str, list[tuple[object, ...]]]:
    """What each cause leaves behind in the same history; positions apart, which everybody moves."""
    return {
        cause: [(look.minute, look.items, look.more) for look in lived(folder / cause, seed, cause)]
        for cause in CAUSES
    }


@pytest.mark.parametrize("seed", range(2))
def test_h04_every_cause_leaves_the_same_trace(seed: int, tmp_path: Path) -> None:
    found = traces(tmp_path, seed)

    assert all(trace == found["exclusion"] for trace in found.values())
    looks = lived(tmp_path / "again", seed, "exclusion")
    [taken] = [look.minute for look in looks if took([look])]
    assert taken == 3 * 60 + 10, "at the first look after the window, and no other"


def test_h04_without_the_window_the_traces_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_windows(monkeypatch)
    found = traces(tmp_path, 0)

    assert len({str(trace) for trace in found.values()}) == len(CAUSES)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_h04_an_observer_guesses_no_better_than_chance(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    right, most = hits(many(tmp_path, MANY)), by_chance(MANY, len(CAUSES))

    record_property("figures", f"{right} of {MANY} guessed; by chance at most {most:.0f}")
    assert right <= most


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_h04_without_the_window_the_observer_tells_them_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """The positive control: the same observer, the same histories, and no window."""
    without_windows(monkeypatch)
    right, most = hits(many(tmp_path, FEW)), by_chance(FEW, len(CAUSES))

    record_property("figures", f"{right} of {FEW} guessed; by chance at most {most:.0f}")
    assert right > most
