"""The page that Prometheus reads: figures only, over plain HTTP, meant for the hub's own machine."""

import logging
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/metrics"
_MOST_READERS = 8
"""At one time; who comes beyond that is turned away, so that idle connections cost no memory."""
_PATIENCE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Page:
    """Serves what `content` returns. Raises OSError when the address is not to be had."""

    def __init__(self, host: str, port: int, content: Callable[[], tuple[str, bytes]]) -> None:
        self._server = _Server((host, port), content)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="metrics-page", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it is served."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Takes no more readers. One that is being answered may be cut off."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], content: Callable[[], tuple[str, bytes]]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.content = content
        self._room = threading.BoundedSemaphore(_MOST_READERS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # The library's own would print the request's traceback.
        log.debug("a reader of the page went away")


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_SECONDS
    server_version = "oncetold"
    sys_version = ""
    error_message_format = "%(code)d\n"

    def do_GET(self) -> None:
        """Answers `/metrics`, and nothing else, whatever stands behind a question mark."""
        server = self.server
        assert isinstance(server, _Server)
        if self.path.partition("?")[0] != PATH:
            self.send_error(404, "Not Found")
            return
        kind, body = server.content()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: a request's path is somebody else's text."""
