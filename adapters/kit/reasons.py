"""What a person does next about each of the hub's refusals. The list follows the contract's ErrorReason."""

PREFIX = "ERROR_REASON_"

NEXT_STEP: dict[str, str] = {
    "INVALID_FIELD": "Correct the named field in the mapping or the source.",
    "UNKNOWN_FIELD": "The hub is older than this adapter: update the hub, or use the adapter of its version.",
    "UNKNOWN_ENUM": "Use a purpose, category or service type that this hub knows.",
    "IMPOSSIBLE_TIME": "Correct the time: not in the future, not before 1900, no end before its start.",
    "FREE_TEXT_NOT_RELEASED": "Let the author release the text with its categories, or leave it out.",
    "MESSAGE_TOO_LARGE": "Send less than 1 MiB in one message.",
    "REQUEST_ID_REUSED": "Remove nothing; run again, a new request id is made for a new attempt.",
    "CERTIFICATE_NAME": "Ask the hub operator for a certificate with exactly one URI name.",
    "UNKNOWN_CERTIFICATE": "Ask the hub operator to register the agency of this certificate.",
    "OPERATOR_ONLY": "This call is for the hub operator.",
    "REFERENCE_NOT_REGISTERED": "Register the client's reference, or leave the client out if it is closed.",
    "NOT_FOUND": "Check feed_id: the feed must be opened for exactly this certificate.",
    "NO_LAWFUL_BASIS": "The agreement needs a lawful basis for this purpose.",
    "BASIS_BARRED": "A public authority cannot rest on this basis; correct the agreement.",
    "GRANT_BEYOND_AGREEMENT": "Sign an agreement that covers what is granted.",
    "UNKNOWN_AGENCY": "Ask the hub operator to register that agency.",
    "ALREADY_EXISTS": "It exists with other content; read it first.",
    "STALE_REVISION": "Somebody else published this record; the expected revision is named.",
    "EPOCH_CHANGED": "Run the adapter: it tells the hub what it holds and goes on by itself.",
    "NEVER_SENT": "The hub forgot what it sent: tell the hub operator. Keep the database as it is.",
    "BAD_RECEIPT": "Check this computer's clock, that key_file belongs to the feed's certificate, and that a"
    " receipt says ERASED only where every place is spoken of.",
    "FETCH_IN_PROGRESS": "Another copy of this adapter runs for the same feed: stop one of them.",
    "CLOCK_IN_DOUBT": "Ask the hub operator to check the hub's clock and to resume it.",
    "UNAVAILABLE": "Wait; the adapter tries again by itself.",
    "STORAGE_FULL": "Tell the hub operator: the hub's disk is full.",
    "INTERNAL": "Give the error_id to the hub operator.",
    "NO_STANDING_RECIPIENT": "This kind of service or purpose never gets a subscription.",
    "SELF_CONFIRMATION": "Another agency confirms this, never the agency itself.",
    "LINK_TOKEN": "Ask for a new link token.",
    "ROLE_WIDE_GRANT": "Name the recipient in the grant.",
    "AGREEMENT_STATE": "Read the agreement: it is terminated or was signed in other words.",
    "TASK_STATE": "Read the task: it is done already, or its kind knows no such outcome.",
    "BASIS_WITHOUT_EVIDENCE": "Give the evidence that the named field asks for, or record another basis.",
    "DUTY_NOT_IN_FORCE": "The duty is not in force: name one that is, or record another basis.",
    "NOT_YET_COVERED": "Wait; the hub signs within a second, and its witnesses cosign within a minute.",
    "BEYOND_LEDGER": "Check the position. If it was right before, the ledger is shorter than it was: keep"
    " what it signed, and tell your data protection officer.",
    "UNKNOWN_WITNESS": "Ask the hub operator to authorise your witness's key; `witness key show` prints it.",
    "BAD_COSIGNATURE": "The hub operator must authorise the very key that `witness key show` prints.",
    "LEGAL_HOLD": "The law keeps this from being erased; lift the hold first.",
    "AGENCY_DEPARTED": "The agency has left this hub: stop this adapter.",
    "KEYS_UNAVAILABLE": "Wait; the adapter tries again by itself.",
    "NO_ASSERTION": "Let your system sign an assertion for the member of staff who asks.",
    "BAD_ASSERTION": "Sign a new assertion. The rule that it broke is named; `expires` often"
    " means a wrong clock.",
    "ASSERTION_ISSUER": "Sign with your own agency's assertion key, and name your own agency in it.",
    "ROLE_NEEDED": "Give the member of staff the role that is named, if it is theirs.",
    "TWO_PEOPLE_NEEDED": "Ask the hub operator: two of its administrators are needed for this.",
    "NO_DAY_AND_NIGHT_NUMBER": "Give the hub a telephone number of your agency that is"
    " answered day and night.",
    "BAD_ENROLMENT": "Check the code letter by letter. If it is right, ask whoever invited you"
    " for a new one.",
    "NOT_CONFIRMED": "Read the six words to whoever invited you, by telephone; the adapter"
    " asks again by itself.",
    "BAD_SIGNING_REQUEST": "Let this adapter make the signing request itself.",
    "CERTIFICATE_REVOKED": "This certificate was revoked: ask the hub operator why, then enrol again.",
    "TOO_MANY_CALLS": "Wait; the adapter tries again by itself after the time that is named.",
    "SAME_PERSON": "Ask another person: whoever began this cannot also agree to it.",
    "DECISION_STATE": "List it and look again: it was answered, ended or signed already.",
    "NOT_OVERRIDABLE": "No decision opens this. Ring the other agency's number that is"
    " answered day and night.",
    "ADMINISTRATOR": "This call is for the hub's administrators.",
    "PROXY_EXCLUDED": "Ask the client alone, or somebody they chose: this person cannot speak for them.",
}

# Reasons that are about one record in a batch. The others are about the caller, the hub or the whole message.
ABOUT_ONE_RECORD = frozenset(
    {
        "INVALID_FIELD",
        "UNKNOWN_FIELD",
        "UNKNOWN_ENUM",
        "IMPOSSIBLE_TIME",
        "FREE_TEXT_NOT_RELEASED",
        "MESSAGE_TOO_LARGE",
        "REFERENCE_NOT_REGISTERED",
        "STALE_REVISION",
    }
)


def next_step(reason: str) -> str:
    """The next step for a reason without its prefix; a reason newer than this adapter gets a general one."""
    return NEXT_STEP.get(reason, "This adapter does not know the reason: update it, or ask the hub operator.")
