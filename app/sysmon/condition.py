"""The condition tree: what every search and rule becomes, and every engine reads.

What an operator means is said once, in ``Operator``; ``tests/contract`` holds each
engine to it. A comparison looks at a value's text form (``events.value_text``), so
``443`` and ``"443"`` are one value. It ignores case, code point by code point
(``text.fold``), unless ``case_sensitive``. A missing field matches nothing, ``Not``
of that is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.sysmon.fields import ANY_FIELD, FIELDS


class Operator(StrEnum):
    """How a field is compared with the value."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    WILDCARD = "wildcard"
    """The whole value; ``*`` is any text, ``?`` one character. A backslash makes the
    ``*``, ``?`` or ``\\`` behind it plain; before anything else it is itself."""
    REGEX = "regex"
    """Found anywhere in the value; RE2 syntax, ``.`` does not match a line feed."""
    CIDR = "cidr"
    """The value is an address inside the network; a text that is no address is not."""
    LESS = "less"
    """Times compare as times; all else as numbers: a text that is no number matches
    nothing. The same holds for the three below."""
    LESS_EQUAL = "less_equal"
    GREATER = "greater"
    GREATER_EQUAL = "greater_equal"
    EXISTS = "exists"
    """The field has a value; ``Match.value`` is empty."""
    FIELD_EQUALS_FIELD = "field_equals_field"
    """The field's text equals that of the field named by the value; both must exist."""


@dataclass(frozen=True, slots=True)
class Match:
    """One comparison. ``field`` is a name of ``FIELDS``, or ``ANY_FIELD``.

    With ``ANY_FIELD`` it holds when it holds for one of ``fields.KEYWORD_COLUMNS`` or
    one value of ``other``.
    """

    field: str
    operator: Operator
    value: str = ""
    case_sensitive: bool = False

    def __post_init__(self) -> None:
        if self.field != ANY_FIELD and self.field not in FIELDS:
            raise ValueError(f"{self.field!r} is not a name of the field table")


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; of no parts: always true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One part holds; of no parts: never true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = And | Or | Not | Match

EVERYTHING: Final = And(())
NOTHING: Final = Or(())


def equals_any(field: str, values: Iterable[str]) -> Condition:
    """Return the condition that ``field`` is one of ``values``."""
    return any_of(Match(field, Operator.EQUALS, value) for value in values)


def all_of(parts: Iterable[Condition]) -> Condition:
    """Join with And; a single part stays as it is."""
    joined = tuple(parts)
    return joined[0] if len(joined) == 1 else And(joined)


def any_of(parts: Iterable[Condition]) -> Condition:
    """Join with Or; a single part stays as it is."""
    joined = tuple(parts)
    return joined[0] if len(joined) == 1 else Or(joined)


def matches_of(condition: Condition) -> Iterator[Match]:
    """Yield every comparison of the tree, from left to right."""
    match condition:
        case Match():
            yield condition
        case Not(part):
            yield from matches_of(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from matches_of(part)
