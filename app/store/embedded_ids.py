"""What a condition says about event IDs: by them the catalogue knows where not to look."""

from __future__ import annotations

import re

from app.store.embedded_match import integer
from app.sysmon.condition import And, Condition, Match, Not, Operator, Or
from app.sysmon.fields import ANY_FIELD, FIELDS, SOURCE_EVENTS, Scope
from app.sysmon.kinds import KINDS, Category
from app.sysmon.text import fold


def event_ids_of(condition: Condition) -> frozenset[int] | None:
    """Return the event IDs that a matching event can have; None: any."""
    match condition:
        case And(parts):
            known = [ids for ids in map(event_ids_of, parts) if ids is not None]
            return frozenset.intersection(*known) if known else None
        case Or(parts):
            some = [event_ids_of(part) for part in parts]
            known = [ids for ids in some if ids is not None]
            return frozenset().union(*known) if len(known) == len(some) else None
        case Match(field="EventId", operator=Operator.EQUALS, value=value):
            number = integer(value)
            return frozenset() if number is None else frozenset({number})
        case Match(field="Category" | "Kind" as name, operator=Operator.EQUALS, value=value):
            return derived_ids(name, value, condition.case_sensitive)
        case Match(field=name) if name != ANY_FIELD and FIELDS[name].scope is Scope.SOURCE:
            return SOURCE_EVENTS
    return None


def excluded_ids_of(condition: Condition) -> frozenset[int]:
    """Return event IDs that no matching event has, as far as the condition names them."""
    match condition:
        case And(parts):
            return frozenset().union(*map(excluded_ids_of, parts))
        case Not(part) if speaks_of_event_ids_only(part):
            return event_ids_of(part) or frozenset()
    return frozenset()


def speaks_of_event_ids_only(condition: Condition) -> bool:
    """Tell whether events match if, and only if, their ID is one of ``event_ids_of``."""
    match condition:
        case And(parts) | Or(parts):
            return all(map(speaks_of_event_ids_only, parts))
        case Match(field="EventId" | "Category" | "Kind", operator=Operator.EQUALS):
            return event_ids_of(condition) is not None
    return False


def derived_ids(name: str, value: str, case_sensitive: bool) -> frozenset[int] | None:
    """Return the event IDs of a category or kind; None: they cannot be listed."""

    def written(text: str) -> str:
        return text if case_sensitive else fold(text)

    try:
        wanted = written(value)
    except UnicodeEncodeError:
        return frozenset()  # A lone surrogate.
    if name == "Category" and wanted == Category.OTHER:
        return None
    found = {
        kind.event_id
        for kind in KINDS.values()
        if wanted == written(kind.category if name == "Category" else kind.name)
    }
    unknown = re.fullmatch(written("Event") + "(-?[1-9][0-9]{0,17}|0)", wanted)
    if name == "Kind" and unknown and int(unknown[1]) not in KINDS:
        found.add(int(unknown[1]))
    return frozenset(found)
