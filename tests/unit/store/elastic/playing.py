"""A small server that plays Elasticsearch: it says what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PRODUCT = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
INFO = {"cluster_name": "played", "version": {"number": "8.19.3", "build_flavor": "default"}}
WHOLE = {"timed_out": False, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": []}}


@dataclass(frozen=True)
class Answer:
    """What is said to a request; ``seconds`` later."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: dict(PRODUCT))
    seconds: float = 0.0


@dataclass(frozen=True)
class Request:
    """What was asked; the names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass
class Player:
    """The answers by the beginning of the path, and the requests so far."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    @property
    def store(self) -> str:
        """The setting that names this server."""
        return f"elasticsearch://127.0.0.1:{self.port}"

    def asked(self, path: str) -> list[Request]:
        """Return the requests whose path begins so."""
        return [request for request in self.requests if request.path.startswith(path)]

    def answer(self, path: str) -> Answer:
        """Return what is said to a request; a test may change it at any time."""
        fitting = (answer for start, answer in self.answers.items() if path.startswith(start))
        return next(fitting, Answer(INFO if path == "/" else WHOLE))


@contextmanager
def play(trust: ssl.SSLContext | None = None) -> Iterator[Player]:
    """Run a server on a free port; with ``trust``, over TLS."""
    player = Player()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            player.requests.append(Request(self.command, self.path, headers, body))
            answer = player.answer(self.path)
            time.sleep(answer.seconds)
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            content = text.encode()
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            return  # Who gave up a request is no error of the server's.

    server = Server(("127.0.0.1", 0), Handler)
    if trust:
        server.socket = trust.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    player.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield player
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
