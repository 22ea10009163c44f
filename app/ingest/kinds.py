"""What a stream of bytes is, told by its content; names do not matter."""

from __future__ import annotations

import re
import tarfile
from enum import Enum
from typing import Final

import orjson

HEAD: Final = 1 << 16
"""So many bytes from the beginning are enough to tell."""

_SPACE: Final = b" \t\r\n\0"
_LINES_TRIED: Final = 20


class Kind(Enum):
    """What the importer does with a stream."""

    EMPTY = "empty"
    EVTX = "EVTX"
    XML = "event XML"
    JSON_LINES = "JSON lines"
    JSON = "JSON"
    GZIP = "gzip"
    ZIP = "zip"
    TAR = "tar"
    PACKED = "packed in a way that is not read"
    UNKNOWN = "unknown"


_MAGIC: Final = {
    b"ElfFile\0": Kind.EVTX,
    b"\x1f\x8b": Kind.GZIP,
    b"PK\x03\x04": Kind.ZIP,
    b"PK\x05\x06": Kind.ZIP,
    b"PK\x07\x08": Kind.ZIP,
    b"BZh": Kind.PACKED,
    b"\xfd7zXZ\0": Kind.PACKED,
    b"\x28\xb5\x2f\xfd": Kind.PACKED,
    b"7z\xbc\xaf\x27\x1c": Kind.PACKED,
    b"Rar!\x1a\x07": Kind.PACKED,
}

#: A line that is an object all the way stands on its own; so a file of such lines is JSON
#: lines even where its first line is broken.
_OBJECT_LINE: Final = re.compile(rb"^\s*\{.*\}\s*$", re.DOTALL)


def kind_of(head: bytes) -> Kind:
    """Return the kind of a stream that begins with ``head`` (``HEAD`` bytes, or all)."""
    if not head:
        return Kind.EMPTY
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if _is_tar(head):
        return Kind.TAR
    text = as_utf8(head).lstrip(_SPACE)
    if text.startswith(b"<"):
        return Kind.XML
    if text.startswith(b"["):
        return Kind.JSON
    if text.startswith(b"{"):
        return Kind.JSON_LINES if _has_lines(text) else Kind.JSON
    if any(_is_object(line) for line in text.split(b"\n")[1:_LINES_TRIED]):
        return Kind.JSON_LINES  # The first line is what is left of one, or foreign.
    return Kind.UNKNOWN


def encoding_of(head: bytes) -> str:
    """Return the codec of a text that begins so: UTF-16 by its mark or its NULs, else UTF-8."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if re.match(rb"[<{\[]\0", head):
        return "utf-16-le"
    if re.match(rb"\0[<{\[]", head):
        return "utf-16-be"
    return "utf-8-sig"


def as_utf8(head: bytes) -> bytes:
    """Return the beginning of a text in UTF-8, without a byte order mark."""
    encoding = encoding_of(head)
    if encoding == "utf-8-sig":
        return head.removeprefix(b"\xef\xbb\xbf")
    return head[: len(head) & ~1].decode(encoding, "replace").encode("utf-8", "replace")


def _is_tar(head: bytes) -> bool:
    # Old archives have no mark, but every header has a checksum.
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _has_lines(text: bytes) -> bool:
    """Tell JSON lines from an object that is written over several lines."""
    first, *others = text.split(b"\n")[: _LINES_TRIED + 1]
    if not others or _is_object(first):
        return True  # One line, perhaps longer than the head.
    second = others[0].lstrip(_SPACE)
    return second.startswith(b"{") or any(_is_object(line) for line in others)


def _is_object(line: bytes) -> bool:
    if not _OBJECT_LINE.match(line):
        return False
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
