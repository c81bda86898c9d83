"""Vectors of signed texts: notes, checkpoints and cosignatures. Signed here, without the product."""

import base64
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors import oracle
from tests.vectors.trees import Case, flipped, leaves

ORIGIN = "oncetold.org/ledger/018f0000-0000-4000-8000-00000000000a"
WITNESSES = ("north.example/witness", "south.example/witness")
TIME = 1_772_442_000
DASH = "\u2014 "


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Key:
    """An Ed25519 key that is the same in every run. `kind`: 1 a log's, 4 a witness's."""

    def __init__(self, name: str, kind: int = 1, seed: str = "") -> None:
        self.name, self.kind = name, kind
        self.private = Ed25519PrivateKey.from_private_bytes(sha256((seed or name).encode()).digest())
        self.public = self.private.public_key().public_bytes_raw()
        self.id = sha256(name.encode() + b"\n" + bytes([kind]) + self.public).digest()[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(bytes([kind]) + self.public)}"

    def signature(self, text: str, time: int = TIME) -> bytes:
        if self.kind == 1:
            return self.private.sign(text.encode())
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        return time.to_bytes(8) + self.private.sign(message)

    def line(self, text: str, time: int = TIME) -> str:
        return self.written(self.signature(text, time))

    def written(self, signature: bytes) -> str:
        return f"{DASH}{self.name} {b64(self.id + signature)}\n"


LOG = Key(ORIGIN)
STRANGER = Key("elsewhere.example/log")
NORTH, SOUTH = (Key(name, 4) for name in WITNESSES)


def checkpoint_text(size: int, root: bytes | None = None, origin: str = ORIGIN) -> str:
    return f"{origin}\n{size}\n{b64(oracle.root(leaves(size)) if root is None else root)}\n"


def note(text: str, *lines: str) -> str:
    return text + "\n" + "".join(lines)


def case(family: str, why: str, **fields: Any) -> Case:
    return {"valid": family == "right", "family": family, "why": why, **fields}


