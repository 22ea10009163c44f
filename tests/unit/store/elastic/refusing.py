"""A server on loopback that answers bulk requests as a script says, and creates what it lets through."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Item = dict[str, Any]
Script = Callable[[int, list[str]], int | list[Item] | None]
"""Takes the number of the request, from 0, and its ids; returns a status, the items of the
answer, or None: no answer at all."""

BUSY = {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}}
CREATED = {"status": 201}
EXISTS = {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "exists"}}


class Refusing(ThreadingHTTPServer):
    """Keeps which ids came in which request."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.lock = threading.Lock()
        self.requests: list[list[str]] = []

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Refusing
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, {"version": {"number": "8.19.13"}, "cluster_name": "test", "tagline": ""})

    def do_POST(self) -> None:
        self._bulk()

    def do_PUT(self) -> None:
        self._bulk()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args

    def _bulk(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        actions = [json.loads(line) for line in body.splitlines()[::2]]
        ids = [action["create"]["_id"] for action in actions]
        with self.server.lock:
            number = len(self.server.requests)
            self.server.requests.append(ids)
        said = self.server.script(number, ids)
        if said is None:
            self.close_connection = True
        elif isinstance(said, int):
            self._answer(said, {"error": {"type": "test", "reason": f"told to say {said}"}, "status": said})
        else:
            self._answer(200, {"errors": True, "items": [{"create": item} for item in said]})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-type", "application/vnd.elasticsearch+json;compatible-with=8")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def refusing(script: Script) -> Iterator[Refusing]:
    """Run such a server."""
    with Refusing(script) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
