"""Category and Kind are read from the event ID: a comparison of them is a set of IDs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from app.store.elastic.expressions import can_match, chars
from app.store.elastic.patterns import PLAIN_OPERATORS, expression_of
from app.store.elastic.regexes import expression_of_regex
from app.sysmon.condition import Match, Operator
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.fields import DERIVED
from app.sysmon.kinds import KINDS

IDS: Final = range(65_536)
"""All event IDs that there can be."""

_MOMENT: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_derived(match: Match) -> bool:
    """Tell whether the comparison looks at the event ID alone, by another name."""
    return match.field in DERIVED


@lru_cache(maxsize=256)
def ids_of(match: Match) -> frozenset[int]:
    """Return the event IDs of the events for which a comparison of Category or Kind holds."""
    if match.field == "Category":
        # IDs that the table does not know are all of one category.
        unknown = next(number for number in IDS if number not in KINDS)
        known = frozenset(number for number in KINDS if _holds(match, number))
        return known | (frozenset(IDS) - frozenset(KINDS) if _holds(match, unknown) else frozenset())
    return frozenset(number for number in (IDS if _may_be_unknown(match) else KINDS) if _holds(match, number))


def _may_be_unknown(match: Match) -> bool:
    """Tell whether the comparison may hold for ``Event30``, the kind of an ID that nobody knows yet."""
    if match.operator is Operator.REGEX:
        return can_match(expression_of_regex(match.value, match.case_sensitive), _UNKNOWN)
    return match.operator not in PLAIN_OPERATORS or can_match(expression_of(match), _UNKNOWN)


_UNKNOWN: Final = chars("Event0123456789").ranges


def _holds(match: Match, event_id: int) -> bool:
    return holds(match, Event(time=_MOMENT, computer="", event_id=event_id))


def ranges_of_ids(ids: frozenset[int]) -> list[tuple[int, int]]:
    """Return the ids as ranges, both ends included."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(ids):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
