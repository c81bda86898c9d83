"""The contract's error reasons in plain English: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DOMAIN = "oncetold.org"
PREFIX = "ERROR_REASON_"


@dataclass(frozen=True, slots=True)
class Words:
    """One reason told to a person. `{field}` and the like stand for the reason's metadata."""

    what: str
    next_step: str


WORDS: Mapping[str, Words] = {
    "INVALID_FIELD": Words(
        "The hub does not accept {field} as given.", "Correct it (rule: {rule}) and run the command again."
    ),
    "UNKNOWN_FIELD": Words(
        "The request holds something this hub does not know: {field}.",
        "Use the `oncetold` of the same version as the hub.",
    ),
    "UNKNOWN_ENUM": Words(
        "{field} names a value this hub does not know.", "Run the command with --help to see the values."
    ),
    "IMPOSSIBLE_TIME": Words(
        "{field} is a time that cannot be: in the future, before 1900, or an end before its start.",
        "Correct the time and run the command again.",
    ),
    "FREE_TEXT_NOT_RELEASED": Words(
        "{field} holds free text that its author did not release.",
        "Ask the author to release the note with its categories, or leave the text out.",
    ),
    "MESSAGE_TOO_LARGE": Words("The request is larger than 1 MiB.", "Send less at once."),
    "REQUEST_ID_REUSED": Words(
        "This request id was used before, for something else.", "Run the command again without --request-id."
    ),
    "CERTIFICATE_NAME": Words(
        "The certificate does not hold exactly one URI name.", "Issue a certificate with one URI name."
    ),
    "UNKNOWN_CERTIFICATE": Words(
        "No agency is registered for this certificate.", "Register it: oncetold agency certificate --help"
    ),
    "OPERATOR_ONLY": Words(
        "Only the hub's operator may do this.",
        "Run `oncetold` on the hub's own machine, with its data folder.",
    ),
    "REFERENCE_NOT_REGISTERED": Words(
        "The acting agency has not registered this client reference, or has closed it.",
        "Check --as and the reference, or register it: oncetold registration add --help",
    ),
    "NOT_FOUND": Words(
        "There is no such thing of the acting agency's.",
        "Check the id and --as; the list commands show what is there.",
    ),
    "NO_LAWFUL_BASIS": Words(
        "The party {party} has no lawful basis for one of the purposes.",
        "Give that party a [[party.basis]] for every purpose that is shared.",
    ),
    "BASIS_BARRED": Words(
        "The party {party} is a public authority: Article 6(1)(ea) and (f) are barred to it in its tasks.",
        "Give it another basis, usually A6_1_E (public task).",
    ),
    "GRANT_BEYOND_AGREEMENT": Words(
        "No signed agreement in force covers what is granted.",
        "See what is covered: oncetold agreement list. Narrow the grant, or have the agreement signed first.",
    ),
    "UNKNOWN_AGENCY": Words(
        "An agency or certificate that is named is not registered with this hub.",
        "See who is: oncetold agency list. Register the missing one: oncetold agency add --help",
    ),
    "ALREADY_EXISTS": Words(
        "This id exists already, with other content.",
        "Choose another id, or repeat exactly what was given first.",
    ),
    "STALE_REVISION": Words(
        "The record's next revision is {expected}.", "Read the record, then publish the next revision."
    ),
    "EPOCH_CHANGED": Words(
        "The feed's epoch has changed to {epoch}.",
        "Let the adapter reconcile its holdings: oncetold-adapter run",
    ),
    "NEVER_SENT": Words("The acknowledgement is for something never sent.", "Check the adapter's bookmark."),
    "BAD_RECEIPT": Words(
        "A receipt is missing, was not asked for, or its signature does not verify.",
        "Check that the adapter uses the key of its own certificate.",
    ),
    "FETCH_IN_PROGRESS": Words("Another fetch of this feed is waiting.", "Run one adapter for each feed."),
    "CLOCK_IN_DOUBT": Words(
        "The hub's clock is in doubt, so it neither shares nor retracts anything.",
        "Check the machine's time. If it is right now, tell the hub: oncetold clock accept",
    ),
    "UNAVAILABLE": Words("The hub is stopping, or its storage does not answer.", "Try again in a moment."),
    "STORAGE_FULL": Words(
        "The hub's disk is full: reading goes on, nothing is written.",
        "Make room on the disk, then try again.",
    ),
    "INTERNAL": Words(
        "Something failed inside the hub (error id {error_id}).",
        "Look the id up in the hub's log; nothing of this command was kept.",
    ),
    "NO_STANDING_RECIPIENT": Words(
        "Police, immigration enforcement and purposes that are never shared have no feed.",
        "Such a request is answered case by case, by people.",
    ),
    "SELF_CONFIRMATION": Words(
        "Nobody confirms itself.", "Have the source agency, or the person's lead agency, do it: --as AGENCY"
    ),
    "LINK_TOKEN": Words(
        "The link token is unknown, used, expired or the acting agency's own.",
        "Ask for a new one: oncetold link token --help",
    ),
    "ROLE_WIDE_GRANT": Words(
        "The most sensitive categories never ride on a grant to a role or a team.",
        "Name the one agency with --to, or leave those categories out.",
    ),
    "AGREEMENT_STATE": Words(
        "The agreement is terminated, or this is not its newest version.", "See: oncetold agreement list"
    ),
    "BASIS_WITHOUT_EVIDENCE": Words(
        "The confidentiality basis lacks its evidence: {field}.",
        "Give it, or record another basis: oncetold consent grant --help",
    ),
    "DUTY_NOT_IN_FORCE": Words(
        "The statutory duty is not in force, now or any more.",
        "Name one that is, or record another basis: oncetold consent grant --help",
    ),
    "TASK_STATE": Words(
        "The task is done already, or its kind knows no such outcome.", "See what is open: oncetold task list"
    ),
    "LEGAL_HOLD": Words(
        "The law keeps all of this from being erased: hold {hold_id}.",
        "When it is needed no longer, lift the hold: oncetold hold lift --help",
    ),
    "AGENCY_DEPARTED": Words(
        "The agency has left: nothing is recorded by it or sent to it any more.",
        "See who takes part: oncetold agency list",
    ),
    "NOT_YET_COVERED": Words(
        "No checkpoint covers this yet, or too few witnesses have cosigned one.",
        "Wait a minute and run the command again; see who witnesses: oncetold agency list",
    ),
    "BEYOND_LEDGER": Words(
        "The ledger does not reach so far: its newest checkpoint has {size} entries.",
        "Check the position, and that it is this ledger's.",
    ),
    "UNKNOWN_WITNESS": Words(
        "No witness key of this agency is authorised.", "Authorise it: oncetold agency witness --help"
    ),
    "BAD_COSIGNATURE": Words(
        "The cosignature is not by the authorised key, or not of this checkpoint.",
        "Compare the witness's key with the one that the hub knows: oncetold agency list",
    ),
    "NO_ASSERTION": Words(
        "This is a member of staff's call, and nobody said who they are.",
        "Make it from the agency's own system, which signs for its staff: oncetold-adapter staff-key --help",
    ),
    "BAD_ASSERTION": Words(
        "The agency's word for its member of staff does not hold (rule: {rule}).",
        "Sign a new one: each holds for five minutes and for one call. Check the clock and the key.",
    ),
    "ASSERTION_ISSUER": Words(
        "An agency speaks for its own staff and for no other's.",
        "Sign with a key of the agency whose certificate makes the call.",
    ),
    "ROLE_NEEDED": Words(
        "This member of staff has no role that allows it: {role} is needed.",
        "If it is theirs, let the agency or the operator give it in the ledger, then sign a new assertion.",
    ),
    "NO_DAY_AND_NIGHT_NUMBER": Words(
        "The agency has no number that is answered day and night, so it cannot go live.",
        "Appoint it first: oncetold agency appoint AGENCY TWENTY_FOUR_HOURS --help",
    ),
    "BAD_ENROLMENT": Words(
        "The enrolment code opens nothing: used, out of date or mistyped.",
        "Invite the adapter again and give the new code by a second way: oncetold certificate invite --help",
    ),
    "NOT_CONFIRMED": Words(
        "Nobody has confirmed the six words yet.",
        "Have them read out by somebody you know, then: oncetold certificate confirm --help",
    ),
    "BAD_SIGNING_REQUEST": Words(
        "The signing request cannot be used (rule: {rule}).",
        "Let the adapter make a new key and a new request.",
    ),
    "CERTIFICATE_REVOKED": Words(
        "The certificate's key was revoked and opens nothing any more.",
        "Enrol the adapter again with a new key.",
    ),
    "TOO_MANY_CALLS": Words(
        "The agency makes more calls than its share.",
        "Wait {retry_seconds} seconds, then try again. Withdrawals and stops never have to wait.",
    ),
    "NOT_OVERRIDABLE": Words(
        "No decision opens this: a protected address, somebody shut out because of a risk, or the law.",
        "Ring the agency's number that is answered day and night: oncetold agency list",
    ),
    "PROXY_EXCLUDED": Words(
        "Whoever speaks for the client here is shut out by them, or named as a risk to them, or the client"
        " speaks for themselves now.",
        "Ask the client alone, or somebody they chose.",
    ),
    "TWO_PEOPLE_NEEDED": Words(
        "Two administrators change this: one proposes it, another approves it.",
        "Propose it: put --administrator NAME before the command. Who may: oncetold admin list",
    ),
    "SAME_PERSON": Words(
        "Two different people are needed for this, and you were the first.",
        "Ask another administrator: oncetold admin list",
    ),
    "DECISION_STATE": Words(
        "It was decided, ended or signed already, or too late for it.",
        "List it and look again, for instance: oncetold proposals list",
    ),
    "ADMINISTRATOR": Words(
        "The code or the signature does not hold: mistyped, used, too old, or another person's key.",
        "Check the name and --key. New codes: oncetold admin codes --help",
    ),
    "KEYS_UNAVAILABLE": Words(
        "The provider of the hub's keys does not answer, so nothing can be opened.",
        "Check the key store or its network; the hub goes on by itself once it answers.",
    ),
}


class _Metadata(dict[str, str]):
    """Metadata that says so plainly when the hub did not name something."""

    def __missing__(self, key: str) -> str:
        return {"field": "a field", "rule": "see --help", "error_id": "unknown"}.get(key, f"(no {key} given)")


def told(reason: str, metadata: Mapping[str, str]) -> Words:
    """The reason's sentences with its metadata filled in; a reason not known here is named as it is."""
    code = reason.removeprefix(PREFIX)
    found = WORDS.get(code)
    if found is None:
        return Words(
            f"The hub refused, for a reason that this version does not know: {code}.", "Update `oncetold`."
        )
    filled = _Metadata(metadata)
    return Words(found.what.format_map(filled), found.next_step.format_map(filled))
