"""A JSON array, or objects one after the other, value by value.

Where a value ends is found by counting brackets outside of strings. Nothing recurses, so
no depth does harm, and a value that is too long is passed over without being held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.errors import BadInput
from app.ingest.jsontext import refusal, too_long
from app.ingest.report import Say
from app.ingest.streams import Stream
from app.layouts.reader import Reader

#: All that cannot change the depth: whole strings, and what is neither string nor bracket.
_FLAT: Final = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_IN_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)

_QUOTE: Final = ord('"')
_OPENING: Final = frozenset(b"{[")
_BETWEEN: Final = b" \t\r\n,\0\x1e"
_SLICE: Final = 4096
_TOO_DEEP: Final = 1000


def read_json_values(stream: Stream, reader: Reader, say: Say, longest: int) -> Iterator[None]:
    """Read the values, an outermost array opened; yield now and then.

    The places of rejects are ``item 1``, ``item 2`` and so on.
    """
    items = _Items(reader, say, longest)
    try:
        for block in stream.blocks():
            for _ in items.feed(block):
                yield
    except BadInput as error:
        error.place = f"item {items.number}"
        raise
    items.end()
    yield


class _Items:
    """Finds values in blocks and hands each to the reader as soon as it is whole."""

    def __init__(self, reader: Reader, say: Say, longest: int) -> None:
        self.number = 1
        self._reader = reader
        self._say = say
        self._longest = longest
        self._base = 0  # 1 within the outermost array: the depth at which values begin.
        self._depth = self._deepest = 0
        self._in_string = False
        self._left = b""  # A backslash, whose meaning the next block tells.
        self._parts: list[bytes] = []  # What the blocks before have of the value, and
        self._held = 0  # its length; where that is too long, the parts are not kept.

    def feed(self, block: bytes) -> Iterator[None]:
        """Read one more block; yield now and then."""
        data = self._left + block
        at = start = 0
        while True:
            found = (_IN_STRING if self._in_string else _FLAT).match(data, at)
            end = found.end() if found else at
            if self._depth == self._base and data[at:end].strip(_BETWEEN):
                self._foreign()
            at = end
            if at >= len(data) or data[at] == 0x5C:
                break
            byte = data[at]
            at += 1
            if byte == _QUOTE:
                self._in_string = not self._in_string
            elif byte in _OPENING:
                if self._depth == self._base:
                    start = at - 1
                self._open(byte)
            elif self._close(data, start, at):
                self.number += 1
                if self.number % _SLICE == 0:
                    yield
        self._left = data[at:]
        self._keep(data[start:at])

    def end(self) -> None:
        """Say what is missing where the stream ends."""
        if self._depth > self._base:
            self._say(f"item {self.number}", "It is cut off: the file ends within it.")
        elif self._base:
            self._say("", "It is cut off: its array is not closed. All items that are there were read.")

    def _open(self, byte: int) -> None:
        if self._depth == 0 and byte == ord("["):
            self._base = 1
        self._depth += 1
        self._deepest = max(self._deepest, self._depth)

    def _close(self, data: bytes, start: int, at: int) -> bool:
        """Go up by one; tell whether a value ended there, and read it if so."""
        if self._depth == self._base:
            if self._base == 0:
                self._foreign()
            self._base = self._depth = 0
            return False
        self._depth -= 1
        if self._depth > self._base:
            return False
        self._read(data[start:at])
        return True

    def _read(self, last: bytes) -> None:
        place = f"item {self.number}"
        if self._held + len(last) > self._longest:
            self._say(place, too_long(self._longest))
        elif self._deepest > _TOO_DEEP:
            self._say(place, f"It is nested {self._deepest - self._base:,} deep, which no log is.")
        else:
            text = b"".join([*self._parts, last])
            reason = refusal(text)
            if reason is None:
                self._reader.value(text, place)
            else:
                self._say(place, reason)
        self._parts, self._held, self._deepest = [], 0, self._base

    def _keep(self, part: bytes) -> None:
        """Remember what a block has of a value that goes on behind it."""
        if self._depth > self._base:
            self._held += len(part)
            self._parts = [*self._parts, part] if self._held <= self._longest else []

    def _foreign(self) -> None:
        self._say(f"item {self.number}", "There is something here that is no JSON object.")
