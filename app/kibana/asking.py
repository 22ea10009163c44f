"""A condition as Elasticsearch's own queries, which a filter of Kibana's holds.

Not as KQL: that compares keyword fields with regard to case, so that a search for
``powershell.exe`` would miss ``PowerShell.exe``. A filter has the name of the query that it stands
for; the query bar stays free for what an analyst adds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from app.kibana.paths import ANYTHING, EVENT_ID, HASHES, TYPED, is_hash, paths_of
from app.layouts.names import CHANNEL, PROVIDER
from app.sysmon.condition import And, Condition, Match, Not, Operator, Or
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.fields import ANY_FIELD, DERIVED, FIELDS, SOURCE_EVENTS, FieldType, Scope
from app.sysmon.values import network_of, time_of, wildcard_parts

Query = dict[str, Any]

ALL: Final[Query] = {"match_all": {}}
NONE: Final[Query] = {"match_none": {}}

SYSMON: Final[Query] = {
    "bool": {
        "should": [
            {"term": {"winlog.channel": CHANNEL}},
            {"term": {"winlog.provider_name": PROVIDER}},
            {"term": {"log_name": CHANNEL}},
            {"term": {"source_name": PROVIDER}},
        ],
        "minimum_should_match": 1,
    }
}
"""Events of Sysmon: indices of Winlogbeat hold other logs too. A collector may put them elsewhere."""

_LONGEST_PATTERN: Final = 900
_EVENT_IDS: Final = range(256)
_BEYOND: Final = 60_000
"""An event ID that Sysmon will not reach: for what holds of IDs that no table knows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What surely matches a condition, and all that may; ``is_wider``: these are not the same."""

    sure: Query
    maybe: Query

    @property
    def is_wider(self) -> bool:
        return self.sure != self.maybe


def query_of(condition: Condition) -> Asked:
    """Return the query for a condition."""
    match condition:
        case And(parts):
            asked = [query_of(part) for part in parts]
            return Asked(_all(each.sure for each in asked), _all(each.maybe for each in asked))
        case Or(parts):
            asked = [query_of(part) for part in parts]
            return Asked(_any(each.sure for each in asked), _any(each.maybe for each in asked))
        case Not(part):
            inner = query_of(part)
            return Asked(_not(inner.maybe), _not(inner.sure))
        case Match():
            return _match(condition)


def any_text(paths: Iterable[str], texts: Iterable[str]) -> Query:
    """Return the query that one of the paths holds one of the texts, in any case."""
    return _any(_term(path, text) for path in paths for text in texts)


def _all(queries: Iterable[Query]) -> Query:
    wanted = [query for query in queries if query != ALL]
    if NONE in wanted:
        return NONE
    return wanted[0] if len(wanted) == 1 else {"bool": {"filter": wanted}} if wanted else ALL


def _any(queries: Iterable[Query]) -> Query:
    wanted = [query for query in queries if query != NONE]
    if ALL in wanted:
        return ALL
    if len(wanted) < 2:
        return wanted[0] if wanted else NONE
    return {"bool": {"should": wanted, "minimum_should_match": 1}}


def _not(query: Query) -> Query:
    if query in (ALL, NONE):
        return NONE if query == ALL else ALL
    return {"bool": {"must_not": [query]}}


def _match(match: Match) -> Asked:
    if match.field == ANY_FIELD:
        return _anywhere(match)
    if match.field in DERIVED:
        compares_fields = match.operator is Operator.FIELD_EQUALS_FIELD
        return Asked(NONE, ALL) if compares_fields else _exactly(_by_event_id(match))
    if FIELDS[match.field].type is FieldType.TIME:
        return _time(match)
    if match.field == "EventId" and match.operator in _LIMITS:
        return _exactly(_by_event_id(match))
    if is_hash(match.field):
        return _hash(match)
    return _field(match)


def _exactly(query: Query) -> Asked:
    return Asked(query, query)


def _field(match: Match) -> Asked:
    field = FIELDS[match.field]
    said = [(path, _within_scope(path, field.scope)) for path in paths_of(match.field)]
    exists = _any(within({"exists": {"field": path}}) for path, within in said)
    if match.operator is Operator.EXISTS:
        return _exactly(exists)
    sure, maybe = _patterns(match)
    if maybe is None:
        return Asked(NONE, exists)

    # Logs have GUIDs in braces and capitals, this program has neither.
    is_guid = field.type is FieldType.GUID
    if is_guid and match.case_sensitive:
        sure = ()

    def on_paths(patterns: tuple[str, ...]) -> Query:
        if is_guid:
            patterns = tuple(text for each in patterns for text in (each, "{" + each + "}"))
        return _any(
            within(query)
            for path, within in said
            for pattern in patterns
            if (query := _pattern(path, pattern, match.case_sensitive and not is_guid)) is not None
        )

    return Asked(on_paths(sure), on_paths(maybe))


def _within_scope(path: str, scope: Scope) -> Callable[[Query], Query]:
    """Return what keeps a query to the events in which a name has its meaning."""
    if scope is Scope.ANY or path.startswith(("winlog.event_data.", "event_data.")):
        return lambda query: query
    sources = any_text(EVENT_ID, map(str, sorted(SOURCE_EVENTS)))
    return lambda query: _all([query, sources if scope is Scope.SOURCE else _not(sources)])


def _patterns(match: Match) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return the wildcards that surely are the value, and those that may be; None: it cannot be said."""
    value = _escaped(match.value)
    match match.operator:
        case Operator.EQUALS:
            pattern = value
        case Operator.CONTAINS:
            pattern = f"*{value}*"
        case Operator.STARTS_WITH:
            pattern = f"{value}*"
        case Operator.ENDS_WITH:
            pattern = f"*{value}"
        case Operator.WILDCARD:
            parts = wildcard_parts(match.value)
            pattern = "".join(part if part in {"*", "?"} else _escaped(part[1:]) for part in parts)
        case Operator.CIDR:
            return (), tuple(_network(match.value)) or None
        case _:
            return (), None
    # Elasticsearch knows the case of ASCII only.
    loose = pattern if match.case_sensitive else re.sub(r"[^\x00-\x7f]", _if_cased, pattern)
    return (pattern,), (loose,)


