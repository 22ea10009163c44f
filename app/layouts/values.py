"""What single values become: numbers, GUIDs, hashes, levels. Each distinct value is seen once."""

from __future__ import annotations

import re
from typing import Final

from app.sysmon.fields import HASH_COLUMNS

_DECIMAL: Final = re.compile(r"-?[0-9]{1,19}")
_HEXADECIMAL: Final = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_LARGEST: Final = 2**63 - 1
_GUID: Final = re.compile(r"\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?")
_HASH: Final = re.compile(r"[0-9A-F]+")
_USUAL: Final = re.compile(
    r"SHA1=([0-9A-F]{40}),MD5=([0-9A-F]{32}),SHA256=([0-9A-F]{64}),IMPHASH=([0-9A-F]{32})"
)
_ZEROS: Final = "0" * 32

#: Digits of each hash, in the order of the columns.
_DIGITS: Final = dict(zip(HASH_COLUMNS, (32, 40, 64, 32), strict=True))
_BY_DIGITS: Final = {32: "md5", 40: "sha1", 64: "sha256"}

#: Windows' numbers and names, NXLog's and ECS's names -> the names of the event viewer.
_LEVELS: Final = {
    "0": "Information",  # "Log always"; the event viewer says Information.
    "1": "Critical",
    "2": "Error",
    "3": "Warning",
    "4": "Information",
    "5": "Verbose",
    "critical": "Critical",
    "fatal": "Critical",
    "error": "Error",
    "warning": "Warning",
    "warn": "Warning",
    "information": "Information",
    "informational": "Information",
    "info": "Information",
    "verbose": "Verbose",
    "debug": "Verbose",
}


def integer_of(text: str) -> int | None:
    """Return the integer that ``text`` is, decimal or ``0x1a74``; None if none of 64 bits."""
    if _DECIMAL.fullmatch(text):
        number = int(text)
    elif _HEXADECIMAL.fullmatch(text):
        number = int(text, 16)
    else:
        return None
    return number if -_LARGEST - 1 <= number <= _LARGEST else None


def guid_of(text: str) -> str | None:
    """Return a GUID in lower case without braces; None if the text is none."""
    found = _GUID.fullmatch(text)
    return found[1].lower() if found else None


def hashes_of(text: str) -> tuple[str | None, ...]:
    """Return the hashes in ``SHA1=…,MD5=…``, in upper case, in the order of the columns.

    A hash of zeros only is Sysmon's way to say that there is none (files without imports).
    """
    usual = _USUAL.fullmatch(text)
    if usual:
        sha1, md5, sha256, imphash = usual.groups()
        return md5, sha1, sha256, imphash if imphash != _ZEROS else None
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, digits = part.strip().rpartition("=")
        digits = digits.upper()
        column = name.lower() if equals else _BY_DIGITS.get(len(digits), "")
        if _DIGITS.get(column) == len(digits) and _HASH.fullmatch(digits) and digits.strip("0"):
            found.setdefault(column, digits)
    return tuple(found.get(column) for column in HASH_COLUMNS)


def level_of(level: object) -> str | None:
    """Return the level's name; one that Windows does not have stays as it is written."""
    if level is None or level == "" or level == "-":
        return None
    text = str(level)
    return _LEVELS.get(text.lower(), text)
