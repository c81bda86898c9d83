"""What the command line says before it ever speaks to a hub."""

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run, answer


def test_a_command_without_a_hub_says_how_to_name_one(oncetold: Run) -> None:
    result = oncetold("agency", "list")

    assert result.exit_code == 2
    assert "--data DIR" in result.stderr
    assert "ONCETOLD_DATA" in result.stderr


def test_a_failure_is_one_json_object_when_json_is_asked_for(oncetold: Run) -> None:
    result = oncetold("agency", "list", "--json")

    assert result.exit_code == 2
    assert answer(result)["error"]["reason"] == "NO_DATA_FOLDER"


@pytest.mark.parametrize(
    "words",
    [
        ("agency", "add", "--no-such-flag"),
        ("consent", "grant"),
        ("no-such-command",),
        ("agreement", "sign", "a", "--version", "none", "--as", "b"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(oncetold: Run, words: tuple[str, ...]) -> None:
    assert oncetold(*words).exit_code == 2


def test_an_unknown_word_names_the_words_that_are_known(oncetold: Run, tmp_path: Path) -> None:
    result = oncetold("--data", tmp_path, "agency", "add", "x", "--name", "X", "--service-type", "CASTLE")

    assert result.exit_code == 2
    assert "service type" in result.stderr
    assert "HOSTEL" in result.stderr
    assert "CASTLE" not in result.stderr


GRANT = (
    "consent", "grant", "N-1", "--as", "a", "--purpose", "DIRECT_SUPPORT", "--category", "identity",
    "--notice", "n-1",
)  # fmt: skip


@pytest.mark.parametrize("until", ["tomorrow", "2026-13-01", "2026-01-01T09:00:00", ""])
def test_a_time_that_is_none_is_refused_by_its_option(oncetold: Run, tmp_path: Path, until: str) -> None:
    result = oncetold("--data", tmp_path, *GRANT, "--to", "b", "--until", until)

    assert result.exit_code == 2
    assert "--until" in result.stderr


@pytest.mark.parametrize("recipient", [(), ("--to", "b", "--to-team")])
def test_a_grant_names_exactly_one_recipient(
    oncetold: Run, tmp_path: Path, recipient: tuple[str, ...]
) -> None:
    result = oncetold("--data", tmp_path, *GRANT, *recipient, "--until", "2030-01-01")

    assert result.exit_code == 2
    assert "one recipient" in result.stderr


@pytest.mark.parametrize("excluded", [(), ("--agency", "b", "--category", "IDENTITY")])
def test_an_exclusion_shuts_out_one_thing(oncetold: Run, tmp_path: Path, excluded: tuple[str, ...]) -> None:
    result = oncetold("--data", tmp_path, "consent", "exclude", "N-1", "--as", "a", *excluded)

    assert result.exit_code == 2
    assert "exactly one thing" in result.stderr


def test_matching_details_come_from_a_file_that_is_not_quoted(oncetold: Run, tmp_path: Path) -> None:
    file = tmp_path / "who.toml"
    file.write_text('nhs_number = "9434765919"\nbirth_date = 1980-01-01\ngiven_name = "Wendeline"\n')

    result = oncetold("--data", tmp_path, "registration", "add", "N-1", "--as", "a", "--matching", file)

    assert result.exit_code == 2
    assert "birth_date" in result.stderr
    assert "Wendeline" not in result.output


def test_an_unforeseen_fault_is_told_by_kind_and_place_only(
    oncetold: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Wendeline's address")

    monkeypatch.setattr("hub.cli.commands.link.ask", broken)
    result = oncetold("--data", tmp_path, "link", "token", "N-1", "--as", "a")

    assert result.exit_code == 1
    assert "RuntimeError at test_usage.py" in result.stderr
    assert "Wendeline" not in result.output


def test_ctrl_c_says_that_nothing_is_half_done(
    oncetold: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hub.cli.commands.link.ask", interrupted)
    result = oncetold("--data", tmp_path, "link", "token", "N-1", "--as", "a")

    assert result.exit_code == 130
    assert "Nothing was left half-done" in result.stderr


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "Northside", ""])
def test_a_name_that_is_no_agency_id_makes_no_file(oncetold: Run, tmp_path: Path, name: str) -> None:
    result = oncetold("--data", tmp_path / "hub", "dev-pki", "northside", name)

    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []
