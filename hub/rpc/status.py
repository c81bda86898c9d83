"""From a domain error to what the caller is told: one status, one reason, one fixed sentence.

No sentence holds anything that was sent. Details pass only under the names the contract gives them.
"""

import logging
import secrets
import traceback
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from consent_ledger.errors import OnceToldError

DOMAIN = "oncetold.org"
PREFIX = "ERROR_REASON_"
DETAILS_KEY = "grpc-status-details-bin"
PUBLIC_DETAILS = frozenset(
    {
        "field",
        "rule",
        "party",
        "expected",
        "epoch",
        "error_id",
        "duty",
        "size",
        "hold_id",
        "role",
        "retry_seconds",
    }
)

log = logging.getLogger(__name__)

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_EXISTS = grpc.StatusCode.ALREADY_EXISTS
_ABORTED = grpc.StatusCode.ABORTED
_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
_UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
_DENIED = grpc.StatusCode.PERMISSION_DENIED
_NOT_FOUND = grpc.StatusCode.NOT_FOUND
_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE

REASONS: dict[str, tuple[grpc.StatusCode, str]] = {
    "INVALID_FIELD": (
        _INVALID,
        "A field breaks the rule named in the details. Correct it and send the request again.",
    ),
    "UNKNOWN_FIELD": (
        _INVALID,
        "The request holds a field this hub does not know. Leave it out, or use the hub's version.",
    ),
    "UNKNOWN_ENUM": (
        _INVALID,
        "A field holds a value this hub does not know. Name one that the contract lists.",
    ),
    "IMPOSSIBLE_TIME": (
        _INVALID,
        "A time cannot be: in the future, before 1900, or an end before its start. Correct it.",
    ),
    "FREE_TEXT_NOT_RELEASED": (
        _INVALID,
        "Free text was sent without the categories its author releases. Release it, or leave it out.",
    ),
    "MESSAGE_TOO_LARGE": (_EXHAUSTED, "The message is larger than 1 MiB. Send less in one message."),
    "REQUEST_ID_REUSED": (
        _EXISTS,
        "This request_id was used for another request. Make a new one for a new attempt.",
    ),
    "CERTIFICATE_NAME": (
        _UNAUTHENTICATED,
        "The certificate must hold exactly one URI name. Ask the hub's operator for another.",
    ),
    "UNKNOWN_CERTIFICATE": (
        _UNAUTHENTICATED,
        "No agency is registered for this certificate, or it has expired. Ask the hub's operator.",
    ),
    "OPERATOR_ONLY": (_DENIED, "This call is the hub operator's, on the hub's own machine."),
    "REFERENCE_NOT_REGISTERED": (
        _NOT_FOUND,
        "The caller has not registered this client reference. Register the client first.",
    ),
    "NOT_FOUND": (_NOT_FOUND, "There is no such thing of the caller's. Check the id."),
    "NO_LAWFUL_BASIS": (
        _PRECONDITION,
        "A controller has no lawful basis for a purpose. Give it one in the agreement.",
    ),
    "BASIS_BARRED": (
        _PRECONDITION,
        "Article 6(1)(ea) and (f) are barred to public authorities. Name another lawful basis.",
    ),
    "GRANT_BEYOND_AGREEMENT": (
        _PRECONDITION,
        "No signed agreement in force covers this. Narrow it, or have the agreement signed first.",
    ),
    "UNKNOWN_AGENCY": (_PRECONDITION, "A named agency is not registered with this hub. Register it first."),
    "ALREADY_EXISTS": (_EXISTS, "This exists already with other content. Use another id."),
    "STALE_REVISION": (
        _ABORTED,
        "The record's next revision is another one. Read it, then publish that revision.",
    ),
    "EPOCH_CHANGED": (_PRECONDITION, "The feed has a new epoch. Reconcile holdings, then fetch under it."),
    "NEVER_SENT": (
        _INVALID,
        "The acknowledgement is for a sequence that was never sent. Check the bookmark.",
    ),
    "BAD_RECEIPT": (
        _INVALID,
        "A receipt is missing, not asked for, does not verify, or claims more than was looked at. Resend it.",
    ),
    "FETCH_IN_PROGRESS": (_ABORTED, "Another fetch of this feed is waiting. Run one adapter for each feed."),
    "CLOCK_IN_DOUBT": (
        _UNAVAILABLE,
        "The hub's clock is in doubt: it neither discloses nor retracts. The operator resumes it.",
    ),
    "UNAVAILABLE": (_UNAVAILABLE, "The hub is stopping or its storage does not answer. Try again."),
    "STORAGE_FULL": (_EXHAUSTED, "The hub's disk is full: nothing is written. Ask the hub's operator."),
    "INTERNAL": (
        grpc.StatusCode.INTERNAL,
        "Something failed inside the hub. Give the error id to the operator.",
    ),
    "NO_STANDING_RECIPIENT": (
        _PRECONDITION,
        "Police, immigration enforcement and purposes that are never shared have no feed.",
    ),
    "SELF_CONFIRMATION": (
        _DENIED,
        "Nobody confirms itself. The source agency or the client's lead agency does this.",
    ),
    "LINK_TOKEN": (
        _PRECONDITION,
        "The link token is used, expired, unknown or the caller's own. Ask for a new one.",
    ),
    "ROLE_WIDE_GRANT": (
        _INVALID,
        "The most sensitive categories need a grant that names the recipient agency. Name it.",
    ),
    "AGREEMENT_STATE": (
        _PRECONDITION,
        "The agreement is terminated, or this is not its newest version. List the agreements.",
    ),
    "TASK_STATE": (
        _PRECONDITION,
        "The task is done already, or its kind knows no such outcome. List the tasks.",
    ),
    "BASIS_WITHOUT_EVIDENCE": (
        _INVALID,
        "The confidentiality basis needs evidence that is not there: the field is named. Give it.",
    ),
    "DUTY_NOT_IN_FORCE": (
        _PRECONDITION,
        "The statutory duty is not in force today. Name one that is, or another basis.",
    ),
    "NOT_YET_COVERED": (
        _UNAVAILABLE,
        "No checkpoint covers this yet, or too few witnesses have cosigned one. Ask again, or wait longer.",
    ),
    "BEYOND_LEDGER": (
        grpc.StatusCode.OUT_OF_RANGE,
        "The ledger's newest checkpoint does not reach so far. Check the position and the ledger's id.",
    ),
    "UNKNOWN_WITNESS": (
        _PRECONDITION,
        "No witness key is authorised for this agency. Ask the hub's operator to authorise it.",
    ),
    "BAD_COSIGNATURE": (
        _INVALID,
        "The cosignature does not verify for this checkpoint and key. Check the witness's key.",
    ),
    "LEGAL_HOLD": (_PRECONDITION, "The law keeps all of this from being erased. Lift the hold first."),
    "AGENCY_DEPARTED": (
        _PRECONDITION,
        "The agency has left: nothing is recorded by it or sent to it any more.",
    ),
    "KEYS_UNAVAILABLE": (
        _UNAVAILABLE,
        "The provider of the hub's keys does not answer, so nothing can be opened. Try again.",
    ),
    "NO_ASSERTION": (
        _UNAUTHENTICATED,
        "This call needs the agency's signed word for who asks. Send an assertion with it.",
    ),
    "BAD_ASSERTION": (
        _UNAUTHENTICATED,
        "The assertion does not hold: the details name the rule it breaks. Sign a new one.",
    ),
    "ASSERTION_ISSUER": (
        _DENIED,
        "The assertion is another agency's. An agency signs for its own staff only.",
    ),
    "ROLE_NEEDED": (
        _DENIED,
        "The caller's agency has not given this member of staff the role that the call needs.",
    ),
    "TWO_PEOPLE_NEEDED": (
        _PRECONDITION,
        "Two administrators change this: one proposes it, another approves.",
    ),
    "NO_DAY_AND_NIGHT_NUMBER": (
        _PRECONDITION,
        "The agency has no number that is answered day and night. Appoint one, then go live.",
    ),
    "BAD_ENROLMENT": (
        _UNAUTHENTICATED,
        "This enrolment code opens nothing: it is used, out of date or mistyped. Ask for a new one.",
    ),
    "NOT_CONFIRMED": (
        _UNAVAILABLE,
        "Nobody has confirmed the six words yet. Read them out to whoever invited you, then ask again.",
    ),
    "BAD_SIGNING_REQUEST": (
        _INVALID,
        "The signing request breaks the rule named in the details. Make a new one.",
    ),
    "CERTIFICATE_REVOKED": (
        _UNAUTHENTICATED,
        "This certificate was revoked. Ask the hub's operator, then enrol again with a new key.",
    ),
    "TOO_MANY_CALLS": (
        _EXHAUSTED,
        "The agency makes more calls than its share. Wait as long as the details say, then try again.",
    ),
    "SAME_PERSON": (
        _DENIED,
        "Two different people are needed for this. Somebody else has to do the second step.",
    ),
    "DECISION_STATE": (
        _PRECONDITION,
        "It was answered, ended or signed already. List it and look again.",
    ),
    "NOT_OVERRIDABLE": (
        _PRECONDITION,
        "No decision opens this. Ring the agency's number that is answered day and night.",
    ),
    "ADMINISTRATOR": (
        _UNAUTHENTICATED,
        "The administrator's code or signature does not hold. Check the code, or sign with your own key.",
    ),
    "PROXY_EXCLUDED": (
        _PRECONDITION,
        "This person cannot speak for the client. Ask the client alone, or somebody they chose.",
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal as gRPC sends it."""

    code: grpc.StatusCode
    reason: str
    """An ErrorReason's name without its prefix."""
    text: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


def answer_to(error: BaseException) -> Answer:
    """What the caller is told of an error. Anything unforeseen becomes INTERNAL with a random id."""
    if isinstance(error, OnceToldError) and error.code in REASONS and error.code != "INTERNAL":
        return _answer(error.code, error.details)
    error_id = secrets.token_hex(8)
    # Only where and what kind: the text of an error may hold what somebody sent.
    kind, place = type(error).__qualname__, _place(error)
    log.error(
        "error_id=%s type=%s at=%s",
        error_id,
        kind,
        place,
        extra={"event": "CALL_FAILED", "fields": {"error_id": error_id, "error_type": kind, "place": place}},
    )
    return _answer("INTERNAL", {"error_id": error_id})


def _answer(code: str, details: dict[str, str]) -> Answer:
    status, text = REASONS[code]
    info = error_details_pb2.ErrorInfo(
        reason=PREFIX + code,
        domain=DOMAIN,
        metadata={name: value for name, value in details.items() if name in PUBLIC_DETAILS},
    )
    packed = Any()
    packed.Pack(info)
    number: int = status.value[0]
    whole = status_pb2.Status(code=number, message=text, details=[packed])
    if "retry_seconds" in details:
        pause = error_details_pb2.RetryInfo()
        pause.retry_delay.FromSeconds(int(details["retry_seconds"]))
        whole.details.add().Pack(pause)
    return Answer(status, code, text, ((DETAILS_KEY, whole.SerializeToString()),))


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
