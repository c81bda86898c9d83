"""As much of Vault's transit engine as the hub uses, by its published API, over HTTP on this machine."""

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "s.invented"
_PREFIX = "/v1/transit/"


class FakeVault:
    """Keys by name, and whether each may be deleted."""

    def __init__(self) -> None:
        self.keys: dict[str, AESGCM] = {}
        self.deletable: set[str] = set()
        self.token = TOKEN
        self.sealed = False
        self.asked: list[str] = []

    def answer(self, method: str, path: str, token: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """HTTP status and body."""
        self.asked.append(f"{method} {path}")
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != self.token:
            return 403, {"errors": ["permission denied"]}
        what, _, name = path.removeprefix(_PREFIX).partition("/")
        if what == "keys" and name.endswith("/config"):
            return self._configure(name.removesuffix("/config"), body)
        if what == "keys":
            return self._key(method, name)
        if what in ("encrypt", "decrypt"):
            return self._cipher(what, name, body)
        return 404, {"errors": []}

    def _configure(self, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if name not in self.keys:
            return 400, {"errors": ["no existing key named"]}
        if body.get("deletion_allowed"):
            self.deletable.add(name)
        return 200, {"data": {}}

    def _key(self, method: str, name: str) -> tuple[int, dict[str, Any]]:
        if method == "POST":
            self.keys.setdefault(name, AESGCM(os.urandom(32)))
            return 204, {}
        if name not in self.keys:
            return 404, {"errors": []}
        if method == "DELETE":
            if name not in self.deletable:
                return 400, {"errors": ["deletion is not allowed for this key"]}
            del self.keys[name]
            return 204, {}
        return 200, {"data": {"name": name, "type": "aes256-gcm96"}}

    def _cipher(self, what: str, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        context = base64.b64decode(body.get("associated_data") or "")
        if what == "encrypt":
            nonce = os.urandom(12)
            key = self.keys.setdefault(name, AESGCM(os.urandom(32)))  # as the real one does
            sealed = nonce + key.encrypt(nonce, base64.b64decode(body["plaintext"]), context)
            return 200, {"data": {"ciphertext": f"vault:v1:{base64.b64encode(sealed).decode()}"}}
        if name not in self.keys:
            return 400, {"errors": ["encryption key not found"]}
        try:
            sealed = base64.b64decode(body["ciphertext"].removeprefix("vault:v1:"), validate=True)
            opened = self.keys[name].decrypt(sealed[:12], sealed[12:], context)
        except (InvalidTag, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(opened).decode()}}


@contextmanager
def serving(vault: FakeVault) -> Iterator[str]:
    """Its address, while it is reachable."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            token = self.headers.get("X-Vault-Token", "")
            status, answer = vault.answer(self.command, self.path, token, body)
            payload = b"" if status == 204 else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_DELETE = _do

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
