"""The operator's commands against a real hub: opened for one command, or served by another process."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.__main__ import app
from tests.integration.typing_operator import AGREEMENT, ROOT, Operator, hub, partnership

__all__ = ["hub", "partnership"]


def test_agencies_and_agreement_are_listed_as_they_were_entered(partnership: Operator) -> None:
    agencies = {agency["agency_id"]: agency for agency in partnership("agency", "list")["agencies"]}
    [agreement] = partnership("agreement", "list")["agreements"]

    assert agencies["harbour"]["public_authority"] is True
    categories = agencies["northside"]["feeds"][0]["categories"]
    assert set(categories) == {"IDENTITY", "ACCOMMODATION", "SERVICE_CONTACT"}
    windows = {name: agency["feeds"][0]["retraction_window"] for name, agency in agencies.items()}
    assert windows == {"northside": "03:00", "harbour": ""}, "at night unless the operator says at once"
    assert agreement["state"] == "in force"
    assert set(agreement["signed_by"]) == {"harbour", "northside"}
    assert partnership("deliveries", "status")["feeds"][0]["held"] == 0


def test_a_persons_choices_are_recorded_listed_and_taken_back(partnership: Operator) -> None:
    partnership("registration", "add", "N-1", "--as", "northside")
    partnership("registration", "add", "H-1", "--as", "harbour")
    token = partnership("link", "token", "N-1", "--as", "northside")
    partnership("link", "redeem", "H-1", token["token"], "--as", "harbour")
    [proposed] = partnership("link", "list", "--as", "northside")["links"]
    assert (proposed["client_reference"], proposed["strength"]) == ("N-1", "TOKEN")
    partnership("link", "confirm", proposed["link_id"], "--as", "northside")
    assert partnership("link", "list", "--as", "northside")["links"] == []
    grant = partnership(
        "consent", "grant", "N-1", "--as", "northside", "--to", "harbour", "--purpose", "DIRECT_SUPPORT",
        "--category", "IDENTITY,SERVICE_CONTACT", "--notice", "notice-1", "--until", "2098-01-01",
        "--asked-alone", "--service-offered-anyway", "--told-may-refuse",
    )["grant_id"]  # fmt: skip
    exclusion = partnership("consent", "exclude", "N-1", "--as", "northside", "--category", "ACCOMMODATION")
    partnership("consent", "marker", "N-1", "PROTECTED_ADDRESS", "--as", "northside")
    partnership("consent", "refuse", "N-1", "--as", "northside", "--to-service", "PRISON")

    choices = partnership("consent", "list", "N-1", "--as", "northside")["choices"]
    partnership("consent", "withdraw", "N-1", grant, "--as", "northside")
    partnership("consent", "lift", "N-1", exclusion["exclusion_id"], "--as", "northside")
    after = partnership("consent", "list", "N-1", "--as", "northside")["choices"]
    paper = partnership("consent", "list", "N-1", "--as", "northside", "--for-paper")

    assert {choice["kind"].split()[0] for choice in choices} == {"grant", "exclusion", "marker", "refusal"}
    states = {choice["choice_id"]: choice["state"] for choice in after}
    assert states[grant] == "WITHDRAWN"
    assert states[exclusion["exclusion_id"]] == "LIFTED"
    assert "section 184" in paper["paper_warning"], "nobody may demand it"
    assert partnership("deliveries", "disclosures", "N-1", "--as", "northside")["disclosures"] == []


def test_a_grant_is_withdrawn_once_somebody_has_read_what_it_means(partnership: Operator) -> None:
    partnership("registration", "add", "N-1", "--as", "northside")
    given = partnership(
        "consent", "grant", "N-1", "--as", "northside", "--to", "harbour", "--purpose", "DIRECT_SUPPORT",
        "--category", "IDENTITY", "--notice", "notice-1", "--until", "2098-01-01",
    )["grant_id"]  # fmt: skip
    assert partnership("consent", "preview", "N-1", given, "--as", "northside")["losses"] == []

    def state() -> str:
        [choice] = partnership("consent", "list", "N-1", "--as", "northside")["choices"]
        return str(choice["state"])

    typed = ["--data", str(partnership.data), "consent", "withdraw", "N-1", given, "--as", "northside"]
    for answer, code, left in (("", 2, "ACTIVE"), ("n\n", 1, "ACTIVE"), ("y\n", 0, "WITHDRAWN")):
        result = CliRunner().invoke(app, typed, input=answer)
        assert (result.exit_code, state()) == (code, left), result.output
        assert "Nobody would stop knowing anything" in result.stdout
    assert CliRunner().invoke(app, [*typed, "--yes"]).exit_code == 0, "a stop is obeyed, twice as once"


def test_a_post_is_appointed_and_its_tasks_are_listed_and_done(partnership: Operator) -> None:
    partnership("registration", "add", "N-1", "--as", "northside")
    partnership(
        "agency", "appoint", "northside", "DUTY_WORKER", "--staff", "k-7", "--telephone", "01632 960145"
    )
    [northside] = [
        one for one in partnership("agency", "list")["agencies"] if one["agency_id"] == "northside"
    ]
    assert northside["posts"] == [
        {"kind": "DUTY_WORKER", "staff_reference": "k-7", "telephone": "01632 960145"},
        {"kind": "TWENTY_FOUR_HOURS", "staff_reference": "desk", "telephone": "01632 960160"},
    ]
    assert partnership("task", "list", "--as", "northside", "--client", "N-1")["tasks"] == []
    never = "0f6a4d38-0000-4000-8000-000000000000"
    done = ("task", "done", never, "ASKED", "--as", "northside", "--staff", "k-7")
    assert partnership.refused(*done) == "NOT_FOUND"


def test_refusals_of_the_hub_are_exit_code_1_with_their_reason(partnership: Operator) -> None:
    assert partnership.refused(
        "registration", "close", "N-9", "--as", "northside", "--reason", "IN_ERROR"
    ) == ("REFERENCE_NOT_REGISTERED")
    assert partnership.refused("why", "r-1", "--as", "northside", "--recipient", "harbour") == "NOT_FOUND"
    assert (
        partnership.refused("agreement", "sign", "nothing", "--version", 1, "--as", "northside")
        == "NOT_FOUND"
    )
    assert partnership.refused("consent", "list", "N-1", "--as", "No Agency!") == "INVALID_FIELD"
    assert partnership.refused(
        "agency", "add", "northside", "--name", "Other", "--service-type", "HOSTEL"
    ) == "ALREADY_EXISTS"  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('lawful_basis = "A6_1_E", ', "", "NO_LAWFUL_BASIS"),
        ('"A6_1_E"', '"A6_1_F"', "BASIS_BARRED"),
        ("end = 2099-01-01", "end = 2025-01-01", "IMPOSSIBLE_TIME"),
        ('agency_id = "harbour"', 'agency_id = "elsewhere"', "UNKNOWN_AGENCY"),
    ],
)
def test_an_unlawful_agreement_is_refused(
    partnership: Operator, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    assert old in AGREEMENT
    file = tmp_path / "bad.toml"
    file.write_text(AGREEMENT.replace(old, new))

    assert partnership.refused("agreement", "draft", file) == reason


def test_a_hub_is_not_made_twice(hub: Operator) -> None:
    before = (hub.data / "root.key").read_bytes()

    hub.refused("init", code=2)

    assert (hub.data / "root.key").read_bytes() == before
    assert hub("agency", "list") == {"agencies": []}


def test_certificates_are_kept_when_more_are_made(hub: Operator) -> None:
    before = (hub.data / "pki" / "northside-1.pem").read_bytes()

    made = hub("dev-pki", "northside", "third")["made"]

    assert [Path(path).name for path in made] == ["third-1.pem"]
    assert (hub.data / "pki" / "northside-1.pem").read_bytes() == before


def test_commands_go_through_the_hub_that_serves(hub: Operator) -> None:
    with hub.serving():
        hub("agency", "add", "northside", "--name", "Northside", "--service-type", "HOSTEL")
        assert len(hub("agency", "list")["agencies"]) == 1
    assert len(hub("agency", "list")["agencies"]) == 1


def test_a_second_hub_is_told_who_holds_the_ledger(hub: Operator) -> None:
    with hub.serving() as first:
        error = hub("serve", code=2)["error"]

        assert str(first.pid) in error["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_hub_that_serves_stops_gracefully(hub: Operator, number: signal.Signals) -> None:
    with hub.serving() as process:
        process.send_signal(number)
        told, complaints = process.communicate(timeout=20)

        assert process.returncode == 0, complaints
        assert "Stopping" in told
        assert "Traceback" not in complaints


def test_a_port_in_use_is_explained(hub: Operator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        error = hub("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", code=2)["error"]

    assert "in use" in error["message"]


@pytest.mark.parametrize("name", ["root.key", "pki/hub.key"])
def test_a_key_that_others_may_read_is_refused(hub: Operator, name: str) -> None:
    (hub.data / name).chmod(0o644)

    error = hub("serve", "--listen", "localhost:0", code=2)["error"]

    assert "key" in error["message"]
    assert "chmod 600" in error["next_step"]


@pytest.mark.parametrize("name", ["root.key", "pki/hub.key", "pki/hub.pem", "pki/authority.pem"])
def test_a_missing_file_is_named(hub: Operator, name: str) -> None:
    (hub.data / name).unlink()

    error = hub("serve", "--listen", "localhost:0", code=2)["error"]

    assert "key" in error["message"] or "certificate" in error["message"] or "authority" in error["message"]
    assert error["next_step"]


def test_a_folder_without_a_hub_says_how_to_make_one(tmp_path: Path) -> None:
    for words in (("agency", "list"), ("serve",)):
        assert Operator(tmp_path).refused(*words, code=2) == "NO_HUB"
    assert list(tmp_path.iterdir()) == []


def test_settings_that_are_none_are_named(hub: Operator) -> None:
    (hub.data / "hub.toml").write_text('listten = "localhost:1"\n')

    assert "listten" in hub("agency", "list", code=2)["error"]["message"]


def test_a_socket_left_by_a_killed_hub_is_no_hub(hub: Operator) -> None:
    with hub.serving() as process:
        process.kill()
        process.wait()
        assert (hub.data / "socket" / "admin.sock").exists()

        assert hub("agency", "list") == {"agencies": []}


def test_two_commands_at_once_both_get_through(hub: Operator) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "proto")])
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "hub", "--data", str(hub.data), "agency", "add", f"agency-{number}",
             "--name", "A", "--service-type", "HOSTEL"],
            env={**os.environ, "PYTHONPATH": path},
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )
        for number in range(3)
    ]  # fmt: skip
    for process in running:
        _, complaints = process.communicate(timeout=60)
        assert process.returncode == 0, complaints

    assert len(hub("agency", "list")["agencies"]) == 3


def test_a_reader_that_goes_away_is_no_failure_worth_a_traceback(hub: Operator) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "proto")])
    words = [sys.executable, "-m", "hub", "--data", str(hub.data), "agency", "list"]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            words,
            env={**os.environ, "PYTHONPATH": path},
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    finally:
        os.close(write)

    assert done.stderr == ""


def test_ctrl_c_meanwhile_lets_go_of_the_ledger(hub: Operator) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "proto")])
    words = [sys.executable, "-m", "hub", "--data", str(hub.data), "agency", "list"]
    opened = hub.data / "socket" / "admin.sock"
    opened.unlink(missing_ok=True)
    process = subprocess.Popen(
        words,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not opened.exists():
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=30)

    assert process.returncode in {0, 130}, complaints
    assert "Traceback" not in complaints
    assert hub("agency", "list") == {"agencies": []}


def test_the_clock_can_be_accepted(hub: Operator) -> None:
    answer = hub("clock", "accept")

    assert answer["in_doubt"] is False
    assert answer["hub_time"].endswith("Z")


def test_the_socket_stands_in_a_folder_that_only_its_owner_may_enter(hub: Operator) -> None:
    with hub.serving():
        assert (hub.data / "socket").stat().st_mode & 0o777 == 0o700
