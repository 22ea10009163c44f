"""Patterns of RE2 -> expressions that match at least what RE2 finds.

Lucene's expressions know no assertions, no case and no classes by name, and match whole
values. What cannot be said is left out or is any text; each hit is checked afterwards.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final, NamedTuple

from app.store.elastic.expressions import (
    ANY,
    ANYTHING,
    EMPTY,
    Chars,
    Node,
    Ranges,
    Repeat,
    choice,
    others,
    ranges_of,
    sequence,
)

_CASED: Final = range(0x20000)
_MOST_REPEATS: Final = 12
_DIGIT: Final[Ranges] = ((0x30, 0x39),)
_SPACE: Final[Ranges] = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_WORD: Final[Ranges] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_CLASSES: Final = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_CLASSES_BY_NAME: Final[dict[str, Ranges]] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": _DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": ((0x41, 0x5A),),
    "word": _WORD,
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
_ESCAPES: Final = {"n": 0x0A, "t": 0x09, "r": 0x0D, "f": 0x0C, "v": 0x0B, "a": 0x07}
_NO_LINE_FEED: Final = Chars(others(((0x0A, 0x0A),)))


class _Unknown(Exception):
    """The pattern has something that this reader does not know."""


class _Anchor(NamedTuple):
    """An assertion: where it stands decides whether it can be said."""

    is_start: bool
    is_end: bool


_ASSERTION: Final = _Anchor(False, False)


@lru_cache(maxsize=1024)
def expression_of_regex(pattern: str, case_sensitive: bool) -> Node:
    """Return an expression of whole values that matches each in which RE2 finds the pattern."""
    reader = _Reader(pattern, "" if case_sensitive else "i")
    try:
        return reader.read()
    except (_Unknown, IndexError, ValueError, RecursionError):
        return ANYTHING


@cache
def _families() -> dict[int, tuple[int, ...]]:
    """Return the code points that some rule of Unicode takes for cases of one letter: more than RE2 does."""
    family: dict[int, set[int]] = {}
    for code in _CASED:
        character = chr(code)
        forms = {character.lower(), character.upper(), character.title(), character.casefold()}
        joined: set[int] = set()
        for form in forms:
            if len(form) == 1:
                joined |= family.get(ord(form), {ord(form)})
        if len(joined) > 1:
            for member in joined:
                family[member] = joined
    return {code: tuple(members) for code, members in family.items()}


@cache
def _cased_codes() -> tuple[int, ...]:
    return tuple(sorted(_families()))


@lru_cache(maxsize=4096)
def _any_case(ranges: Ranges) -> Ranges:
    """Return the code points in any case."""
    more = [
        (member, member)
        for code in _cased_codes()
        if any(low <= code <= high for low, high in ranges)
        for member in _families()[code]
    ]
    return ranges_of([*ranges, *more])


class _Reader:
    """Reads a pattern that RE2 has taken already, from left to right."""

    def __init__(self, pattern: str, flags: str) -> None:
        self.text = pattern
        self.place = 0
        self.flags = frozenset(flags)

    def read(self) -> Node:
        parts = self.alternatives()
        if self.place < len(self.text):
            raise _Unknown
        return choice(_unanchored(part) for part in parts)

    def alternatives(self) -> list[list[Node | _Anchor]]:
        """Read up to the end of a group; return its alternatives."""
        found = [self.concatenation()]
        while self.at("|"):
            self.place += 1
            found.append(self.concatenation())
        return found

    def at(self, text: str) -> bool:
        return self.text.startswith(text, self.place)

    def take(self, text: str) -> bool:
        """Go on behind ``text`` if it is next."""
        if self.at(text):
            self.place += len(text)
            return True
        return False

    def until(self, text: str) -> str:
        """Return what stands before ``text``, and go on behind it."""
        end = self.text.index(text, self.place)
        found, self.place = self.text[self.place : end], end + len(text)
        return found

    def concatenation(self) -> list[Node | _Anchor]:
        parts: list[Node | _Anchor] = []
        while self.place < len(self.text) and self.text[self.place] not in "|)":
            parts += self.repeated(self.atom())
        return parts

    def repeated(self, atoms: list[Node | _Anchor]) -> list[Node | _Anchor]:
        """Read how often the last of the atoms stands."""
        while (counts := self.counts()) is not None:
            if not atoms:
                raise _Unknown
            least, most = counts
            last = atoms.pop()
            if isinstance(last, _Anchor):
                atoms.append(_ASSERTION)
                continue
            least = min(least, _MOST_REPEATS)
            many = most is None or most > _MOST_REPEATS
            atoms.append(Repeat(last, least, None if many else most))
        return atoms

    def counts(self) -> tuple[int, int | None] | None:
        """Return how often the part before may stand; None: no count is here."""
        for sign, counts in {"*": (0, None), "+": (1, None), "?": (0, 1)}.items():
            if self.take(sign):
                self.take("?")
                return counts
        if not self.at("{"):
            return None
        end = self.text.find("}", self.place)
        least, comma, most = self.text[self.place + 1 : max(end, self.place)].partition(",")
        if end < 0 or not least.isdigit() or not (most == "" or most.isdigit()):
            return None
        self.place = end + 1
        self.take("?")
        return int(least), int(most) if most else None if comma else int(least)

    def atom(self) -> list[Node | _Anchor]:
        sign = self.text[self.place]
        self.place += 1
        match sign:
            case "(":
                return self.group()
            case "[":
                return [self.bracket()]
            case "\\":
                return self.escape()
            case ".":
                return [ANY if "s" in self.flags else _NO_LINE_FEED]
            case "^":
                return [_Anchor("m" not in self.flags, False)]
            case "$":
                return [_Anchor(False, "m" not in self.flags)]
        return [self.one(ord(sign))]

    def one(self, code: int) -> Node:
        """Return one code point, in any case where the flags say so."""
        ranges = ((code, code),)
        return Chars(_any_case(ranges) if "i" in self.flags else ranges)

    def group(self) -> list[Node | _Anchor]:
        outer = self.flags
        if self.take("?P<") or self.take("?<"):
            self.until(">")
        elif self.take("?"):
            is_on = True
            while (sign := self.text[self.place]) not in ":)":
                is_on = sign != "-" and is_on
                self.flags = self.flags | {sign} if is_on else self.flags - {sign}
                self.place += 1
            self.place += 1
            if sign == ")":
                return []  # The flags hold for what follows.
        parts = [_plain(part) for part in self.alternatives()]
        if not self.take(")"):
            raise _Unknown
        self.flags = outer
        return [choice(parts)]

    def escape(self) -> list[Node | _Anchor]:
        if self.take("Q"):
            end = self.text.find("\\E", self.place)
            plain = self.text[self.place :] if end < 0 else self.until("\\E")
            if end < 0:
                self.place = len(self.text)
            return [self.one(ord(character)) for character in plain]
        sign = self.text[self.place]
        if sign in "AzbB":
            self.place += 1
            return [_Anchor(sign == "A", sign == "z")]
        if sign in "pP":
            self.unicode_class()
            return [ANY]
        if sign == "C":  # One byte: no engine of code points has it.
            raise _Unknown
        found = self.code_points()
        return [Chars(_any_case(found)) if "i" in self.flags else Chars(found)]

    def unicode_class(self) -> None:
        self.place += 1
        if self.take("{"):
            self.until("}")
        else:
            self.place += 1

    def code_points(self) -> Ranges:
        """Read what stands behind a backslash: a class, or one code point."""
        sign = self.text[self.place]
        self.place += 1
        if sign.lower() in _CLASSES:
            found = _CLASSES[sign.lower()]
            return found if sign.islower() else others(found)
        if sign == "x":
            code = int(self.hexadecimal(), 16)
        elif sign.isdigit():
            octal = sign
            while len(octal) < 3 and self.text[self.place : self.place + 1] in tuple("01234567"):
                octal += self.text[self.place]
                self.place += 1
            code = int(octal, 8)
        elif sign in _ESCAPES:
            code = _ESCAPES[sign]
        elif sign.isalnum():
            raise _Unknown
        else:
            code = ord(sign)
        return ((code, code),)

    def hexadecimal(self) -> str:
        if self.take("{"):
            return self.until("}")
        self.place += 2
        return self.text[self.place - 2 : self.place]

    def bracket(self) -> Node:
        """Read a class in brackets."""
        is_negated = self.take("^")
        found: list[tuple[int, int]] = []
        is_known = True
        while not self.at("]") or not found:
            if self.at("\\p") or self.at("\\P"):
                self.place += 1
                self.unicode_class()
                is_known = False
                found.append((0, 0))
                continue
            found += self.member()
        self.place += 1
        if not is_known:
            return ANY
        ranges = ranges_of(found)
        if is_negated:
            # Without its other cases the class is smaller than RE2's, what is not in it larger.
            return Chars(others(ranges))
        return Chars(_any_case(ranges) if "i" in self.flags else ranges)

    def member(self) -> Ranges:
        """Read a code point, a range or a class by name."""
        if self.take("[:"):
            name = self.until(":]")
            found = _CLASSES_BY_NAME.get(name.removeprefix("^"))
            if found is None:
                raise _Unknown
            return others(found) if name.startswith("^") else found
        low = self.member_code()
        if len(low) > 1 or low[0][0] != low[0][1]:
            return low
        if self.at("-") and self.text[self.place + 1 : self.place + 2] not in ("]", ""):
            self.place += 1
            return ((low[0][0], self.member_code()[0][0]),)
        return low

    def member_code(self) -> Ranges:
        if self.take("\\"):
            return self.code_points()
        code = ord(self.text[self.place])
        self.place += 1
        return ((code, code),)


def _plain(parts: list[Node | _Anchor]) -> Node:
    """Return the parts without assertions: that matches more."""
    return sequence([part for part in parts if not isinstance(part, _Anchor)])


def _unanchored(parts: list[Node | _Anchor]) -> Node:
    """Return what has the parts somewhere, or where an anchor says."""
    first, last = parts[:1], parts[-1:]
    is_start = bool(first) and isinstance(first[0], _Anchor) and first[0].is_start
    is_end = bool(last) and isinstance(last[0], _Anchor) and last[0].is_end
    before, behind = EMPTY if is_start else ANYTHING, EMPTY if is_end else ANYTHING
    return sequence([before, _plain(parts), behind])
