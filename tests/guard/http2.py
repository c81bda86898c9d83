"""A caller that writes HTTP/2 frames by hand, as no library would: only to see what a hub does with them."""

import socket
import ssl
import struct
from types import TracebackType
from typing import NamedTuple, Self

from tests.integration.loopback import Site

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ENHANCE_YOUR_CALM = 11
END_STREAM, END_HEADERS = 1, 4


class Frame(NamedTuple):
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", length: int = -1) -> bytes:
    """A frame's bytes; `length` says another length than the payload's."""
    size = len(payload) if length < 0 else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def call(path: str) -> bytes:
    """The header block of a call, spelt out without any table."""
    fields = {
        ":method": "POST",
        ":scheme": "https",
        ":path": path,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    return b"".join(
        bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )


class Caller:
    """One TLS connection of an adapter's, with its certificate, that speaks HTTP/2 by hand."""

    def __init__(self, site: Site, port: int, agency: str, context: ssl.SSLContext | None = None) -> None:
        self.tls = context or client(site, agency)
        self._socket = self.tls.wrap_socket(
            socket.create_connection(("localhost", port), timeout=10), server_hostname="localhost"
        )
        self.version = self._socket.version()
        self.cipher = self._socket.cipher()

    def begin(self) -> Self:
        """Shakes hands as HTTP/2 does."""
        self.send(PREFACE + frame(SETTINGS))
        return self

    def send(self, octets: bytes) -> bool:
        """Whether the other end still took it."""
        try:
            self._socket.sendall(octets)
        except OSError:
            return False
        return True

    def frames(self) -> list[Frame]:
        """Everything that comes until the hub hangs up. Raises TimeoutError when it does not."""
        found = []
        while (head := self._exactly(9)) is not None:
            payload = self._exactly(int.from_bytes(head[:3], "big"))
            if payload is None:
                break
            found.append(Frame(head[3], head[4], int.from_bytes(head[5:9], "big"), payload))
        return found

    def _exactly(self, size: int) -> bytes | None:
        octets = b""
        while len(octets) < size:
            try:
                more = self._socket.recv(size - len(octets))
            except (ConnectionError, ssl.SSLError):
                return None
            if not more:
                return None
            octets += more
        return octets

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


def client(site: Site, agency: str) -> ssl.SSLContext:
    """TLS as an adapter speaks it."""
    credentials = site.issue(agency)
    context = ssl.create_default_context(cafile=str(site.authority.certificate))
    context.load_cert_chain(credentials.certificate, credentials.key)
    context.set_alpn_protocols(["h2"])
    return context
