"""JSON lines, in slices of a few thousand lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.errors import BadInput
from app.ingest.jsontext import refusal, too_long
from app.ingest.report import Say
from app.ingest.streams import Stream
from app.layouts.reader import Reader

_SLICE: Final = 4096
"""Lines in one go: a file of nothing but bad lines must not fill memory with rejects."""


def read_json_lines(stream: Stream, reader: Reader, say: Say, longest: int, first: int = 1) -> Iterator[None]:
    """Read the lines and number them from ``first``; yield after each slice.

    A line longer than ``longest`` is rejected and never held.
    """
    number = first
    begun: list[bytes] = []  # Pieces of the line that the next block goes on with,
    held = 0  # and how long it is: above ``longest`` its pieces are not kept.
    try:
        for block in stream.blocks():
            head, end, tail = block.rpartition(b"\n")
            if end:
                lines = head.split(b"\n")
                if held + len(lines[0]) > longest:
                    say(f"line {number}", too_long(longest))
                    lines[0] = b""
                else:  # No other line of a block can be large.
                    lines[0] = _fit(b"".join([*begun, lines[0]]), f"line {number}", say)
                for start in range(0, len(lines), _SLICE):
                    some = lines[start : start + _SLICE]
                    if any(some):
                        reader.lines(some, number + start)
                    yield
                number += len(lines)
                begun, held = [], 0
            held += len(tail)
            begun = [*begun, tail] if held <= longest else []
            yield
    except BadInput as error:
        error.place = f"line {number}"
        raise
    if held > longest:
        say(f"line {number}", too_long(longest))
    elif held:
        reader.lines([_fit(b"".join(begun), f"line {number}", say)], number)
        yield


def _fit(line: bytes, place: str, say: Say) -> bytes:
    """Return the line, or an empty one where it must not be decoded."""
    reason = refusal(line)
    if reason is None:
        return line
    say(place, reason)
    return b""
