"""A way to a server that can be shut and opened again: what a test sees when an engine is away."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, Thread


class Proxy:
    """Passes on what comes to ``port`` to another port of this machine, unless it is shut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open = True
        self._ends: set[socket.socket] = set()
        self._lock = Lock()
        Thread(target=self._accept, daemon=True).start()

    def set_open(self, is_open: bool) -> None:
        """Shut the way, for connections that stand too, or open it."""
        with self._lock:
            self._open = is_open
            ends = () if is_open else tuple(self._ends)
        for end in ends:
            _shut(end)

    def close(self) -> None:
        self.set_open(False)
        # Closing alone would leave the thread in accept() for ever.
        _shut(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                is_open = self._open
            if not is_open:
                client.close()
                continue
            try:
                server = socket.create_connection(self._target, 10)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._ends |= {client, server}
            for one, other in ((client, server), (server, client)):
                Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):  # One of the ends is gone, so the other goes too.
            while data := one.recv(1 << 16):
                other.sendall(data)
        for end in (one, other):
            _shut(end)
        with self._lock:
            self._ends.discard(one)
        one.close()


def _shut(end: socket.socket) -> None:
    with suppress(OSError):  # It may be shut already.
        end.shutdown(socket.SHUT_RDWR)
