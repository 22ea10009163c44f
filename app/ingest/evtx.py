"""EVTX, chunk by chunk: 64 KB that need nothing of the file but its header.

So an EVTX is read from any stream, in little memory, and by several processes, and what
is damaged stays within its chunk.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from evtx import PyEvtxParser

from app.errors import BadInput
from app.ingest.report import Say
from app.ingest.streams import Stream
from app.layouts.reader import Reader

HEADER: Final = 4096
CHUNK: Final = 1 << 16
_SLICE: Final = 16
_MAGIC: Final = b"ElfChnk\0"
_LINKS: Final = struct.Struct("<96I")
_LINK: Final = struct.Struct("<I")
_LINKS_AT: Final = 128
_CHUNKS: Final = struct.Struct("<H")
_CHUNKS_AT: Final = 42
_MOST_LINKS: Final = 8192
_MOST_ERRORS: Final = 5000
"""A chunk has room for a few thousand records at most."""

_RECORD_ERROR: Final = re.compile(r"Failed to parse record number (\d+): (.*)", re.DOTALL)
_COMMON: Final = "An error occurred while trying to deserialize evtx stream.: "


def read_evtx(
    stream: Stream,
    reader: Reader,
    say: Say,
    header: bytes | None = None,
    first: int = 0,
    *,
    ends: bool = True,
) -> Iterator[None]:
    """Read the chunks; yield now and then.

    Without ``header`` the stream begins with the file's own; else with chunk ``first``.
    ``ends``: the file ends where the stream does.
    """
    number, chunk = first, b""
    try:
        header = _usable(stream.read(HEADER), say) if header is None else _usable(header, None)
        while read := stream.read(CHUNK):
            chunk = read
            _read_chunk(header, chunk, reader, say, f"chunk {number}")
            number += 1
            if number % _SLICE == 0:
                yield
        # A log that was never closed has more chunks than its header knows of, never fewer.
        (promised,) = _CHUNKS.unpack_from(header, _CHUNKS_AT)
        if ends and number < promised and len(chunk) in (0, CHUNK):
            say(
                f"chunk {number}",
                f"It is cut off: {number:,} of its {promised:,} chunks are there. They were read.",
            )
        yield
    except BadInput as error:
        error.place = error.place or f"chunk {number}"
        raise


def _read_chunk(header: bytes, chunk: bytes, reader: Reader, say: Say, place: str) -> None:
    if not chunk.startswith(_MAGIC):
        if chunk.strip(b"\0"):  # Else it was never used: Windows lays chunks out before.
            say(place, "It has no chunk's signature, so no record in it can be read. The others were read.")
        return
    if len(chunk) < CHUNK:
        say(place, "The file is cut off within this chunk. The records before that were read.")
        chunk = chunk.ljust(CHUNK, b"\0")
    if not _is_sound(chunk):
        chunk = _mended(chunk)
    records = _records(header + chunk)
    for _ in range(_MOST_ERRORS):
        try:
            reader.evtx(records)
        except RuntimeError as error:
            say(*_said(str(error), place))
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # That of PyO3, which has no better root.
                raise
            say(place, f"The evtx package failed on it ({error}), so the rest of it was not read.")
            return
        else:
            return


def _records(data: bytes) -> Iterator[Mapping[str, Any]]:
    parser = PyEvtxParser(io.BytesIO(data), number_of_threads=1)
    return cast("Iterator[Mapping[str, Any]]", parser.records_json())


def _said(error: str, place: str) -> tuple[str, str]:
    """Return the place and the reason of an error that the evtx package raised."""
    found = _RECORD_ERROR.match(error)
    if found:
        place, error = f"record {found[1]}", found[2]
    return place, f"It is damaged: {error.removeprefix(_COMMON).removesuffix('.')}. The rest was read."


def _is_sound(chunk: bytes) -> bool:
    """Tell whether all links of a chunk's tables of names and templates come to an end.

    The evtx package follows a circle for ever. (0.14; it looks for links to themselves only.)
    """
    steps = 0
    for link in _LINKS.unpack_from(chunk, _LINKS_AT):
        while link:
            steps += 1
            if link > CHUNK - 4 or steps > _MOST_LINKS:
                return False
            (link,) = _LINK.unpack_from(chunk, link)
    return True


def _mended(chunk: bytes) -> bytes:
    """Cut the links that lead nowhere or in a circle."""
    mended = bytearray(chunk)
    for slot in range(96):
        at, seen = _LINKS_AT + 4 * slot, set[int]()
        while link := _LINK.unpack_from(mended, at)[0]:
            if link in seen or link > CHUNK - 4:
                _LINK.pack_into(mended, at, 0)
                break
            seen.add(link)
            at = link
    return bytes(mended)


def _usable(header: bytes, say: Say | None) -> bytes:
    """Return the header, or a sound one in its place where it is damaged."""
    if len(header) < HEADER:
        raise BadInput("It is cut off within its header, so it holds no records.", place="header")
    try:
        PyEvtxParser(io.BytesIO(header), number_of_threads=1)
    except (OSError, RuntimeError) as error:
        if say is not None:
            say(
                "header", f"It is damaged ({str(error).removesuffix('.')}). The records were read without it."
            )
        return _sound_header()
    return header


def _sound_header() -> bytes:
    start = struct.pack("<8s3QI4H", b"ElfFile\0", 0, 0, 1, 128, 1, 3, HEADER, 1).ljust(120, b"\0")
    return (start + struct.pack("<2I", 0, zlib.crc32(start))).ljust(HEADER, b"\0")
