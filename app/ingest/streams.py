"""Bytes from first to last, in blocks, with a look ahead: what all formats are read from.

Nothing is ever held whole: a block is about a megabyte, however large the file.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from app.errors import BadInput
from app.ingest.kinds import HEAD, encoding_of
from app.settings import Settings

BLOCK: Final = 1 << 20
_PACKED_BLOCK: Final = 1 << 17
_PIECE: Final = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """What an import refuses, in bytes, so that no input can fill memory or take for ever."""

    line: int
    unpacked: int
    ratio: int
    floor: int = 256 << 20
    """Below this no ratio is too high: small logs that say the same all day pack very well."""

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(
            line=settings.max_line_mb << 20,
            unpacked=settings.max_unpacked_gb << 30,
            ratio=settings.max_ratio,
        )


class Allowance:
    """How much one file on the disk may still unpack to, all its members together."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.unpacked

    def spend(self, unpacked: int) -> None:
        """Take what was unpacked just now off the allowance; raise when it is used up."""
        self.left -= unpacked
        if self.left < 0:
            raise BadInput(
                f"It unpacks to more than {self.limits.unpacked >> 30:,} GB, which may be a trap, so reading"
                " ended there. If it is a log, unpack it yourself or raise SYSMONSEARCH_MAX_UNPACKED_GB."
            )

    def check_ratio(self, unpacked: int, packed: int) -> None:
        """Raise where one member unpacks to suspiciously much."""
        if unpacked > self.limits.floor and unpacked > packed * self.limits.ratio:
            raise BadInput(
                f"It unpacks to more than {self.limits.ratio:,} times its packed size, which may be a trap,"
                " so reading ended there. If it is a log, unpack it yourself or raise SYSMONSEARCH_MAX_RATIO."
            )


class _Decoder(Protocol):
    """What ``zlib.decompressobj`` returns; its class has no public name."""

    def decompress(self, data: bytes, /) -> bytes: ...


class Stream:
    """Blocks as one sequence of bytes.

    Where the blocks end in an error, all bytes before it come first; then every reading
    raises that same error.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = b""
        self._at = 0
        self._error: BadInput | None = None

    def peek(self, size: int = HEAD) -> bytes:
        """Return the next bytes without taking them; fewer only where the stream ends."""
        self._fill(size)
        return self._held[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """Take the next bytes; fewer only where the stream ends."""
        taken = self.peek(size)
        self._at += len(taken)
        return taken

    def some(self, most: int = BLOCK) -> bytes:
        """Take what is at hand, at most so many bytes; nothing where the stream ends."""
        return self.read(min(most, len(self._held) - self._at or BLOCK))

    def skip(self, size: int) -> int:
        """Pass over so many bytes; return how many of them were not there."""
        while size and (block := self.some(min(size, BLOCK))):
            size -= len(block)
        return size

    def blocks(self, size: int | None = None) -> Iterator[bytes]:
        """Take all the rest, or the next ``size`` bytes, block by block."""
        while size != 0 and (block := self.some(BLOCK if size is None else min(size, BLOCK))):
            if size is not None:
                size -= len(block)
            yield block

    def give_back(self, data: bytes) -> None:
        """Put bytes that were taken too many in front again."""
        self._held = data + self._held[self._at :]
        self._at = 0

    def _fill(self, size: int) -> None:
        """Have so many bytes at hand; raise the error where nothing but it is left."""
        held = len(self._held) - self._at
        if held < size and self._error is None:
            parts = [self._held[self._at :]] if held else []
            try:
                while held < size and (block := next(self._blocks, None)) is not None:
                    parts.append(block)
                    held += len(block)
            except BadInput as error:
                self._error = error
            self._held = parts[0] if len(parts) == 1 else b"".join(parts)
            self._at = 0
        if self._error is not None and not held:
            raise self._error


def file_blocks(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield a file's bytes from ``start`` up to ``end``."""
    try:
        if start:
            file.seek(start)
        left = BLOCK if end is None else end - start
        while left and (block := file.read(min(BLOCK, left))):
            if end is not None:
                left -= len(block)
            yield block
    except OSError as error:
        raise unreadable(error) from error


def unreadable(error: OSError) -> BadInput:
    """Return what to say of a file that the operating system does not let us read."""
    return BadInput(f"It cannot be read: {error.strerror or error}. Check the file and its rights.")


def gunzip(packed: Stream, allowance: Allowance) -> Iterator[bytes]:
    """Yield what a gzip stream unpacks to; several in a row are one, as gzip has it."""
    member = 0
    while member == 0 or packed.peek(2) == b"\x1f\x8b":
        member += 1
        yield from inflate(packed, allowance, zlib.MAX_WBITS | 16)
    # Tools pad with NULs and line ends. Anything else behind the end is said, not read.
    rest = sum(len(block.strip(b"\0\r\n")) for block in packed.blocks())
    if rest:
        raise BadInput(f"There are {rest:,} bytes behind its end that are not gzip; they were not read.")


def inflate(packed: Stream, allowance: Allowance, window: int) -> Iterator[bytes]:
    """Yield what one deflated stream unpacks to, and leave ``packed`` right behind its end."""
    decoder = zlib.decompressobj(window)
    taken = made = 0
    while not decoder.eof:
        data = decoder.unconsumed_tail
        if not data:
            data = packed.some(_PACKED_BLOCK)
            taken += len(data)
            if not data:
                raise BadInput("It is cut off: the packed data ends too soon. What came before was read.")
        before = decoder.copy()
        try:
            block = decoder.decompress(data, BLOCK)
        except zlib.error as error:
            yield from _up_to_the_damage(before, data, allowance)
            raise BadInput(f"Its packed data is damaged ({error}). What came before was read.") from error
        made += len(block)
        allowance.spend(len(block))
        allowance.check_ratio(made, taken)
        if block:
            yield block
    packed.give_back(decoder.unused_data)


def _up_to_the_damage(decoder: _Decoder, data: bytes, allowance: Allowance) -> Iterator[bytes]:
    """Unpack in small pieces what zlib gives nothing of when it meets damage in the whole."""
    for start in range(0, len(data), _PIECE):
        try:
            block = decoder.decompress(data[start : start + _PIECE])
        except zlib.error:
            return
        allowance.spend(len(block))
        yield block


def text_stream(stream: Stream, encoding: str = "") -> Stream:
    """Return a text's stream as UTF-8 without a mark, whatever it is encoded in."""
    encoding = encoding or encoding_of(stream.peek())
    if encoding != "utf-8-sig":
        return Stream(_transcoded(stream, encoding))
    if stream.peek(3) == codecs.BOM_UTF8:
        stream.read(3)
    return stream


def _transcoded(stream: Stream, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in stream.blocks():
        yield decoder.decode(block).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")
