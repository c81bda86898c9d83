"""Each RPC says who may call it, what repeating does, and why it refuses, in reasons that exist."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from oncetold.v1 import error_reason_pb2

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "proto" / "oncetold" / "v1"
PREFIX = "ERROR_REASON_"
REASONS = {name.removeprefix(PREFIX) for name in error_reason_pb2.ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118
STATUSES = {status.name for status in grpc.StatusCode}
# `ERROR_REASON_A`, or `_B` after it in a list.
MENTION = re.compile(r"(?<![A-Z0-9_])(?:ERROR_REASON)?_([A-Z][A-Z_]+)\b")
# `NOT_FOUND (ERROR_REASON_A, _B)` and `(NOT_FOUND, ERROR_REASON_A)`.
WITH_STATUS = re.compile(
    rf"\b({'|'.join(STATUSES)})(?: \(|, )((?:ERROR_REASON_[A-Z_]+)(?:, (?:ERROR_REASON)?_[A-Z_]+)*)"
)
WHO = re.compile(r"\b(caller|operator|certificate|party|agency)('s)?\b", re.IGNORECASE)
REPEAT = re.compile(r"\brepeat|\btwice\b", re.IGNORECASE)


@dataclass(frozen=True)
class Rpc:
    name: str
    own: str
    service: str

    @property
    def whole(self) -> str:
        """What a reader of this call reads: its own comment and what its service says of all calls."""
        return f"{self.own} {self.service}"


def rpcs() -> Iterator[Rpc]:
    for path in sorted(CONTRACT.glob("*_service.proto")):
        comment: list[str] = []
        about_service = ""
        for line in path.read_text().splitlines():
            text = line.strip()
            if text.startswith("//"):
                comment.append(text.removeprefix("//").strip())
                continue
            if text.startswith("service "):
                about_service = " ".join(comment)
            elif text.startswith("rpc "):
                name = re.split(r"[ (]", text)[1]
                yield Rpc(f"{path.stem}.{name}", " ".join(comment), about_service)
            comment = []


RPCS = list(rpcs())


def reason_statuses() -> dict[str, str]:
    """Reason to the status code that opens its comment."""
    found: dict[str, str] = {}
    comment: list[str] = []
    for line in (CONTRACT / "error_reason.proto").read_text().splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text.removeprefix("//").strip())
            continue
        if match := re.match(r"ERROR_REASON_([A-Z_]+) = [1-9]", text):
            found[match[1]] = " ".join(comment).split(".")[0]
        comment = []
    return found


def general_reasons() -> set[str]:
    """Reasons that any call may give, listed once in the contract guide instead of on every RPC."""
    guide = (ROOT / "proto" / "README.md").read_text()
    section = guide.split("## Reasons any call may give", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\|\s*`([A-Z_]+)`", section, re.MULTILINE))


def test_the_parser_finds_every_rpc() -> None:
    declared = sum(path.read_text().count("\n  rpc ") for path in CONTRACT.glob("*.proto"))

    assert len(RPCS) == declared > 20


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
def test_an_rpc_says_who_what_on_repeat_and_why_not(rpc: Rpc) -> None:
    assert len(rpc.own) > 30, "needs a comment of its own"
    assert WHO.search(rpc.whole), "does not say who may call"
    assert REPEAT.search(rpc.whole), "does not say what repeating does"
    assert PREFIX in rpc.whole, "names no error reason"


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
def test_a_reason_named_by_an_rpc_exists_and_has_the_status_given(rpc: Rpc) -> None:
    statuses = reason_statuses()
    assert set(MENTION.findall(rpc.whole)) <= REASONS
    for status, listed in WITH_STATUS.findall(rpc.whole):
        for reason in MENTION.findall(listed):
            assert statuses[reason] == status


def test_every_reason_opens_with_its_status() -> None:
    statuses = reason_statuses()

    assert set(statuses) == REASONS
    assert {reason: status for reason, status in statuses.items() if status not in STATUSES} == {}


def test_every_reason_is_met_on_some_rpc_or_listed_as_general() -> None:
    met = {reason for rpc in RPCS for reason in MENTION.findall(rpc.whole)}
    general = general_reasons()

    assert general <= REASONS
    assert met | general == REASONS


def test_the_guide_names_only_calls_that_exist() -> None:
    guide = (ROOT / "proto" / "README.md").read_text()
    calls = set(re.findall(r"`(?:\w+Service)?\.([A-Z]\w+)`", guide))

    assert len(calls) > 10
    assert calls <= {rpc.name.partition(".")[2] for rpc in RPCS}
