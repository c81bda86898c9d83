"""What can go wrong in an adapter. Every error says what happened and what to do next, and holds no row's
words."""


class AdapterError(Exception):
    """The root of an adapter's errors. `code` is stable, `next_step` tells a person what to do."""

    def __init__(self, code: str, message: str, next_step: str) -> None:
        super().__init__(f"{message} {next_step}")
        self.code = code
        self.message = message
        self.next_step = next_step


class ConfigInvalid(AdapterError):
    """The configuration cannot be used. `problems` are sentences, each naming the setting."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("CONFIG_INVALID", " ".join(problems), "Correct the configuration, then check.")
        self.problems = problems


class HubUnreachable(AdapterError):
    """No answer from the hub: the network, TLS, or a hub that is down. `code` names the transport refusal.

    `retryable` is False where waiting cannot help, as with an expired certificate.
    """

    def __init__(self, code: str, message: str, next_step: str, *, retryable: bool) -> None:
        super().__init__(code, message, next_step)
        self.retryable = retryable


class HubRefused(AdapterError):
    """The hub answered no. `reason` is an ErrorReason's name without its prefix; `metadata` holds codes and
    ids; `pause` is how many seconds the hub wants to be left alone before the next try, 0 if it said nothing.
    """

    def __init__(
        self, reason: str, metadata: dict[str, str], next_step: str, *, retryable: bool, pause: float = 0.0
    ) -> None:
        detail = "".join(f" {key}={value}" for key, value in sorted(metadata.items()))
        super().__init__(reason, f"The hub refused: {reason}{detail}.", next_step)
        self.reason = reason
        self.metadata = metadata
        self.retryable = retryable
        self.pause = pause


class DeliveryNotWritten(AdapterError):
    """The sink cannot write this one delivery; others may go on. `reason` is a code, never the content."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(reason, f"Delivery {sequence} could not be written: {reason}.", "It is tried again.")
        self.sequence = sequence
        self.reason = reason


class SinkUnavailable(AdapterError):
    """The agency's own database does not answer or refuses everything; nothing was written or
    acknowledged."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "SINK_UNAVAILABLE",
            f"The database that keeps deliveries does not work: {reason}.",
            "Check that it runs, that the account may write, and that its disk is not full.",
        )
        self.reason = reason


class RetractionNotDone(AdapterError):
    """A retraction could not be carried out. It is never put aside: the feed waits here until it is done."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(
            "RETRACTION_NOT_DONE",
            f"Retraction {sequence} could not be carried out: {reason}.",
            "Somebody withdrew; make the database accept the deletion, then run again.",
        )
        self.sequence = sequence
        self.reason = reason


class CorrectionNotDone(AdapterError):
    """A correction could not be written, nor what it corrects be greyed: the feed waits here."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(
            "CORRECTION_NOT_DONE",
            f"Correction {sequence} could not be carried out: {reason}.",
            "What is held may no longer be used as it stands; make the database accept it, then run again.",
        )
        self.sequence = sequence
        self.reason = reason


class SourceUnreadable(AdapterError):
    """The source itself cannot be read. `reason` is a code."""

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__("SOURCE_UNREADABLE", f"The source cannot be read: {reason}.", next_step)
        self.reason = reason


class StateUnusable(AdapterError):
    """The publisher's memory cannot be used now."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__("STATE_UNUSABLE", message, next_step)


class ProofRefused(AdapterError):
    """A proof, checkpoint or signature does not show what it should. `reason` says which part of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "PROOF_REFUSED",
            f"What the hub gave as proof proves nothing: {reason}.",
            "Ask again; if it is refused again, keep it and ask the hub's operator how it came about.",
        )
        self.reason = reason


class LogMisbehaved(AdapterError):
    """The ledger's signed word contradicts its earlier one. `evidence` names the file that shows both."""

    def __init__(self, reason: str, evidence: str) -> None:
        super().__init__(
            "LOG_MISBEHAVED",
            f"The ledger is not the one it was: {reason}. What it signed then and now is kept in {evidence}.",
            "Trust nothing it says until this is explained: send that file to your data protection officer"
            " and to the other agencies. Anybody can check it with the ledger's public key.",
        )
        self.reason = reason
        self.evidence = evidence


class CertificateEnding(AdapterError):
    """Our certificate ends soon, or has ended, and was not renewed by itself."""

    def __init__(self, days: int) -> None:
        when = (
            "has ended"
            if days < 0
            else "ends today"
            if days == 0
            else f"ends in {days} day{'' if days == 1 else 's'}"
        )
        super().__init__(
            "CERTIFICATE_ENDING",
            f"This adapter's certificate {when}.",
            "Find out what keeps it from renewing: oncetold-adapter doctor",
        )
        self.days = days
