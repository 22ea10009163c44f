"""The naive evaluator: one condition on one event, written for clarity.

It is the judge of every engine in tests, and serves where single events are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from app.sysmon.condition import And, Condition, Match, Not, Operator, Or
from app.sysmon.events import Event, Value, value_text
from app.sysmon.fields import ANY_FIELD, FIELDS, KEYWORD_COLUMNS, FieldType
from app.sysmon.query import EventQuery
from app.sysmon.text import fold
from app.sysmon.values import address_of, network_of, number_of, regex, time_of, wildcard


def holds(condition: Condition, event: Event) -> bool:
    """Tell whether the condition holds for the event."""
    match condition:
        case And(parts):
            return all(holds(part, event) for part in parts)
        case Or(parts):
            return any(holds(part, event) for part in parts)
        case Not(part):
            return not holds(part, event)
        case Match():
            return any(_matches(condition, value, event) for value in _values(condition.field, event))


def fits(query: EventQuery, event: Event) -> bool:
    """Tell whether an event is among those that a query asks for, on whatever page."""
    return (
        (query.start is None or query.start <= event.time)
        and (query.end is None or event.time < query.end)
        and (not query.computers or fold(event.computer) in {fold(name) for name in query.computers})
        and holds(query.condition, event)
    )


def _values(field: str, event: Event) -> Iterator[Value]:
    if field == ANY_FIELD:
        columns = (event.column(column) for column in KEYWORD_COLUMNS)
        yield from (value for value in columns if value is not None)
        yield from event.other.values()
    else:
        value = event.get(field)
        if value is not None:
            yield value


def _matches(match: Match, value: Value, event: Event) -> bool:
    if match.operator is Operator.EXISTS:
        return True
    text = value_text(value)
    if match.operator in _COMPARISONS:
        return _compares(match, text)
    if match.operator is Operator.FIELD_EQUALS_FIELD:
        other = event.get(match.value)
        return other is not None and _equal(text, value_text(other), match.case_sensitive)
    if match.operator is Operator.REGEX:
        return regex(match.value, match.case_sensitive).search(text) is not None
    if match.operator is Operator.CIDR:
        return _is_inside(text, match.value)
    wanted = match.value
    if not match.case_sensitive:
        text, wanted = fold(text), fold(wanted)
    if match.operator is Operator.WILDCARD:
        return wildcard(match.value, match.case_sensitive).search(text) is not None
    return _TESTS[match.operator](text, wanted)


_TESTS: Final[dict[Operator, Callable[[str, str], bool]]] = {
    Operator.EQUALS: lambda text, wanted: text == wanted,
    Operator.CONTAINS: lambda text, wanted: wanted in text,
    Operator.STARTS_WITH: str.startswith,
    Operator.ENDS_WITH: str.endswith,
}


def _equal(one: str, other: str, case_sensitive: bool) -> bool:
    return one == other if case_sensitive else fold(one) == fold(other)


def _is_inside(text: str, network_text: str) -> bool:
    address, network = address_of(text), network_of(network_text)
    return address is not None and network is not None and address in network


#: Operator -> the signs of ``value - limit`` for which it holds.
_COMPARISONS: Final = {
    Operator.LESS: {-1},
    Operator.LESS_EQUAL: {-1, 0},
    Operator.GREATER: {1},
    Operator.GREATER_EQUAL: {0, 1},
}


def _compares(match: Match, text: str) -> bool:
    return _sign(match.field, text, match.value) in _COMPARISONS[match.operator]


def _sign(field: str, text: str, limit_text: str) -> int | None:
    if field != ANY_FIELD and FIELDS[field].type is FieldType.TIME:
        time, end = time_of(text), time_of(limit_text)
        return None if time is None or end is None else (time > end) - (time < end)
    number, limit = number_of(text), number_of(limit_text)
    return None if number is None or limit is None else (number > limit) - (number < limit)
