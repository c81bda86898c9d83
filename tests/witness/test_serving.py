"""The witness over HTTP, with the status codes of C2SP tlog-witness."""

import base64
import http.client
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from adapters.kit.notes import SignatureLine
from adapters.witness.serving import MOST_BYTES, Server
from adapters.witness.signer import Witness, new_key
from tests.unit.adapters.merkle import ToyLog

Said = tuple[int, str, str]


@pytest.fixture
def log() -> ToyLog:
    return ToyLog().grow(5)


@pytest.fixture
def server(tmp_path: Path, log: ToyLog) -> Iterator[Server]:
    new_key(tmp_path, "north.example/witness")
    with Server(Witness(tmp_path, [log.key]), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def post(server: Server, body: bytes, path: str = "/w/add-checkpoint", length: str | None = None) -> Said:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    try:
        headers = {} if length is None else {"Content-Length": length}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    finally:
        connection.close()


def request(old: object, proof: Sequence[bytes], note: bytes) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof), "", ""]
    return "\n".join(lines).encode() + note


def test_a_checkpoint_is_cosigned(server: Server, log: ToyLog) -> None:
    status, body, _ = post(server, request(0, [], log.checkpoint()))
    line = SignatureLine.parse(body.removesuffix("\n"))

    assert status == 200 and body.startswith("— north.example/witness ")
    assert server.witness.key.verifies(log.text().encode(), line.signature)
    log.grow(9)
    assert post(server, request(5, log.consistency(5), log.checkpoint()))[0] == 200
    assert post(server, request(14, [], log.checkpoint()))[0] == 200


def test_an_old_size_where_it_does_not_stand_is_a_conflict_and_tells_the_size(
    server: Server, log: ToyLog
) -> None:
    assert post(server, request(3, log.consistency(3), log.checkpoint())) == (409, "0\n", "text/x.tlog.size")
    post(server, request(0, [], log.checkpoint()))
    log.grow(4)

    assert post(server, request(0, [], log.checkpoint())) == (409, "5\n", "text/x.tlog.size")


def test_another_root_of_the_same_size_is_a_conflict(server: Server, log: ToyLog) -> None:
    post(server, request(0, [], log.checkpoint()))
    fork = ToyLog().grow(4).grow(1, "other ")

    assert post(server, request(5, [], fork.checkpoint())) == (409, "5\n", "text/x.tlog.size")
    assert len(server.witness.evidence.files()) == 1


def test_a_proof_that_does_not_hold_cannot_be_processed(server: Server, log: ToyLog) -> None:
    assert post(server, request(0, [bytes(32)], log.checkpoint()))[0] == 422
    post(server, request(0, [], log.checkpoint()))
    log.grow(4)
    fork = ToyLog().grow(4).grow(5, "other ")

    assert post(server, request(5, [bytes(32)], log.checkpoint()))[0] == 422
    assert post(server, request(5, fork.consistency(5), fork.checkpoint()))[0] == 422
    latest = server.witness.latest(log.key.name)
    assert latest is not None and latest.size == 5


def test_an_unknown_log_is_not_found_and_an_unknown_key_is_forbidden(server: Server, log: ToyLog) -> None:
    elsewhere, stranger = ToyLog(origin="elsewhere.example/log").grow(2), ToyLog(seed=2).grow(2)

    assert post(server, request(0, [], elsewhere.checkpoint()))[0] == 404
    assert post(server, request(0, [], stranger.checkpoint()))[0] == 403
    altered = log.checkpoint().replace(b"\n5\n", b"\n6\n")
    assert post(server, request(0, [], altered))[0] == 403


def bad_requests() -> list[bytes]:
    note = ToyLog().grow(5).checkpoint()
    return [
        b"",
        b"old 0\n" + note,
        note,
        request("", [], note),
        request("00", [], note),
        request("-1", [], note),
        request("5 ", [], note),
        request("\u0665", [], note),
        request(2**63, [], note),
        request(6, [], note),
        request(0, [bytes(31)], note),
        request(0, [bytes(32)] * 64, note),
        request(0, [], note[:-1]),
        request(0, [], note.replace(b"\n5\n", b"\n05\n")),
        request(0, [], b"oncetold.org/log\n"),
        b"old 0\r\n\r\n" + note,
        request(0, [], note).replace(b"old", b"OLD"),
    ]


@pytest.mark.parametrize("body", bad_requests())
def test_a_request_that_is_none_is_bad(server: Server, body: bytes) -> None:
    assert post(server, body)[0] == 400


def test_other_places_and_lengths_are_refused(server: Server, log: ToyLog) -> None:
    body = request(0, [], log.checkpoint())

    assert post(server, body, path="/w/add-entry")[0] == 404
    for length in (str(MOST_BYTES + 1), "-1", "many"):
        assert post(server, b"", length=length)[0] == 400


def test_while_the_disk_fails_nothing_is_signed(
    server: Server, log: ToyLog, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    post(server, request(0, [], log.checkpoint()))
    (path,) = tmp_path.glob("*.checkpoint")
    path.write_bytes(b"what no witness wrote")

    assert post(server, request(5, [], log.checkpoint()))[0] == 503
    assert "STATE_UNUSABLE" in post(server, request(5, [], log.checkpoint()))[1]
    assert path.read_bytes() == b"what no witness wrote"


def test_a_connection_is_kept_for_the_next_request(server: Server, log: ToyLog) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    answers = []
    for old in (0, 5, 5):
        connection.request("POST", "/add-checkpoint", request(old, [], log.checkpoint()))
        answer = connection.getresponse()
        answers.append((answer.status, bool(answer.read())))
    connection.close()

    assert answers == [(200, True)] * 3
