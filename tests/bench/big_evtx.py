"""A large EVTX file of real events, made of small ones.

No library writes EVTX, so chunks of real files are repeated. In each copy the computer's
name is another one of the same length: no event comes twice, and none is dropped as a
duplicate.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson
from evtx import PyEvtxParser

_HEADER: Final = 4096
_CHUNK: Final = 65536


def make_big_evtx(sources: Iterable[Path], target: Path, records: int) -> int:
    """Write at least so many records into ``target``; return how many."""
    chunks = [(chunk, _names(source)) for source in sources for chunk in _chunks(source.read_bytes())]
    per_copy = sum(_records(chunk) for chunk, _ in chunks)
    copies = -(-records // per_copy)
    with target.open("wb") as file:
        file.write(_file_header(copies * len(chunks)))
        for copy in range(copies):
            for chunk, names in chunks:
                file.write(_renamed(chunk, names, copy))
    return copies * per_copy


def _chunks(data: bytes) -> Iterator[bytes]:
    for start in range(_HEADER, len(data) - _CHUNK + 1, _CHUNK):
        chunk = data[start : start + _CHUNK]
        if chunk.startswith(b"ElfChnk\0") and _records(chunk):
            yield chunk


def _records(chunk: bytes) -> int:
    first, last = struct.unpack_from("<QQ", chunk, 8)
    return max(0, last - first + 1) if last < 1 << 62 else 0


def _names(source: Path) -> set[str]:
    """Return the computers' names in a file."""
    records: Iterator[Any] = PyEvtxParser(str(source)).records_json()
    return {orjson.loads(record["data"])["Event"]["System"]["Computer"] for record in records}


def _renamed(chunk: bytes, names: set[str], copy: int) -> bytes:
    changed = chunk
    for name in names:
        other = f"{copy:04d}{name[4:]}" if len(name) > 4 else name
        changed = changed.replace(name.encode("utf-16-le"), other.encode("utf-16-le"))
    free = struct.unpack_from("<I", changed, 48)[0]
    buffer = bytearray(changed)
    struct.pack_into("<I", buffer, 52, zlib.crc32(buffer[512:free]))
    struct.pack_into("<I", buffer, 124, zlib.crc32(buffer[:120] + buffer[128:512]))
    return bytes(buffer)


def _file_header(chunks: int) -> bytes:
    # Magic, first and last chunk, next record, header size, version 3.1, block size, chunks.
    header = bytearray(_HEADER)
    struct.pack_into(
        "<8sQQQIHHHH", header, 0, b"ElfFile\0", 0, chunks - 1, 1 << 20, 128, 1, 3, _HEADER, chunks % 65536
    )
    struct.pack_into("<I", header, 124, zlib.crc32(header[:120]))
    return bytes(header)
