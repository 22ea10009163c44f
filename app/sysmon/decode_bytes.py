"""What decoded bytes say: text in one of several encodings, perhaps packed.

Nothing is run or fetched. What is unpacked stops at a limit, so a small value cannot
grow without end.
"""

from __future__ import annotations

import codecs
import re
import zlib
from dataclasses import dataclass, replace
from typing import Final
from unicodedata import category

MAX_BYTES: Final = 1_000_000
"""More is not unpacked from one value."""

NO_TEXT: Final = "no text"
"""The step that stands for bytes which are no text; ``Reading.text`` is their hex dump."""

_MAX_PACKED: Final = 3
_DUMPED: Final = 256


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of some bytes, and the steps to it: ``("gzip", "UTF-8")``.

    ``is_limited``: more would have come out than is unpacked here. ``is_broken``: the
    bytes end too early, as in a value that was cut off.
    """

    text: str
    steps: tuple[str, ...]
    is_limited: bool = False
    is_broken: bool = False


def read_bytes(data: bytes, *, is_certain: bool, may_be_cut: bool = False) -> Reading | None:
    """Return what the bytes say, or None where they are no text.

    ``is_certain``: something else said already that they are meant to be read (a switch, a
    function's name); so rarer encodings count too. ``may_be_cut``: their end may be missing.
    """
    return _read(data, is_certain, may_be_cut, ())


def hex_dump(data: bytes) -> str:
    """Return the first 256 bytes in lines of 16: place, hexadecimal, printable ASCII."""
    return "\n".join(
        f"{start:08x}  {data[start : min(start + 16, _DUMPED)].hex(' '):47}  "
        + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data[start : start + 16])
        for start in range(0, min(len(data), _DUMPED), 16)
    )


def is_program(data: bytes) -> bool:
    """Tell whether the bytes are a Windows program (PE)."""
    return data[:2] == b"MZ" and b"PE\0\0" in data[:1024]


def _read(data: bytes, is_certain: bool, may_be_cut: bool, packings: tuple[str, ...]) -> Reading | None:
    may_unpack = len(packings) < _MAX_PACKED
    found = _packed(data, _marked_packings(data), packings) if may_unpack else None
    if found:
        return found
    for name, text, is_cut in _texts(data, is_certain, may_be_cut):
        if _is_plausible(text, is_certain):
            return Reading(text, (*packings, name), is_broken=is_cut)
    if may_unpack and (is_certain or len(data) >= _LONG):
        return _packed(data, [(_DEFLATE, _RAW)], packings)
    return None


def _packed(data: bytes, ways: list[tuple[str, int]], packings: tuple[str, ...]) -> Reading | None:
    for name, wbits in ways:
        unpacked, is_limited, is_cut = _unpack(data, wbits)
        if unpacked and not (name == _DEFLATE and is_cut):
            found = _read(unpacked, True, is_limited or is_cut, (*packings, name))
            if found:
                return replace(
                    found,
                    is_limited=found.is_limited or is_limited,
                    is_broken=is_cut or (found.is_broken and not is_limited),
                )
    return None


# Texts --------------------------------------------------------------------------------------------------


def _texts(data: bytes, is_certain: bool, may_be_cut: bool) -> list[_Text]:
    """Return the texts that the bytes may be, the most likely first."""
    for mark, name, codec in _MARKS:
        if data.startswith(mark):
            return _decoded(name, codec, data[len(mark) :], may_be_cut)
    texts: list[_Text] = []
    units = len(data) // 2
    if len(data) % 2 == 0 or may_be_cut:
        # ASCII has a zero in every second byte; a quarter is enough where much is another script's.
        least = max(1, units / (4 if is_certain else 2))
        if data[1::2].count(0) >= least:
            texts += _decoded("UTF-16LE", "utf-16-le", data, may_be_cut)
        if data[::2].count(0) >= least:
            texts += _decoded("UTF-16BE", "utf-16-be", data, may_be_cut)
    texts += _decoded("UTF-8", "utf-8", data, may_be_cut)
    if not texts and (is_certain or len(data) >= _LONG) and _ascii_share(data) >= _LATIN_ASCII:
        texts.append(("Windows-1252", data.decode("cp1252", "replace"), False))
    return texts


_Text = tuple[str, str, bool]
"""Name of the encoding, text, and whether the end of a character is missing."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "UTF-8", "utf-8"),
    (codecs.BOM_UTF16_LE, "UTF-16LE", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "UTF-16BE", "utf-16-be"),
)
_LONG: Final = 48
_LATIN_ASCII: Final = 0.9
_NO_ASCII_TEXT: Final = bytes([*range(9), 11, *range(14, 32), *range(127, 256)])


def _decoded(name: str, codec: str, data: bytes, may_be_cut: bool) -> list[_Text]:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        text = decoder.decode(data, final=not may_be_cut)
    except UnicodeDecodeError:
        return []
    return [(name, text, bool(decoder.getstate()[0]))]


def _ascii_share(data: bytes) -> float:
    return len(data.translate(None, _NO_ASCII_TEXT)) / len(data) if data else 0.0


def _is_plausible(text: str, is_certain: bool) -> bool:
    """Tell whether a person wrote this: letters of a script, not what chance makes of bytes."""
    letters = set(text)
    if not letters - _BLANK:
        return False
    if letters <= _ORDINARY:
        return True
    if any(category(letter) in _NEVER for letter in letters if letter > "\x7f"):
        return False
    controls = len(_CONTROLS.findall(text)) if any(map(_CONTROLS.match, letters)) else 0
    return controls <= (len(text) // 50 if is_certain else 0)


_BLANK: Final = frozenset(" \t\r\n\x00")
_ORDINARY: Final = frozenset(map(chr, range(32, 127))) | {"\t", "\r", "\n"}
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd]")
_NEVER: Final = frozenset({"Cn", "Co", "Cs"})


# Packings -----------------------------------------------------------------------------------------------

_DEFLATE: Final = "deflate"
_RAW: Final = -15


def _marked_packings(data: bytes) -> list[tuple[str, int]]:
    """Return the packings whose mark the data begins with."""
    if data[:3] == b"\x1f\x8b\x08":
        return [("gzip", 31)]
    if data[:1] == b"\x78" and len(data) > 2 and int.from_bytes(data[:2], "big") % 31 == 0:
        return [("zlib", 15)]
    return []


def _unpack(data: bytes, wbits: int) -> tuple[bytes, bool, bool]:
    """Return what is unpacked, whether the limit stopped it, and whether the data broke off."""
    unpacker = zlib.decompressobj(wbits)
    try:
        unpacked = unpacker.decompress(data, MAX_BYTES)
    except zlib.error:
        return b"", False, False
    if wbits == _RAW and (unpacker.unused_data or len(unpacked) < len(data)):
        # Raw deflate has no mark of its own; by chance a few bytes are one, but not the whole.
        return b"", False, False
    is_limited = len(unpacked) >= MAX_BYTES and not unpacker.eof
    return unpacked, is_limited, not unpacker.eof and not is_limited
