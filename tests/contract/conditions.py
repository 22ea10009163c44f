"""THE table of cases: what each operator means, by example.

The evaluator and every adapter are run through it (``test_conditions.py``).
"""

from __future__ import annotations

from app.sysmon.evaluate import holds
from app.sysmon.events import Event, EventKey
from tests.contract.cases import Case
from tests.contract.cases_of_fields import (
    DERIVED_CASES,
    EXISTENCE_CASES,
    KEYWORDS_CASES,
    LOGIC_CASES,
    NETWORKS_CASES,
    NUMBERS_CASES,
    SAME_TEXT_CASES,
    SCOPES_CASES,
    TIMES_CASES,
)
from tests.contract.cases_of_texts import EQUALS_CASES, PARTS_CASES, REGEXES_CASES, WILDCARDS_CASES

GROUPS: dict[str, list[Case]] = {
    "equals": EQUALS_CASES,
    "parts": PARTS_CASES,
    "wildcard": WILDCARDS_CASES,
    "regex": REGEXES_CASES,
    "cidr": NETWORKS_CASES,
    "numbers": NUMBERS_CASES,
    "times": TIMES_CASES,
    "exists": EXISTENCE_CASES,
    "scopes": SCOPES_CASES,
    "derived": DERIVED_CASES,
    "keywords": KEYWORDS_CASES,
    "field equals field": SAME_TEXT_CASES,
    "logic": LOGIC_CASES,
}
"""All cases by what they are about."""

EVENTS: tuple[Event, ...] = tuple(
    {case.event.key: case.event for group in GROUPS.values() for case in group}.values()
)
"""The events of all cases, each once."""

_keys: dict[int, frozenset[EventKey]] = {}


def keys_of(case: Case) -> frozenset[EventKey]:
    """Return the keys of all events of the table that the evaluator finds."""
    if id(case) not in _keys:
        _keys[id(case)] = frozenset(event.key for event in EVENTS if holds(case.condition, event))
    return _keys[id(case)]
