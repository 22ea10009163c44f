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

from app.errors import BadQuery
from app.sysmon.fields import ANY_FIELD, FIELDS, FieldType
from app.sysmon.values import network_of, number_of, regex, time_of


class Operator(StrEnum):
    """How a field is compared with the value."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    WILDCARD = "wildcard"
    """The whole value; ``*`` is any text, ``?`` one code point, line feeds included. A
    backslash makes the ``*``, ``?`` or ``\\`` behind it plain; before anything else it is
    itself."""
    REGEX = "regex"
    """Found anywhere in the value; RE2 syntax. ``.`` does not match a line feed, ``^`` and
    ``$`` are the ends of the value, not of a line; flags in the pattern change that. Case
    is RE2's own: ``(?i)k`` finds the Kelvin sign."""
    CIDR = "cidr"
    """The value is an address inside the network; a text that is no address is not. Bits
    behind the prefix do not matter, ``10.0.0.1`` is ``10.0.0.1/32``. An IPv4 address
    written in IPv6 (``::ffff:10.0.0.1``) is that IPv4 address."""
    LESS = "less"
    """The columns that are times compare as times (``values.time_of``), exactly. All else
    compares as numbers: ASCII digits, a sign before and a fraction behind if need be
    (``values.NUMBER``), exactly; a text that is none matches nothing. The same holds for
    the three below."""
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

    With ``ANY_FIELD`` it holds when it holds for one of ``fields.KEYWORD_COLUMNS``, in
    events of any ID, or one value of ``other``. The empty text is a value like any other:
    all values contain it, few are equal to it. A value that the operator cannot use (a
    pattern that is not RE2, no network, no number, no time) raises BadQuery.
    """

    field: str
    operator: Operator
    value: str = ""
    case_sensitive: bool = False

    def __post_init__(self) -> None:
        if self.field != ANY_FIELD and self.field not in FIELDS:
            raise ValueError(f"{self.field!r} is not a name of the field table")
        if self.operator is Operator.FIELD_EQUALS_FIELD and self.value not in FIELDS:
            raise ValueError(f"{self.value!r} is not a name of the field table")
        fault = _fault(self)
        if fault:
            raise BadQuery(fault, text=self.value)


def _fault(match: Match) -> str | None:
    """Say what is wrong with the value, in a sentence; None: nothing."""
    try:
        match.value.encode()
        if match.operator is Operator.REGEX:
            regex(match.value, match.case_sensitive)
    except UnicodeEncodeError:
        return f"{match.value!r} holds half a character (a lone surrogate): no value of an event does."
    except ValueError as error:
        return f"{match.value!r} is not a regular expression of RE2: {error}."
    if match.operator is Operator.CIDR and network_of(match.value) is None:
        return f"{match.value!r} is not a network. One looks like 192.168.0.0/16 or fe80::/10."
    if match.operator in _COMPARISONS:
        if match.field != ANY_FIELD and FIELDS[match.field].type is FieldType.TIME:
            if time_of(match.value) is None:
                return f"{match.value!r} is not a time. One looks like 2019-01-08 12:30:00, in UTC."
        elif number_of(match.value) is None:
            return f"{match.value!r} is not a number, and {match.field} is compared as a number."
    return None


_COMPARISONS: Final = frozenset(
    {Operator.LESS, Operator.LESS_EQUAL, Operator.GREATER, Operator.GREATER_EQUAL}
)


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