def notes() -> Iterator[Case]:
    text = "What is signed.\n\nWith a line between.\n"
    line, other = LOG.line(text), STRANGER.line(text)

    def one(
        family: str, why: str, data: str | bytes, keys: Sequence[str] = (LOG.vkey,), signers: Any = None
    ) -> Case:
        raw = data.encode() if isinstance(data, str) else data
        return case(
            family, why, note=b64(raw), keys=list(keys), signers=[ORIGIN] if signers is None else signers
        )

    yield one("right", "one signature", note(text, line))
    yield one("right", "an unknown key's line is ignored", note(text, other, line))
    yield one(
        "right",
        "both keys are known",
        note(text, other, line),
        (LOG.vkey, STRANGER.vkey),
        [STRANGER.name, ORIGIN],
    )
    garbage = f"{DASH}{ORIGIN} {b64(b'other' * 9)}\n"
    yield one("right", "a known name with an unknown id is ignored", note(text, garbage, line))
    yield one(
        "right",
        "sixteen lines have to be borne",
        note(text, *[Key(f"k{n}.example").line(text) for n in range(15)], line),
    )
    yield one(
        "right",
        "a key of an unknown type signs too: ignored",
        note(text, f"{DASH}pq.example {b64(bytes(2424))}\n", line),
    )
    yield one("right", "a text of one empty line", note("\n", LOG.line("\n")))

    def forged(family: str, why: str, data: str | bytes, keys: Sequence[str] = (LOG.vkey,)) -> Case:
        return one(family, why, data, keys, [])

    signature = LOG.signature(text)
    yield forged("text altered", "one letter", note(text.replace("signed", "Signed"), line))
    yield forged("text altered", "one newline more", note(text + "\n", line))
    yield forged("text altered", "its last line is gone", note("What is signed.\n", line))
    for bit in (0, 255, 511):
        yield forged("signature altered", f"bit {bit}", note(text, LOG.written(flipped(signature, bit))))
    yield forged("signature short", "63 bytes", note(text, LOG.written(signature[:-1])))
    yield forged("signature long", "65 bytes", note(text, LOG.written(signature + b"\0")))
    yield forged("signature of another text", "the key signed something else", note(text, LOG.line("else\n")))
    yield forged(
        "another key under this name",
        "id and name are the known key's",
        note(text, LOG.written(STRANGER.signature(text))),
    )
    yield forged("unknown keys alone", "nobody known signed", note(text, other))
    yield forged("no keys", "nobody is known", note(text, line), ())
    yield forged(
        "bad line of a known key",
        "though another known key signed well",
        note(text, other, LOG.written(bytes(64))),
        (LOG.vkey, STRANGER.vkey),
    )
    yield forged("no signature", "nothing behind the blank line", text + "\n")
    yield forged("no blank line", "text and signature side by side", "signed\n" + LOG.line("signed\n"))
    yield forged("no last newline", "cut off", note(text, line)[:-1])
    yield forged("line without a dash", "a hyphen instead", note(text, "-" + line[1:]))
    yield forged(
        "line without a space",
        "name and signature are one word",
        note(text, line.replace(f"{ORIGIN} ", ORIGIN)),
    )
    yield forged(
        "line with two spaces", "before the signature", note(text, line.replace(f"{ORIGIN} ", f"{ORIGIN}  "))
    )
    yield forged("key name with a plus", "names have none", note(text, line, f"{DASH}a+b {b64(bytes(68))}\n"))
    yield forged("key name empty", "no name at all", note(text, line, f"{DASH} {b64(bytes(68))}\n"))
    yield forged(
        "key name with a space", "a no-break space", note(text, line, f"{DASH}a\u00a0b {b64(bytes(68))}\n")
    )
    yield forged("not base64", "an asterisk", note(text, line.replace("=", "*")))
    yield forged(
        "base64 of the web", "minus and underscore", note(text, line, f"{DASH}web.example {'-_' * 34}\n")
    )
    # 68 bytes end in one sign of padding; its neighbour has spare bits.
    last = line.rstrip("\n")
    spare = last[:-2] + chr(ord(last[-2]) + 1) + "=\n"
    yield forged("base64 with stray bits", "another spelling of the same bytes", note(text, spare))
    yield forged(
        "signature of no bytes",
        "the key id alone",
        note(text, line, f"{DASH}empty.example {b64(bytes(4))}\n"),
    )
    yield forged("control character", "a tab in the text", note("a\tb\n", LOG.line("a\tb\n")))
    yield forged("control character", "carriage returns", note(text, line).replace("\n", "\r\n"))
    yield forged("control character", "a zero byte", note("a\0b\n", LOG.line("a\0b\n")))
    yield forged("not UTF-8", "a lone byte", note(text, line).encode() + b"\xff\n")
    yield forged("something behind", "a line that is no signature", note(text, line, "and more\n"))
    yield forged("something behind", "a blank line and more", note(text, line) + "\nmore\n")
    yield forged("empty", "nothing at all", "")


def vkeys() -> Iterator[Case]:
    name, key_id, data = LOG.vkey.split("+", 2)
    for key in (LOG, STRANGER, NORTH, SOUTH):
        yield case("right", "", vkey=key.vkey, name=key.name, kind=key.kind, public=key.public.hex())
    yield case("key id altered", "one digit", vkey=f"{name}+{flipped(bytes.fromhex(key_id)).hex()}+{data}")
    yield case(
        "key altered",
        "the id is another key's",
        vkey=f"{name}+{key_id}+{b64(bytes([1]) + flipped(LOG.public))}",
    )
    yield case("name altered", "the id is another name's", vkey=f"x{LOG.vkey}")
    yield case(
        "type altered", "a log's key as a witness's", vkey=f"{name}+{key_id}+{b64(bytes([4]) + LOG.public)}"
    )
    short = sha256(name.encode() + b"\n\x01" + LOG.public[:31]).digest()[:4].hex()
    yield case(
        "key short", "31 bytes, with their id", vkey=f"{name}+{short}+{b64(bytes([1]) + LOG.public[:31])}"
    )
    unknown = sha256(name.encode() + b"\n\x09" + LOG.public).digest()[:4].hex()
    yield case("unknown type", "9, with its id", vkey=f"{name}+{unknown}+{b64(bytes([9]) + LOG.public)}")
    yield case("id in capitals", "hexadecimal is written small", vkey=f"{name}+{'A1B2C3D4'}+{data}")
    yield case("no plus", "two parts", vkey=f"{name}+{data}")
    yield case("not base64", "an asterisk", vkey=LOG.vkey[:-1] + "*")
    yield case("space around", "behind it", vkey=LOG.vkey + " ")
    yield case("empty", "nothing at all", vkey="")


