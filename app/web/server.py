"""The server: waitress, told how to take uploads of gigabytes.

waitress reads a request to its end before it asks the application: small ones in memory,
large ones into a temporary file that has no name, so that nothing is left of it whatever
happens. That file lies below the data folder, on the disk that has room. A body that is
too large, or for which the disk has no room, is passed over to its end and the application
asked all the same: a browser that is still sending would not read an answer.
"""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, Final, Protocol

from flask import Flask
from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server
from waitress.utilities import RequestEntityTooLarge

from app.errors import StoreUnavailable, SysmonSearchError
from app.settings import Settings
from app.web.app import create_app
from app.web.receive import UPLOAD_PATHS, most_bytes, too_large
from app.web.stores import get_store

MOST_BYTES: Final = 1 << 20
"""Of a request that is no upload."""

_THREADS: Final = 8
"""Some may be copying uploads, while pages are asked for."""

_RECEIVED: Final = 1 << 18
_SPOOL: Final = "spool"


class Server(Protocol):
    """What of waitress's server is used."""

    effective_host: str
    effective_port: int

    def run(self) -> None:
        """Serve until interrupted."""

    def close(self) -> None:
        """Stop listening."""


class Body:
    """The body of one request as it comes: kept, or from some moment on only counted."""

    def __init__(self, overflow: int, most: int, expected: int) -> None:
        self._kept: OverflowableBuffer | None = OverflowableBuffer(overflow)
        self._most = most
        self._length = 0
        self._error: OSError | None = None
        if expected > most:
            self.close()

    def __len__(self) -> int:
        return self._length

    def append(self, data: bytes) -> None:
        """Take the next bytes."""
        self._length += len(data)
        if self._length > self._most:
            self.close()
        if self._kept is None:
            return
        try:
            self._kept.append(data)
        except OSError as error:
            self._error = error
            self.close()

    def getfile(self) -> Any:
        """Return what the application reads; of a body that was not kept, reading fails as writing did."""
        return _Lost(self._error) if self._kept is None else self._kept.getfile()

    def close(self) -> None:
        """Let go of what was kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


class _Lost(io.BytesIO):
    """A body that was not kept."""

    def __init__(self, error: OSError | None) -> None:
        super().__init__()
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        if self._error is not None:
            raise self._error
        return super().read(size)


class Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Gives each request a body that minds its limit."""

    most_upload = MOST_BYTES
    body_rcv: Any
    content_length: int
    expect_continue: bool

    def parse_header(self, header_plus: bytes) -> None:
        """Read the header; refuse at once what is too large if the sender waits to hear so."""
        super().parse_header(header_plus)
        if self.body_rcv is None:
            return
        most = self.most_upload if self.path in UPLOAD_PATHS else MOST_BYTES
        if self.expect_continue and self.content_length > most:
            self.error = RequestEntityTooLarge(too_large(most))
            self.expect_continue, self.connection_close, self.body_rcv = False, True, None
            self.content_length = 0
            return
        self.body_rcv.buf = Body(self.adj.inbuf_overflow, most, self.content_length)


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection that lets go of a body that will never come to its end."""

    request: Any

    def handle_close(self) -> None:
        """Close it; waitress itself leaves the file of the body to the garbage collector."""
        super().handle_close()
        # Not waited for: whoever has the lock may be closing the connection in the middle of reading.
        if self.requests_lock.acquire(blocking=False):
            try:
                if self.request is not None:
                    self.request.close()
                    self.request = None
            finally:
                self.requests_lock.release()


def make_server(settings: Settings, host: str, port: int) -> Server:
    """Make the server of the application; raise OSError where it cannot listen."""
    tempfile.tempdir = str(_spool_folder(settings))
    app = create_app(settings)
    server: Any = create_server(
        app,
        host=host,
        port=port,
        threads=_THREADS,
        recv_bytes=_RECEIVED,
        max_request_body_size=sys.maxsize,  # Bodies mind their limits themselves.
        clear_untrusted_proxy_headers=True,
    )
    parser = type("Parser", (Parser,), {"most_upload": most_bytes(settings)})
    server.channel_class = type("Channel", (Channel,), {"parser_class": parser})
    found: Server = server
    Thread(target=_warm, args=(app,), name="warming", daemon=True).start()
    return found


def _warm(app: Flask) -> None:
    """Have the store read ahead, so that the first pages are as quick as later ones."""
    with app.app_context(), suppress(SysmonSearchError):  # A store that is down says so on each page.
        get_store().warm()


def _spool_folder(settings: Settings) -> Path:
    folder = settings.data / _SPOOL
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"The folder {folder} cannot be made: {error.strerror}.") from error
    return folder
