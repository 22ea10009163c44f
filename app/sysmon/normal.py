"""The normal form of conditions: one tree for what can be said in several ways.

It means what the condition means. ``language.parse`` makes nothing else, so that two
queries that differ in spelling only are equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from app.sysmon.condition import EVERYTHING, NOTHING, And, Condition, Match, Not, Operator, Or, all_of, any_of
from app.sysmon.events import time_text
from app.sysmon.fields import ANY_FIELD, FIELDS, FieldType
from app.sysmon.kinds import KINDS, Category
from app.sysmon.values import network_of, time_of, wildcard_parts


def normal_form(condition: Condition) -> Condition:
    """Return the condition without needless nesting, each comparison in its simplest form."""
    match condition:
        case And(parts):
            return conjunction([normal_form(part) for part in parts])
        case Or(parts):
            return disjunction([normal_form(part) for part in parts])
        case Not(part):
            return negation(normal_form(part))
        case Match():
            return _normal_match(condition)


def conjunction(parts: Iterable[Condition]) -> Condition:
    """Join with And, taking in the parts of every And among them."""
    return all_of(inner for part in parts for inner in (part.parts if isinstance(part, And) else (part,)))


def disjunction(parts: Iterable[Condition]) -> Condition:
    """Join with Or, taking in the parts of every Or among them."""
    return any_of(inner for part in parts for inner in (part.parts if isinstance(part, Or) else (part,)))


def negation(part: Condition) -> Condition:
    """Return Not of the part; everything and nothing have no Not of their own."""
    if part == EVERYTHING:
        return NOTHING
    return EVERYTHING if part == NOTHING else Not(part)


def type_of(field: str) -> FieldType:
    """Return how a field is compared; any field is a text."""
    return FieldType.TEXT if field == ANY_FIELD else FIELDS[field].type


def operator_of(parts: Iterable[str]) -> tuple[Operator, str]:
    """Return the simplest operator that means the parts (of ``values.wildcard_parts``), and its value."""
    kept: list[str] = []
    for part in parts:
        if part != "*" or kept[-1:] != ["*"]:
            kept.append(part)
    match kept:
        case []:
            return Operator.EQUALS, ""
        case ["*"]:
            return Operator.EXISTS, ""
        case [text] if text != "?":
            return Operator.EQUALS, text[1:]
        case ["*", text, "*"] if text != "?":
            return Operator.CONTAINS, text[1:]
        case [text, "*"] if text != "?":
            return Operator.STARTS_WITH, text[1:]
        case ["*", text] if text != "?":
            return Operator.ENDS_WITH, text[1:]
    return Operator.WILDCARD, _wildcard(kept)


def _wildcard(parts: list[str]) -> str:
    """Write a wildcard with as few backslashes as it needs."""
    texts = [
        part if part in {"*", "?"} else re.sub(r"[*?]|\\(?=[*?\\])", r"\\\g<0>", part[1:]) for part in parts
    ]
    for place, text in enumerate(texts[:-1]):
        if text.endswith("\\"):  # A wildcard follows: no two plain texts stand side by side.
            texts[place] += "\\"
    return "".join(texts)


def _normal_match(match: Match) -> Condition:
    operator, value, any_case = match.operator, match.value, not match.case_sensitive
    if operator is Operator.WILDCARD:
        operator, value = operator_of(wildcard_parts(value))
    if operator in _FOUND_IN_ANY and not value:
        operator = Operator.EXISTS
    if operator is Operator.EXISTS:
        return Match(match.field, operator)
    if operator is Operator.EQUALS:
        known = stored_form(match.field, value, any_case=any_case)
        if known is None:
            return NOTHING
        has_case = type_of(match.field) not in {FieldType.INTEGER, FieldType.TIME}
        return Match(match.field, operator, known, match.case_sensitive and has_case)
    if operator is Operator.CIDR:
        return Match(match.field, operator, str(network_of(value)))
    if operator is Operator.REGEX:
        return replace(match, value=re.sub(r"\\(.)", _without_needless_escape, value, flags=re.DOTALL))
    if operator in COMPARISONS:
        time = time_of(value) if type_of(match.field) is FieldType.TIME else None
        return Match(match.field, operator, value if time is None else time_text(time))
    return replace(match, operator=operator, value=value)


def _without_needless_escape(escape: re.Match[str]) -> str:
    r"""RE2 takes ``\/`` and ``/`` for the same; only the language needs the first."""
    return "/" if escape[1] == "/" else escape[0]


COMPARISONS: Final = {
    Operator.GREATER_EQUAL: ">=",
    Operator.LESS_EQUAL: "<=",
    Operator.GREATER: ">",
    Operator.LESS: "<",
}
_FOUND_IN_ANY: Final = {Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.REGEX}

#: A GUID as Windows writes it; events keep it without braces, in lower case.
_BRACED: Final = re.compile(r"\{([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}")


def stored_form(field: str, value: str, *, any_case: bool = True) -> str | None:
    """Return the value as events hold it, where that is known, or None: no event can hold it."""
    if field in NAMES:
        name = NAMES[field].get(value.lower()) or _unknown_kind(field, value)
        return name if any_case or name == value else None
    match type_of(field):
        case FieldType.INTEGER:
            return value if re.fullmatch(r"0|-?[1-9][0-9]{0,19}", value) else None
        case FieldType.TIME:
            time = time_of(value)
            return value if time is not None and time_text(time) == value else None
        case FieldType.GUID:
            braced = _BRACED.fullmatch(value)
            value = braced[1] if braced else value
            return value.lower() if any_case and value.isascii() else value
    return value


#: The fields whose values are known: values by their lower case.
NAMES: Final[dict[str, dict[str, str]]] = {
    "Category": {category.value: category.value for category in Category},
    "Kind": {kind.name.lower(): kind.name for kind in KINDS.values()},
}


def _unknown_kind(field: str, value: str) -> str | None:
    """Return the kind of an event ID that Sysmon may add one day, or None."""
    number = re.fullmatch(r"event(0|[1-9][0-9]{0,9})", value.lower()) if field == "Kind" else None
    return f"Event{number[1]}" if number and int(number[1]) not in KINDS else None