def checkpoints() -> Iterator[Case]:
    def one(family: str, why: str, text: str, key: Key = LOG, origin: str = ORIGIN, size: int = 0) -> Case:
        fields: dict[str, Any] = {"note": b64(note(text, key.line(text)).encode()), "key": LOG.vkey}
        if family == "right":
            fields |= {"origin": origin, "size": size, "root": oracle.root(leaves(size)).hex()}
        return case(family, why, **fields)

    for size in (0, 1, 7, 256, 600):
        yield one("right", "", checkpoint_text(size), size=size)
    root = oracle.root(leaves(7))
    good = b64(root)
    for family, why, text in (
        ("extension line", "nobody could audit it, so this log writes none", checkpoint_text(7) + "more\n"),
        ("extension line", "an empty one", checkpoint_text(7) + "\n"),
        ("line missing", "no root", f"{ORIGIN}\n7\n"),
        ("line missing", "no origin", f"7\n{good}\n"),
        ("origin empty", "", f"\n7\n{good}\n"),
        ("another origin", "signed by this key all the same", checkpoint_text(7, origin=ORIGIN + "/2")),
        ("origin altered", "a space behind", checkpoint_text(7, origin=ORIGIN + " ")),
        ("size with a leading zero", "", f"{ORIGIN}\n07\n{good}\n"),
        ("size with a sign", "plus", f"{ORIGIN}\n+7\n{good}\n"),
        ("size with a sign", "minus", f"{ORIGIN}\n-7\n{good}\n"),
        ("size with a space", "", f"{ORIGIN}\n7 \n{good}\n"),
        ("size not decimal", "hexadecimal", f"{ORIGIN}\n0x7\n{good}\n"),
        ("size not decimal", "Arabic-Indic digits", f"{ORIGIN}\n\u0667\n{good}\n"),
        ("size not decimal", "with an underscore", f"{ORIGIN}\n1_0\n{good}\n"),
        ("size empty", "", f"{ORIGIN}\n\n{good}\n"),
        ("size too large", "2 to the 63rd", f"{ORIGIN}\n{2**63}\n{good}\n"),
        ("size too large", "forty digits", f"{ORIGIN}\n{'9' * 40}\n{good}\n"),
        ("root short", "31 bytes", checkpoint_text(7, root[:31])),
        ("root long", "33 bytes", checkpoint_text(7, root + b"\0")),
        ("root not base64", "hexadecimal", f"{ORIGIN}\n7\n{root.hex()}\n"),
        ("root with stray bits", "", f"{ORIGIN}\n7\n{good[:-2]}{chr(ord(good[-2]) + 1)}=\n"),
        ("root with a space", "", f"{ORIGIN}\n7\n{good} \n"),
        ("root of an empty tree", "is the hash of nothing", checkpoint_text(0, root)),
    ):  # fmt: skip
        yield one(family, why, text)
    yield one("signed by another", "a stranger signs for this origin", checkpoint_text(7), STRANGER)
    yield one("signed by another", "under this key's name", checkpoint_text(7), Key(ORIGIN, seed="another"))
    yield one("signed by another", "a witness's key", checkpoint_text(7), NORTH)
    altered = note(checkpoint_text(8), LOG.line(checkpoint_text(7)))
    yield case("altered behind the signature", "", note=b64(altered.encode()), key=LOG.vkey)


