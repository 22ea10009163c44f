"""Members of a tar archive, one after the other, as they come by."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.errors import BadInput
from app.ingest.streams import Stream

_HEADER: Final = 1 << 20
"""Longest extended header (of names) that is believed; tarfile itself would read any length."""

_LONG_NAME: Final = tarfile.GNUTYPE_LONGNAME
_IGNORED: Final = frozenset({tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE})
_FILES: Final = frozenset({*tarfile.REGULAR_TYPES} - {tarfile.GNUTYPE_SPARSE})


@dataclass(frozen=True, slots=True)
class TarMember:
    """A member; its content must be read before the next one is asked for."""

    name: str
    is_folder: bool
    is_file: bool
    stream: Stream


def tar_members(packed: Stream) -> Iterator[TarMember]:
    """Yield the members; raise BadInput where the archive breaks off."""
    name, size = "", -1
    while True:
        block = packed.read(tarfile.BLOCKSIZE)
        if not block or not block.strip(b"\0"):
            return
        header = _header(block)
        if header.type == _LONG_NAME:
            name = _extended(packed, header).rstrip(b"\0").decode("utf-8", "replace")
        elif header.type in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}:
            said = _pax(_extended(packed, header))
            name, size = said.get("path", name), _number(said.get("size", ""), size)
        elif header.type in _IGNORED:
            _skip(packed, _padded(header.size))
        else:
            header.name, header.size = name or header.name, header.size if size < 0 else size
            yield from _member(packed, header)
            name, size = "", -1


def _member(packed: Stream, header: tarfile.TarInfo) -> Iterator[TarMember]:
    has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
    size = header.size if has_data else 0
    taken = 0

    def content() -> Iterator[bytes]:
        nonlocal taken
        for block in packed.blocks(size):
            taken += len(block)
            yield block
        if taken < size:
            raise _cut_off()

    yield TarMember(
        name=header.name,
        is_folder=header.isdir(),
        is_file=header.type in _FILES,
        stream=Stream(content()),
    )
    _skip(packed, _padded(size) - taken)


def _header(block: bytes) -> tarfile.TarInfo:
    if len(block) < tarfile.BLOCKSIZE:
        raise _cut_off()
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError as error:
        raise BadInput(
            f"The tar archive is damaged ({error}). What came before was read, what follows was not."
        ) from error


def _extended(packed: Stream, header: tarfile.TarInfo) -> bytes:
    if header.size > _HEADER:
        raise BadInput("The tar archive has a name of more than a megabyte; reading ended there.")
    data = packed.read(_padded(header.size))
    if len(data) < header.size:
        raise _cut_off()
    return data[: header.size]


def _pax(data: bytes) -> dict[str, str]:
    """Return the entries ``length key=value``; what is not of that form ends them."""
    found: dict[str, str] = {}
    while data:
        length, blank, _ = data.partition(b" ")
        if not blank or not length.isdigit() or not len(length) < int(length) <= len(data):
            break
        key, _, value = data[len(length) + 1 : int(length)].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.removesuffix(b"\n").decode("utf-8", "replace")
        data = data[int(length) :]
    return found


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else otherwise


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _skip(packed: Stream, size: int) -> None:
    # The padding behind the very last member is often missing; that harms nobody.
    if packed.skip(size) >= tarfile.BLOCKSIZE:
        raise _cut_off()


def _cut_off() -> BadInput:
    return BadInput("The tar archive is cut off. What came before was read.")