def _if_cased(found: re.Match[str]) -> str:
    return "?" if found[0].lower() != found[0].upper() else found[0]


def _network(text: str) -> Iterator[str]:
    """Yield wildcards that no address in an IPv4 network fails, up to a dot; there are none for others."""
    network = network_of(text)
    if network is not None and network.version == 4 and network.prefixlen >= 8:
        octets = str(network.network_address).split(".")[: network.prefixlen // 8]
        yield ".".join(octets if len(octets) == 4 else [*octets, "*"])
        yield "*:*:*"  # An IPv4 address may be written in IPv6, in more ways than one.


def _pattern(path: str, pattern: str, case_sensitive: bool) -> Query | None:
    """Return a query for a wildcard at a path; None: no value there can be like that."""
    is_plain = not re.search(r"(?<!\\)(?:\\\\)*[*?]", pattern)
    text = re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)
    if path in TYPED:
        return {"term": {path: text}} if is_plain and re.fullmatch(r"0|[1-9][0-9.]{0,14}", text) else None
    if is_plain:
        return {"term": {path: text}} if case_sensitive else _term(path, text)
    return {"wildcard": {path: {"value": pattern, "case_insensitive": not case_sensitive}}}


def _term(path: str, text: str) -> Query:
    if path in TYPED or (text.isascii() and text.isdigit()):
        return {"term": {path: text}}
    return {"term": {path: {"value": text, "case_insensitive": True}}}


def _escaped(text: str) -> str:
    return re.sub(r"[*?\\]", r"\\\g<0>", text)


def _hash(match: Match) -> Asked:
    name = match.field
    exists = _any({"wildcard": {path: {"value": f"*{name}=*", "case_insensitive": True}}} for path in HASHES)
    if match.operator is Operator.EXISTS:
        return _exactly(exists)
    if match.operator is not Operator.EQUALS or match.case_sensitive or not match.value.isalnum():
        return Asked(NONE, exists)
    pattern = f"*{name}={_escaped(match.value)}*"
    return _exactly(
        _any({"wildcard": {path: {"value": pattern, "case_insensitive": True}}} for path in HASHES)
    )


def _by_event_id(match: Match) -> Query:
    """Return a query by event IDs alone: whether the condition holds is known of each."""

    def does(event_id: int) -> bool:
        return holds(match, Event(time=datetime(2000, 1, 1, tzinfo=UTC), computer="-", event_id=event_id))

    if does(_BEYOND):
        return _not(_event_ids(event_id for event_id in _EVENT_IDS if not does(event_id)))
    return _event_ids(event_id for event_id in _EVENT_IDS if does(event_id))


def _event_ids(event_ids: Iterable[int]) -> Query:
    texts = [str(event_id) for event_id in event_ids]
    return _any({"terms": {path: texts}} for path in EVENT_ID) if texts else NONE


_LIMITS: Final = {
    Operator.LESS: "lt",
    Operator.LESS_EQUAL: "lte",
    Operator.GREATER: "gt",
    Operator.GREATER_EQUAL: "gte",
}


def _time(match: Match) -> Asked:
    """Return a query for a time; only the record time has a type in every index."""
    time = time_of(match.value)
    if match.field != "Time" or match.operator not in _LIMITS or time is None:
        return Asked(NONE, ALL)
    # The index knows whole milliseconds: what is in the same one may be on either side.
    limit, whole = _LIMITS[match.operator], time.microsecond % 1000 == 0
    if whole and limit in {"lt", "gte"}:
        return _exactly({"range": {"@timestamp": {limit: iso(time)}}})
    return Asked(NONE, {"range": {"@timestamp": {f"{limit[:2]}e": iso(time)}}})


def iso(time: datetime) -> str:
    """Return a time as Elasticsearch and Kibana read it, to the millisecond."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _anywhere(match: Match) -> Asked:
    """Return a query for a keyword in all of Sysmon's fields; some that it looks at are not ours."""
    _sure, patterns = _patterns(match) if match.operator is not Operator.CIDR else ((), None)
    if patterns is None:
        return Asked(NONE, ALL)
    regexp = r"\{?" + "".join(_regexp(patterns[0], match.case_sensitive)) + r"\}?"  # GUIDs may have braces.
    if len(regexp) > _LONGEST_PATTERN:
        return Asked(NONE, ALL)
    query = {"query_string": {"query": f"/{regexp}/", "fields": list(ANYTHING), "lenient": True}}
    return Asked(NONE, query)


def _regexp(pattern: str, case_sensitive: bool) -> Iterator[str]:
    """Yield a wildcard as a regular expression of Lucene's, with both cases of each letter."""
    for part in re.findall(r"\\.|.", pattern, re.DOTALL):
        char = part[-1]
        if part in ("*", "?"):
            yield ".*" if part == "*" else "."
        elif not char.isascii() or char.isdigit():
            yield char
        elif char.isalpha():
            yield char if case_sensitive else f"[{char.lower()}{char.upper()}]"
        else:
            yield f"\\{char}"
