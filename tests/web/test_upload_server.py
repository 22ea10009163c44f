"""Uploads through the real server: where bodies lie meanwhile, and what becomes of those that are refused."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest
from waitress import buffers

from app.jobs.uploads import FOLDER
from app.settings import Settings
from app.web import server as web_server
from app.web.punch import punch
from app.web.server import make_server

HEAD = b'--xyz\r\nContent-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n'
TAIL = b"\r\n--xyz--\r\n"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_upload_mb=8)


@pytest.fixture
def port(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that runs in a thread."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    server = make_server(settings, "127.0.0.1", 0)
    thread = Thread(target=_serve, args=(server,), daemon=True)
    thread.start()
    yield server.effective_port
    server.close()
    thread.join(5)
    for channel in list(server.active_channels.values()):  # type: ignore[attr-defined]
        channel.handle_close()


def _serve(server: web_server.Server) -> None:
    try:
        server.run()
    except OSError:
        return  # Its socket was closed: that is how it ends here.


def request(size: int, *lines: str, address: str = "/imports") -> bytes:
    """The head of a request."""
    head = [
        f"POST {address} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        "Content-Type: multipart/form-data; boundary=xyz",
        *([f"Content-Length: {size}"] if size >= 0 else []),
        *lines,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n"


def answer(connection: socket.socket) -> str:
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts).decode()


def sent(port: int, *parts: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        for part in parts:
            connection.sendall(part)
        return answer(connection)


def left(settings: Settings) -> list[Path]:
    folders = (settings.data / FOLDER, settings.data / "spool")
    return [path for folder in folders if folder.exists() for path in folder.rglob("*")]


def test_an_upload_arrives_whole_and_its_copy_is_given_back(port: int, settings: Settings) -> None:
    data = os.urandom(6 << 20)

    said = sent(port, request(len(HEAD) + len(data) + len(TAIL)), HEAD, data, TAIL)

    assert said.startswith("HTTP/1.1 303")
    assert [path.name for path in left(settings) if path.is_file() and path.name != "lock"] == ["1"]
    (path,) = (settings.data / FOLDER).glob("*/1")
    assert path.read_bytes() == data


def test_an_upload_without_a_length_arrives_whole(port: int, settings: Settings) -> None:
    data = HEAD + os.urandom(2 << 20) + TAIL
    chunks = [data[start : start + 300_000] for start in range(0, len(data), 300_000)]

    said = sent(
        port,
        request(-1, "Transfer-Encoding: chunked"),
        *(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks),
        b"0\r\n\r\n",
    )

    assert said.startswith("HTTP/1.1 303")
    (path,) = (settings.data / FOLDER).glob("*/1")
    assert path.stat().st_size == 2 << 20


def test_what_is_too_large_is_read_to_its_end_and_refused_with_a_page(port: int, settings: Settings) -> None:
    size = 20 << 20

    said = sent(port, request(size), *[bytes(1 << 20)] * 20)

    assert said.startswith("HTTP/1.1 413")
    assert "more than 8 MB" in said
    assert left(settings) == []


def test_what_is_too_large_without_saying_so_is_refused_too(port: int, settings: Settings) -> None:
    chunk = b"%x\r\n%s\r\n" % (1 << 20, bytes(1 << 20))

    said = sent(port, request(-1, "Transfer-Encoding: chunked"), *[chunk] * 20, b"0\r\n\r\n")

    assert said.startswith("HTTP/1.1 413")
    assert "more than 8 MB" in said
    assert left(settings) == []


def test_who_waits_to_hear_whether_it_may_send_is_refused_at_once(port: int, settings: Settings) -> None:
    said = sent(port, request(1 << 40, "Expect: 100-continue"))

    assert said.startswith("HTTP/1.1 413")
    assert "more than 8 MB" in said
    assert "100 Continue" not in said


def test_who_may_send_is_told_to_go_on(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(request(len(HEAD + TAIL) + 1, "Expect: 100-continue"))
        assert connection.recv(1 << 10).startswith(b"HTTP/1.1 100")
        connection.sendall(HEAD + b"x" + TAIL)
        assert answer(connection).startswith("HTTP/1.1 303")


def test_other_addresses_take_no_large_bodies(port: int, settings: Settings) -> None:
    said = sent(port, request(4 << 20, address="/imports/1/cancel"), bytes(4 << 20))

    assert said.startswith("HTTP/1.1 404")
    assert left(settings) == []


def test_an_upload_that_is_aborted_leaves_nothing(port: int, settings: Settings) -> None:
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.sendall(request(7 << 20) + HEAD + bytes(3 << 20))
    _wait_until(lambda: bool(_spooled(settings)))
    connection.close()

    _wait_until(lambda: not _spooled(settings))
    assert left(settings) == []


def _wait_until(true: Callable[[], bool]) -> None:
    ends = monotonic() + 30
    while not true():
        assert monotonic() < ends
        sleep(0.02)


def _spooled(settings: Settings) -> list[str]:
    """Open files below the spool, which have no names."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith(str(settings.data / "spool")):
            found.append(target)
    return found


def test_a_disk_that_fills_while_a_body_comes_is_said_and_nothing_is_left(
    port: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = buffers.FileBasedBuffer.append

    def full(self: buffers.FileBasedBuffer, data: bytes) -> None:
        if isinstance(self, buffers.TempfileBasedBuffer) and len(self) > 2 << 20:
            raise OSError(28, "No space left on device")
        original(self, data)

    monkeypatch.setattr(buffers.FileBasedBuffer, "append", full)
    data = bytes(6 << 20)

    said = sent(port, request(len(HEAD) + len(data) + len(TAIL)), HEAD, data, TAIL)

    assert said.startswith("HTTP/1.1 503")
    assert "has no room for the upload" in said
    assert left(settings) == []


def test_what_is_punched_out_of_a_file_takes_no_room(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w+b") as file:
        file.write(os.urandom(4 << 20))
        file.flush()
        os.fsync(file.fileno())
        before = path.stat().st_blocks
        if not punch(file.fileno(), 0, 2 << 20):
            pytest.skip("this file system cannot do it")

        assert path.stat().st_blocks <= before - (2 << 20) // 512
        assert path.stat().st_size == 4 << 20
