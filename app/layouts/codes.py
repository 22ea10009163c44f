"""Values numbered while they are read, so that columns are born dictionary-encoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

NULL: Final = 0
"""The code of a missing value."""

ZERO_GUID: Final = "00000000-0000-0000-0000-000000000000"

_EMPTY: Final = (None, "", "-", ZERO_GUID, f"{{{ZERO_GUID}}}")

#: From here on floats may stand for integers that they are not.
_EXACT: Final = 2.0**53


class Refused(Exception):
    """A record that cannot be read; the text says why, for a person."""


class Codes(dict[Any, int]):
    """Value -> code; a new value gets the next one, and its text is kept.

    Equal texts have one code, whatever JSON type they came as: 443 is ``443``, true is
    ``true``. ``-``, the empty text and the zero GUID are missing values. Booleans and the
    numbers that Python holds equal to them are never kept as keys, so that 1 and true
    stay two values.
    """

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(_EMPTY, NULL))
        self.texts: list[str] = [""]
        self.characters = 0

    def __missing__(self, value: Any) -> int:
        if value.__class__ is str:
            return self._number(value)
        if value.__class__ is bool:
            return self["true" if value else "false"]
        if value.__class__ is not int:
            return self[text_of(value)]
        code = self[str(value)]
        if value not in (0, 1):
            self[value] = code
        return code

    def _number(self, text: str) -> int:
        self.characters += len(text)
        texts = self.texts
        code = self[text] = len(texts)
        texts.append(text)
        return code

    def of(self, value: object) -> int:
        """Return the code of any value, objects and lists too."""
        return self[text_of(value) if isinstance(value, dict | list) else value]


class CleanedCodes(Codes):
    """The same numbers as ``codes``; each text is cleaned once, before it is numbered."""

    def __init__(self, codes: Codes, clean: Callable[[str], str]) -> None:
        super().__init__()
        self.texts = codes.texts
        self._codes = codes
        self._clean = clean

    def _number(self, text: str) -> int:
        code = self[text] = self._codes[self._clean(text)]
        return code


def text_of(value: object) -> str:
    """Return the one text form of a decoded JSON value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict) and "#text" in value:  # How EVTX's JSON writes a value with attributes.
        return text_of(value["#text"])
    try:
        return orjson.dumps(value).decode()
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise Refused(f"A value in it cannot be kept as text: {error}.") from error


def valid(text: str) -> str:
    """Return ``text`` with each lone surrogate, which no file can hold, as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
