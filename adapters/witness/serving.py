"""The witness as a web service of its own: `POST <prefix>/add-checkpoint` of C2SP tlog-witness.

For logs that hand in their checkpoints by themselves. On loopback unless told otherwise: put a web server
with TLS in front to let others in. Who calls is not asked: what counts is the log's signature.
"""

import re
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from adapters.kit.errors import AdapterError, LogMisbehaved, ProofRefused
from adapters.kit.evidence import TWO_ROOTS
from adapters.kit.notes import unbase64
from adapters.kit.proofs import MOST_HASHES, number
from adapters.witness.signer import OtherState, Witness

MOST_BYTES = 128 * 1024
SECONDS = 30.0
SIZE = "text/x.tlog.size"
_TEXT = "text/plain; charset=utf-8"
_LENGTH = re.compile(r"[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: str
    content_type: str = _TEXT


@dataclass(frozen=True, slots=True)
class Handed:
    """A request taken apart."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def parse(cls, body: bytes) -> "Handed":
        """Raises ValueError for a body that is none."""
        head, found, checkpoint = body.partition(b"\n\n")
        first, *hashes = head.decode("ascii").split("\n")
        if not found or not first.startswith("old ") or len(hashes) > MOST_HASHES:
            raise ValueError("no request to add a checkpoint")
        proof = tuple(unbase64(line) for line in hashes)
        if any(len(one) != 32 for one in proof):
            raise ValueError("no hash")
        return cls(number(first.removeprefix("old ")), proof, checkpoint)


def add_checkpoint(witness: Witness, body: bytes) -> Answer:
    """The answer to a request, with the status codes of the specification."""
    try:
        handed = Handed.parse(body)
    except ValueError:
        return Answer(400, "This is no request to add a checkpoint.\n")
    try:
        line = witness.cosign(handed.checkpoint, handed.old_size, handed.proof)
    except OtherState as other:
        return Answer(409, f"{other.size}\n", SIZE)
    except LogMisbehaved as misbehaved:
        # The specification's codes: two roots of one size conflict; another beginning fails its proof.
        if misbehaved.reason == TWO_ROOTS:
            return Answer(409, f"{handed.old_size}\n", SIZE)
        return Answer(422, _WRONG_PROOF)
    except ProofRefused as refused:
        return _refusal(refused)
    return Answer(200, f"{line}\n")


_WRONG_PROOF = "The proof does not show that the checkpoint continues the last one.\n"


def _refusal(refused: ProofRefused) -> Answer:
    match refused.reason:
        case "ORIGIN":
            return Answer(404, "This witness does not know the log.\n")
        case "NOT_SIGNED" | "SIGNATURE":
            return Answer(403, "The log's key did not sign this.\n")
        case "CONSISTENCY":
            return Answer(422, _WRONG_PROOF)
        case _:
            return Answer(400, "This is no checkpoint, or smaller than its old size.\n")


class Server(ThreadingHTTPServer):
    """Serves one witness until `shutdown`."""

    daemon_threads = True

    def __init__(self, witness: Witness, host: str, port: int) -> None:
        """Port 0 picks a free one; `server_address` tells it. OSError if it is taken."""
        self.witness = witness
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "oncetold-witness"
    sys_version = ""
    timeout = SECONDS

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if _LENGTH.fullmatch(length) is None or int(length) > MOST_BYTES:
            self.close_connection = True
            self._send(Answer(400, "Say how long the request is, and send a shorter one.\n"))
            return
        body = self.rfile.read(int(length))
        if not self.path.endswith("/add-checkpoint"):
            self._send(Answer(404, "There is nothing here.\n"))
            return
        try:
            answer = add_checkpoint(self.server.witness, body)
        except AdapterError as error:
            # The disk, or a state that is not to be trusted: nothing was signed.
            answer = Answer(503, f"The witness cannot sign now: {error.code}.\n")
            self.log_error("%s", error)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Silent: who called when is nobody's business; errors are told."""