def cosignatures() -> Iterator[Case]:
    text = checkpoint_text(7)
    keys = [NORTH.vkey, SOUTH.vkey]

    def one(
        family: str, why: str, *lines: str, cosigned: Any = (), keys: Sequence[str] = keys, text: str = text
    ) -> Case:
        raw = note(text, LOG.line(text), *lines).encode()
        fields: dict[str, Any] = {"note": b64(raw), "key": LOG.vkey, "witnesses": list(keys)}
        if family == "right":
            fields["cosigned"] = [[key.name, time] for key, time in cosigned]
        return case(family, why, **fields)

    yield one("right", "one witness", NORTH.line(text), cosigned=[(NORTH, TIME)])
    yield one(
        "right",
        "two witnesses",
        NORTH.line(text),
        SOUTH.line(text, TIME + 9),
        cosigned=[(NORTH, TIME), (SOUTH, TIME + 9)],
    )
    yield one("right", "none yet")
    yield one(
        "right",
        "an unknown witness is ignored",
        Key("west.example", 4).line(text),
        NORTH.line(text),
        cosigned=[(NORTH, TIME)],
    )
    yield one("right", "a witness that nobody asked for is ignored", SOUTH.line(text), keys=[NORTH.vkey])
    yield one("right", "at the beginning of time", NORTH.line(text, 0), cosigned=[(NORTH, 0)])
    yield one("right", "at its end", NORTH.line(text, 2**63 - 1), cosigned=[(NORTH, 2**63 - 1)])
    yield one(
        "right",
        "a first line with an empty tree",
        NORTH.line(checkpoint_text(0)),
        cosigned=[(NORTH, TIME)],
        text=checkpoint_text(0),
    )
    signature = NORTH.signature(text)
    plain = Key(NORTH.name)
    yield one("time altered", "one second later", NORTH.written((TIME + 1).to_bytes(8) + signature[8:]))
    yield one("time altered", "zero", NORTH.written(bytes(8) + signature[8:]))
    yield one("time too late", "2 to the 63rd", NORTH.line(text, 2**63))
    yield one("time missing", "the signature alone", NORTH.written(signature[8:]))
    for bit in (0, 300, 511):
        yield one("signature altered", f"bit {bit}", NORTH.written(flipped(signature, bit)))
    yield one("signature short", "a byte is missing", NORTH.written(signature[:-1]))
    yield one("signature long", "a byte more", NORTH.written(signature + b"\0"))
    yield one("of another size", "the tree one leaf ago", NORTH.line(checkpoint_text(6)))
    yield one("of another root", "a fork", NORTH.line(checkpoint_text(7, oracle.root(leaves(8)))))
    yield one(
        "of another origin", "another log's", NORTH.line(checkpoint_text(7, origin="elsewhere.example/log"))
    )
    yield one("by another key", "under this witness's name and id", NORTH.written(SOUTH.signature(text)))
    yield one(
        "signed as a log", "without the head line", NORTH.written(TIME.to_bytes(8) + plain.signature(text))
    )
    head = f"cosignature/v2\ntime {TIME}\n{text}".encode()
    yield one("another head line", "version 2", NORTH.written(TIME.to_bytes(8) + NORTH.private.sign(head)))
    bare = f"cosignature/v1\n{TIME}\n{text}".encode()
    yield one(
        "another head line",
        "the time without its word",
        NORTH.written(TIME.to_bytes(8) + NORTH.private.sign(bare)),
    )
    whole = f"cosignature/v1\ntime {TIME}\n{note(text, LOG.line(text))}".encode()
    yield one(
        "more than the text signed",
        "the log's line too",
        NORTH.written(TIME.to_bytes(8) + NORTH.private.sign(whole)),
    )
    yield one(
        "one good, one bad",
        "a known witness's line has to verify",
        NORTH.line(text),
        SOUTH.written(signature),
    )
    without = note(text, NORTH.line(text)).encode()
    yield case("not signed by the log", "a witness alone", note=b64(without), key=LOG.vkey, witnesses=keys)
    own = note(text, Key(ORIGIN, 4).line(text)).encode()
    yield case(
        "cosigned by the log's own key",
        "that is no log's signature",
        note=b64(own),
        key=LOG.vkey,
        witnesses=keys,
    )
