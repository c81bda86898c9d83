"""Each of the twelve hard cases is told somewhere, as a day over a real hub."""

from tests.safety.hazards import known_tests

DECIDES = "tests/hard_cases/test_what_she_decides.py"
HAPPENS = "tests/hard_cases/test_what_happens_to_her.py"
CASES = {
    1: ("consent withdrawn after projection", DECIDES),
    2: ("joint data", DECIDES),
    3: ("third-party information in notes", HAPPENS),
    4: ("protected address", HAPPENS),
    5: ("death", HAPPENS),
    6: ("growing up", "tests/hard_cases/test_growing_up.py"),
    7: ("the agreement lapses, the grant lives", DECIDES),
    8: ("legal hold against erasure", "tests/scenarios/test_hold_and_erasure.py"),
    9: ("already lawfully the recipient's", HAPPENS),
    10: ("wrong merge undone", HAPPENS),
    11: ("retrospective correction", HAPPENS),
    12: ("consent recorded late", DECIDES),
}
ELSEWHERE = {8: "what_the_court_needs_is_kept_from_everybody_else"}


def test_each_of_the_twelve_hard_cases_is_told() -> None:
    untold = [
        case
        for case, (_, file) in CASES.items()
        if not any(f"::test_{ELSEWHERE.get(case, f'case_{case}_')}" in test for test in known_tests(file))
    ]

    assert untold == []
    assert list(CASES) == list(range(1, 13))
