"""Comparisons by value: numbers and times, as the index orders them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import ceil, floor
from typing import Final

from elasticsearch_dsl.query import Exists, Query, Range

from app.store.elastic.decimals import decimals_between
from app.store.elastic.expressions import ANY, ANYTHING, Repeat, chars, choice, sequence
from app.store.elastic.logic import NONE, NOWHERE, all_queries, any_query, at_most, exactly, terms
from app.store.elastic.patterns import regexp
from app.store.elastic.places import Bounds, Form, Place
from app.sysmon.condition import Match, Operator
from app.sysmon.events import microseconds, time_text
from app.sysmon.values import number_of, time_of

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_SMALL: Final = range(-(2**15), 2**15)
_CANONICAL: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DAY: Final = timedelta(days=1)
_MILLISECOND: Final = 1000
_DATES: Final = "strict_date_optional_time"
_DATE_LENGTH: Final = 10

UPPER: Final = frozenset({Operator.LESS, Operator.LESS_EQUAL})
ORDER: Final = frozenset({*UPPER, Operator.GREATER, Operator.GREATER_EQUAL})
"""The operators that compare by value."""

_BOUND: Final = {
    Operator.LESS: "lt",
    Operator.LESS_EQUAL: "lte",
    Operator.GREATER: "gt",
    Operator.GREATER_EQUAL: "gte",
}


def integer_in(text: str) -> int | None:
    """Return the integer whose text form this is, or None."""
    number = int(text) if _CANONICAL.fullmatch(text) else None
    return number if number is not None and _LOWEST <= number <= _HIGHEST else None


def integers_of(match: Match) -> range:
    """Return the integers of 64 bits for which a comparison with a number holds."""
    limit = number_of(match.value)
    if limit is None:
        return range(0)
    if match.operator in UPPER:
        highest = floor(limit) if match.operator is Operator.LESS_EQUAL else ceil(limit) - 1
        return range(_LOWEST, min(highest, _HIGHEST) + 1)
    lowest = ceil(limit) if match.operator is Operator.GREATER_EQUAL else floor(limit) + 1
    return range(max(lowest, _LOWEST), _HIGHEST + 1)


def number_query(path: str, match: Match) -> Query:
    """Return what is less, or greater, than a number, among integers: exactly."""
    some = integers_of(match)
    if not some:
        return NONE
    if some.start == _LOWEST:
        return Exists(field=path) if some.stop > _HIGHEST else Range(path, {"lte": some.stop - 1})
    return Range(path, {"gte": some.start})


def number_in_text(place: Place, match: Match) -> Bounds:
    """Return what is less, or greater, than a number, among texts of integers.

    They are digits nearly always; what is written in another way (``0x1a74``, ``-1``) is read
    to know.
    """
    some = integers_of(match)
    if not some:
        return NOWHERE
    digits = decimals_between(max(some.start, 0), some.stop - 1)
    odd = choice([sequence([chars("-"), ANYTHING]), sequence([chars("0"), ANY, ANYTHING])])
    sure = NONE if digits is None else regexp(place.path, digits)
    maybe = any_query([sure, regexp(place.path, odd)])
    return Bounds(sure, maybe) if place.faithful else at_most(maybe)


def integers_query(path: str, numbers: Iterable[int]) -> Query:
    """Return what is one of the integers.

    Beyond 16 bits each is asked for by a range, which a field of a smaller type than the
    number takes, too; many of them are one list, as the fields that hold such are longs.
    """
    some = sorted(set(numbers))
    if all(number in _SMALL for number in some) or len(some) > 8:
        return terms(path, some)
    return any_query(Range(path, {"gte": number, "lte": number}) for number in some)


def time_bounds(place: Place, operator: Operator, limit: datetime) -> Bounds:
    """Return what is before, or after, a time, at a place where times are ordered."""
    if place.form is Form.MICROSECONDS:
        return exactly(Range(place.path, {_BOUND[operator]: microseconds(limit)}))
    if place.form is Form.DATE:
        return _date_bounds(place.path, operator, limit)
    if place.faithful:
        # From the year to the fraction, such texts stand in the order of their times.
        digits = {"gte": "0"} if operator in UPPER else {"lt": ":"}
        return exactly(Range(place.path, {**digits, _BOUND[operator]: time_text(limit)}))
    return at_most(_days_query(place.path, operator, limit))


def _date_bounds(path: str, operator: Operator, limit: datetime) -> Bounds:
    """Return what is before, or after, a time, where the index cuts times to milliseconds.

    A limit of whole milliseconds is taken as exact, though a source document might have a
    finer time: no shipper of the event log writes one, and ``less`` and ``greater_equal``,
    of which every range of a query is made, are exact even then.
    """
    whole = microseconds(limit) % _MILLISECOND == 0
    start = limit - timedelta(microseconds=microseconds(limit) % _MILLISECOND)
    if whole:
        return exactly(_date_range(path, **{_BOUND[operator]: start}))
    if operator in UPPER:
        return Bounds(_date_range(path, lt=start), _date_range(path, lte=start))
    return Bounds(_date_range(path, gt=start), _date_range(path, gte=start))


def _date_range(path: str, **bounds: datetime) -> Query:
    return Range(path, {**{name: _date_text(time) for name, time in bounds.items()}, "format": _DATES})


def _date_text(time: datetime) -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _days_query(path: str, operator: Operator, limit: datetime) -> Query:
    """Return what may be before, or after, a time, by its day, however the texts write the rest."""
    try:
        if operator in UPPER:
            return Range(path, {"gte": "0", "lt": _day_text(limit + 2 * _DAY)})
        return Range(path, {"gte": _day_text(limit - _DAY), "lt": ":"})
    except OverflowError:  # The first or last days that there are.
        return Exists(field=path)


def _day_text(time: datetime) -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat()[:_DATE_LENGTH]


def same_time(place: Place, text: str) -> Bounds:
    """Return what is the time whose text form this is, at a place where times are ordered."""
    time = time_of(text)
    if time is None or time_text(time) != text:
        return NOWHERE
    if place.form is Form.KEYWORD and not place.faithful:
        return at_most(_days_query(place.path, Operator.LESS, time))
    parts = [time_bounds(place, operator, time) for operator in (Operator.LESS_EQUAL, Operator.GREATER_EQUAL)]
    maybe = all_queries(part.maybe for part in parts)
    return exactly(maybe) if all(part.exact for part in parts) else at_most(maybe)


def time_starting(place: Place, prefix: str) -> Bounds:
    """Return the times whose text forms begin so: of one day, if the beginning is that long."""
    day = time_of(prefix[:_DATE_LENGTH]) if len(prefix) >= _DATE_LENGTH else None
    if day is None or place.form is Form.KEYWORD:
        return at_most(Exists(field=place.path))
    start = time_bounds(place, Operator.GREATER_EQUAL, day)
    if (day.year, day.month, day.day) == (9999, 12, 31):
        found = start.maybe
    else:
        found = all_queries([start.maybe, time_bounds(place, Operator.LESS, day + _DAY).maybe])
    return (
        exactly(found) if prefix.rstrip(" ") == prefix[:_DATE_LENGTH] and len(prefix) < 12 else at_most(found)
    )


NUMBERS: Final = chars("-0123456789").ranges
"""The characters of an integer's text form."""

TIMES: Final = chars("0123456789-:. ").ranges
"""The characters of a time's text form."""


def numeric_text(path: str) -> Query:
    """Return the texts that are numbers, as ``values.NUMBER`` says, or nearly."""
    return regexp(path, sequence([chars("+-0123456789"), Repeat(chars("0123456789."))]))
