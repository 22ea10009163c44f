"""Members of a zip archive: by its directory, or, where that is lost, as they come by.

Reading by the directory needs a file that can be sought in. A zip inside another archive
is read as it comes by, and so is one whose end is missing: nothing is unpacked to disk.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from app.errors import BadInput
from app.ingest.streams import Allowance, Stream, file_blocks, inflate

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_MAGIC: Final = b"PK\x03\x04"
_DESCRIPTOR: Final = 24
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x1, 0x8, 0x800
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_METHODS: Final = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}
_END: Final = 22 + 0xFFFF
_MOST_DIRECTORY: Final = 8 << 20
"""A larger directory is not read into memory; the members are then read as they come by."""


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A member: its content, to be read before the next is asked for, or why there is none."""

    name: str
    is_folder: bool
    content: Stream | BadInput


def zip_members(file: BinaryIO, allowance: Allowance) -> Iterator[ZipMember]:
    """Yield the members by the directory, in the order in which they lie in the file."""
    if _directory_size(file) > _MOST_DIRECTORY:
        yield from zip_members_in_passing(_stream(file), allowance)
        return
    try:
        directory = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
        yield from zip_members_in_passing(_stream(file), allowance)
        raise BadInput(
            f"The zip archive is damaged ({error}). Its members were read one after the other."
        ) from error
    end = 0
    for info in sorted(directory, key=lambda info: info.header_offset):
        yield ZipMember(info.filename, info.is_dir(), _content(file, info, end, allowance))
        end = max(end, info.header_offset + info.compress_size)


def zip_members_in_passing(packed: Stream, allowance: Allowance) -> Iterator[ZipMember]:
    """Yield the members by the headers before each, as far as they go."""
    while (head := packed.read(_LOCAL.size))[:4] == _MAGIC:
        if len(head) < _LOCAL.size:
            break
        _, _, flags, method, _, _, crc, size, unpacked, name_length, extra_length = _LOCAL.unpack(head)
        raw, extra = packed.read(name_length), packed.read(extra_length)
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        sizes = None if flags & _SIZES_FOLLOW else (crc, _long_size(extra, size, unpacked))
        if name.endswith("/"):
            yield ZipMember(name, True, Stream(iter(())))
            packed.skip(sizes[1] if sizes else 0)
            continue
        yield from _passing(packed, name, _refusal(flags, method), method, sizes, allowance)
    if head[:4] not in {b"PK\x01\x02", b"PK\x05\x06"}:
        raise BadInput("The zip archive is cut off. What came before was read.")


def _passing(
    packed: Stream,
    name: str,
    refusal: BadInput | None,
    method: int,
    sizes: tuple[int, int] | None,
    allowance: Allowance,
) -> Iterator[ZipMember]:
    """Yield one member, and leave the stream at the next header."""
    if sizes is None and (refusal or method != _DEFLATED):
        raise BadInput(
            f"The member {name!r} does not say how long it is, so it and what follows were not read."
            " Unpack the archive and import its files."
        )
    if sizes is None:
        content = Stream(inflate_raw(packed, allowance))
        yield ZipMember(name, False, content)
        content.skip(1 << 62)
        _find_header(packed)
        return
    crc, size = sizes
    part = Stream(packed.blocks(size))
    yield ZipMember(name, False, refusal or Stream(_unpacked(part, method, crc, allowance)))
    part.skip(size)


def _content(file: BinaryIO, info: zipfile.ZipInfo, end: int, allowance: Allowance) -> Stream | BadInput:
    """Return the content of a member that the directory names."""
    if info.header_offset < end:
        return BadInput("It overlaps another member, which may be a trap, so it was not read.")
    refusal = _refusal(info.flag_bits, info.compress_type)
    if refusal:
        return refusal
    file.seek(info.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != _MAGIC:
        return BadInput("Its header in the zip archive is damaged, so it was not read.")
    start = info.header_offset + _LOCAL.size + sum(_LOCAL.unpack(head)[-2:])
    packed = Stream(file_blocks(file, start, start + info.compress_size))
    return Stream(_unpacked(packed, info.compress_type, info.CRC, allowance))


def _refusal(flags: int, method: int) -> BadInput | None:
    if flags & _ENCRYPTED:
        return BadInput("It is encrypted. Unpack the archive with its password and import the files.")
    if method not in {_STORED, _DEFLATED}:
        way = _METHODS.get(method, f"method {method}")
        return BadInput(
            f"It is packed with {way}, which is not read. Unpack the archive and import the files."
        )
    return None


def _unpacked(packed: Stream, method: int, crc: int, allowance: Allowance) -> Iterator[bytes]:
    """Yield the content, and raise at its end where the checksum does not fit."""
    found = 0
    for block in packed.blocks() if method == _STORED else inflate_raw(packed, allowance):
        found = zlib.crc32(block, found)
        yield block
    if found != crc:
        raise BadInput("It is cut off or damaged: its checksum does not fit. It was read as it is.")


def inflate_raw(packed: Stream, allowance: Allowance) -> Iterator[bytes]:
    """Yield what deflated data without a header unpacks to."""
    return inflate(packed, allowance, -zlib.MAX_WBITS)


def _find_header(packed: Stream) -> None:
    """Pass over the sizes that follow a member: 12 to 24 bytes, with or without a mark."""
    following = packed.peek(_DESCRIPTOR + len(_MAGIC))
    for magic in (_MAGIC, b"PK\x01\x02", b"PK\x05\x06"):
        if (place := following.find(magic)) >= 0:
            packed.read(place)
            return
    packed.read(len(following))


def _long_size(extra: bytes, size: int, unpacked: int) -> int:
    """Return the packed size, from the extra field of zip64 where it stands there."""
    while size == 0xFFFFFFFF and len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1 and length >= 8:
            numbers = struct.unpack_from(f"<{length // 8}Q", extra, 4)
            return int(numbers[1 if unpacked == 0xFFFFFFFF and len(numbers) > 1 else 0])
        extra = extra[4 + length :]
    return size


def _directory_size(file: BinaryIO) -> int:
    """Return the size of the directory; 0 where its end is not found."""
    length = file.seek(0, 2)
    file.seek(max(0, length - _END))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + 22:
        return 0
    size: int = struct.unpack_from("<I", tail, place + 12)[0]
    # A zip64 says its true size elsewhere; where this directory begins is known all the same.
    return size if size != 0xFFFFFFFF else _MOST_DIRECTORY + 1


def _stream(file: BinaryIO) -> Stream:
    file.seek(0)
    return Stream(file_blocks(file))
