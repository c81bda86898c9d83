"""The trust rule of somebody who checks the log (C2SP tlog-policy): its keys, its witnesses, a quorum."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from consent_ledger.errors import ProofRefused
from consent_ledger.log.checkpoint import OpenedCheckpoint, open_checkpoint
from consent_ledger.log.note import KeyType, Note, VerifierKey

_NONE = "none"
_THRESHOLDS: dict[str, Callable[[int], int]] = {"any": lambda members: 1, "all": lambda members: members}


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of the members have to have cosigned."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Any one of the logs, and the quorum of the witnesses."""

    logs: tuple[VerifierKey, ...]
    witnesses: dict[str, VerifierKey]
    groups: dict[str, Group]
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """Raises `ProofRefused` naming the line. What is not ASCII is taken as it is."""
        reader = _Reader()
        for number, line in enumerate(data.split(b"\n"), start=1):
            try:
                reader.take(line)
            except (ProofRefused, ValueError, KeyError, IndexError) as error:
                raise ProofRefused("policy", line=number) from error
        if reader.quorum is None:
            raise ProofRefused("policy without a quorum")
        return cls(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)

    def satisfied(self, cosigners: Collection[VerifierKey]) -> bool:
        """Whether these witnesses are enough."""
        return self.quorum == _NONE or self._witnessed(self.quorum, {key.public for key in cosigners})

    def open(self, data: bytes) -> OpenedCheckpoint:
        """A checkpoint that this policy accepts. Raises `ProofRefused`."""
        signers = {(line.name, line.key_id) for line in Note.parse(data).lines}
        for log in self.logs:
            if (log.name, log.key_id) in signers:
                opened = open_checkpoint(data, log, tuple(self.witnesses.values()))
                if not self.satisfied([one.key for one in opened.cosigned]):
                    raise ProofRefused("quorum")
                return opened
        raise ProofRefused("unknown log")

    def _witnessed(self, name: str, public: set[bytes]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return self.witnesses[name].public in public
        return sum(self._witnessed(member, public) for member in group.members) >= group.threshold


class _Reader:
    """Takes a policy line by line; names must stand before they are used."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()

    def take(self, line: bytes) -> None:
        if any((sign < 0x20 and sign != 0x09) or sign == 0x7F for sign in line):
            raise ValueError("a control character")
        words = [
            word.decode("utf-8", "surrogateescape") for word in line.replace(b"\t", b" ").split(b" ") if word
        ]
        if not words or words[0].startswith("#"):
            return
        kind, *rest = words
        {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum}[kind](rest)

    def _log(self, words: list[str]) -> None:
        key = _key(words, KeyType.ED25519)
        if any(key.public == other.public for other in self.logs):
            raise ValueError("a log stands twice")
        self.logs.append(key)

    def _witness(self, words: list[str]) -> None:
        name = self._new(words[0])
        key = _key(words[1:], KeyType.COSIGNATURE)
        if any(key.public == other.public for other in self.witnesses.values()):
            raise ValueError("a witness stands twice")
        self.witnesses[name] = key

    def _group(self, words: list[str]) -> None:
        name, how, *members = words
        name = self._new(name)
        if not members or any(self._known(member) in self._members for member in members):
            raise ValueError("a member stands in one group alone")
        if len(set(members)) != len(members):
            raise ValueError("a member stands twice")
        threshold = _THRESHOLDS[how](len(members)) if how in _THRESHOLDS else int(how)
        if not 1 <= threshold <= len(members) or (how not in _THRESHOLDS and str(threshold) != how):
            raise ValueError("no such threshold")
        self._members.update(members)
        self.groups[name] = Group(threshold, tuple(members))

    def _quorum(self, words: list[str]) -> None:
        (name,) = words
        if self.quorum is not None:
            raise ValueError("a second quorum")
        self.quorum = name if name == _NONE else self._known(name)

    def _new(self, name: str) -> str:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise ValueError("a name stands twice")
        return name

    def _known(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise ValueError("an unknown name")
        return name


def _key(words: list[str], kind: KeyType) -> VerifierKey:
    """A key, and maybe a URL that nobody here follows."""
    if not 1 <= len(words) <= 2:
        raise ValueError("a key, and at most a URL")
    key = VerifierKey.parse(words[0])
    if key.kind is not kind:
        raise ValueError("a key of another kind")
    return key
