"""Conditions as queries of a real server: what surely matches does, and all that matches may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from elasticsearch_dsl.query import Query
from hypothesis import given
from hypothesis import strategies as st

from app.store.elastic.conditions import compile_condition, compile_query, with_ids
from app.store.elastic.documents import documents_of
from app.store.elastic.index_fields import IndexFields
from app.store.elastic.indices import Names
from app.store.elastic.mapped import NOTHING, Mapped
from app.store.elastic.mapping import mapping
from app.store.elastic.places import Bounds
from app.sysmon.condition import EVERYTHING, And, Condition, Match, Not, Operator, Or, equals_any
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from app.sysmon.text import fold
from tests.builders import NOON, batch_of, event, process_create
from tests.contract.conditions import EVENTS, GROUPS
from tests.contract.strategies import MICROSECOND, conditions, events
from tests.services import elastic

LONG = "Kilroy was here; " * 40
MORE = [
    event(1, command_line=LONG),
    event(1, command_line=LONG + "x"),
    event(1, command_line="x" + LONG),
    event(65535, command_line="last"),
    process_create(process_guid="5c3485a0-0001-0000-0010-000000000001"),
]


@dataclass
class Index:
    """Events of this program's own layout on a server, and who they are there."""

    client: Elasticsearch
    name: str
    fields: IndexFields
    events: Mapping[str, Event]

    def found(self, query: Query) -> set[str]:
        answer = self.client.search(
            index=self.name,
            query={"bool": {"filter": [query.to_dict()]}},
            size=len(self.events),
            source=False,
            runtime_mappings=self.fields.runtime or None,
        )
        return {hit["_id"] for hit in answer["hits"]["hits"]}

    def check(self, bounds: Bounds, expected: set[str]) -> None:
        """What surely matches does; all that matches may."""
        maybe = self.found(bounds.maybe)
        sure = maybe if bounds.exact else self.found(bounds.sure)
        assert sure <= expected <= maybe

    def true(self, condition: Condition) -> set[str]:
        return {id_ for id_, event in self.events.items() if holds(condition, event)}


def fill(client: Elasticsearch, prefix: str, some: Sequence[Event]) -> Index:
    """Index events; those of equal keys are one."""
    names = Names(prefix)
    name = names.of_month("2019-01")
    client.indices.create(index=name, mappings=mapping())
    unique = list({event.key: event for event in some}.values())
    lines: list[Any] = []
    ids = []
    for out in documents_of(batch_of(*unique), 1, "cases", names):
        ids.append(out.id)
        lines += [{"create": {"_index": name, "_id": out.id}}, out.body]
    answer = client.bulk(operations=lines, refresh=True)
    assert not answer["errors"], answer
    caps = client.field_caps(index=name, fields="*")
    fields = IndexFields(name, Mapped(caps.body), NOTHING, {})
    return Index(client, name, fields, dict(zip(ids, unique, strict=True)))


@pytest.fixture(scope="module")
def client(elastic_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elastic_url, request_timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def index(client: Elasticsearch, elastic_url: str) -> Iterator[Index]:
    """The events of all cases, and random ones."""
    drawn: list[Event] = []

    @given(events())
    def draw(some: Event) -> None:
        drawn.append(some)

    draw()
    with elastic.own_prefix(elastic_url) as prefix:
        yield fill(client, prefix, [*EVENTS, *MORE, *drawn])


@pytest.mark.parametrize("name", GROUPS)
def test_the_bounds_hold_for_all_cases(index: Index, name: str) -> None:
    for case in GROUPS[name]:
        try:
            index.check(compile_condition(case.condition, index.fields), index.true(case.condition))
        except AssertionError as error:
            raise AssertionError(case.why, case.condition) from error


def test_the_bounds_hold_for_random_conditions(index: Index) -> None:
    @given(conditions())
    def check(condition: Condition) -> None:
        index.check(compile_condition(condition, index.fields), index.true(condition))

    check()


T, I, N = "CommandLine", "ProcessId", Not  # noqa: E741 - short, for the table below


@pytest.mark.parametrize(
    "condition",
    [
        EVERYTHING,
        Match(T, Operator.EQUALS, "ПРИВЕТ"),
        Match(T, Operator.EQUALS, LONG.upper()),
        Match(T, Operator.STARTS_WITH, LONG.upper()),
        Match(T, Operator.CONTAINS, "SYSTEM"),
        Match(T, Operator.CONTAINS, ""),
        Match(T, Operator.CONTAINS, "a*\\?", True),
        Match(T, Operator.STARTS_WITH, "c:\\k"),
        Match(T, Operator.ENDS_WITH, "\\cmd.exe", True),
        Match(T, Operator.WILDCARD, "*a?b*"),
        Match(T, Operator.WILDCARD, "a??c*", True),
        Match(T, Operator.EXISTS),
        Match(I, Operator.EQUALS, "10"),
        Match(I, Operator.CONTAINS, "9"),
        Match(I, Operator.LESS, "9007199254740993.5"),
        Match(I, Operator.GREATER, "-99999999999999999999"),
        Match("Time", Operator.LESS, "2019-01-08 12:00:00.123456"),
        Match("UtcTime", Operator.GREATER_EQUAL, "2019-01-08"),
        Match("UtcTime", Operator.EQUALS, "2019-01-08 12:00:00.000"),
        Match("UtcTime", Operator.STARTS_WITH, "2019-01-08 "),
        Match("ProcessGuid", Operator.EQUALS, "5C3485A0-1111-2222-3333-0123456789AB"),
        Match("MD5", Operator.EQUALS, "0a0b"),
        Match("Category", Operator.EQUALS, "other"),
        Match("Kind", Operator.WILDCARD, "event3?"),
        Match("Kind", Operator.CONTAINS, "event"),
        Match("Process", Operator.ENDS_WITH, "\\CMD.exe"),
        Match("Computer", Operator.FIELD_EQUALS_FIELD, "Computer"),
        Match("*", Operator.CONTAINS, "whoami"),
        Match("*", Operator.EQUALS, "443"),
        N(Or((Match(T, Operator.EQUALS, "a"), Match(I, Operator.LESS, "5")))),
        And((Match(T, Operator.CONTAINS, "a"), N(Match(T, Operator.CONTAINS, "b")))),
    ],
    ids=str,
)
def test_the_index_says_exactly(index: Index, condition: Condition) -> None:
    bounds = compile_condition(condition, index.fields)

    assert bounds.exact
    index.check(bounds, index.true(condition))


@pytest.mark.parametrize(
    "condition",
    [
        Match(T, Operator.REGEX, "a.c"),
        Match("SourceIp", Operator.CIDR, "10.0.0.0/8"),
        Match(T, Operator.CONTAINS, LONG),
        Match(T, Operator.LESS, "5"),
        Match("SourceImage", Operator.FIELD_EQUALS_FIELD, "TargetImage"),
    ],
    ids=str,
)
def test_what_the_index_cannot_say_is_widened(index: Index, condition: Condition) -> None:
    bounds = compile_condition(condition, index.fields)

    assert not bounds.exact
    index.check(bounds, index.true(condition))


@pytest.mark.parametrize(
    "value",
    [
        *[
            "*a" + "?" * 30 + "b*",
            "*" + "?" * 200,
            "*a*" * 100,
            "?" * 300 + "*",
            "(*a?)" * 60,
            "*" + "ab?" * 300,
        ],
        *["k" * 8000, "*" + "k" * 8000 + "*"],
    ],
    ids=lambda value: value[:20],
)
@pytest.mark.parametrize("cased", [True, False])
def test_no_wildcard_is_too_much_for_the_server(index: Index, value: str, cased: bool) -> None:
    condition = Match(T, Operator.WILDCARD, value, cased)

    index.check(compile_condition(condition, index.fields), index.true(condition))


@pytest.mark.parametrize(
    "value",
    [
        *[
            "(a|b)*a(a|b){12}c",
            "(.*a){20}",
            "[^b]{1,1000}b",
            "(x+x+)+y",
            "a.{30}b",
            "((a{9}){9}){9}",
            "k{100}",
        ],
        *[
            "(?i)" + "|".join(f"tool{number}" for number in range(400)),
            "[\\x{10000}-\\x{10ffff}]",
            "\\pL+\\d?$",
        ],
        *["~a", "<1-5>", "a&b", '"a"', "#", "@", "a{,2}", "{a}", "[a&&b]", "[a~-]"],
    ],
    ids=lambda value: value[:20],
)
def test_no_pattern_is_too_much_for_the_server(index: Index, value: str) -> None:
    condition = Match(T, Operator.REGEX, value)

    index.check(compile_condition(condition, index.fields), index.true(condition))


def test_every_character_means_itself(index: Index) -> None:
    characters = [chr(code) for code in [*range(0x180), 0x2028, 0xFFFF, 0x10000, 0x10FFFF]]
    for cased in (True, False):
        condition = Or(tuple(Match(T, Operator.CONTAINS, f"{one}\t{one}", cased) for one in characters))

        assert index.found(compile_condition(condition, index.fields).maybe) == set()


GUIDS = [f"5c3485a0-{number:04x}-0000-0010-000000000001" for number in range(5000)]
IMAGES = ["c:\\windows\\SYSTEM32\\cmd.EXE", *(f"C:\\Windows\\tool-{number}.exe" for number in range(500))]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("ProcessGuid", GUIDS),
        ("SubjectProcessGuid", [guid.upper() for guid in GUIDS]),
        ("Image", IMAGES),
        ("ProcessId", [str(number) for number in range(70_000)]),
    ],
)
@pytest.mark.parametrize("wanted", [True, False])
def test_thousands_of_values_are_one_question(
    index: Index, field: str, values: list[str], wanted: bool
) -> None:
    folded = {fold(value) for value in values}
    expected = {
        id_ for id_, event in index.events.items() if (fold(str(event.get(field))) in folded) is wanted
    }
    condition = equals_any(field, values)

    bounds = compile_condition(condition if wanted else Not(condition), index.fields)

    assert bounds.exact
    index.check(bounds, expected)


@pytest.mark.parametrize("start", [None, NOON, NOON + MICROSECOND])
@pytest.mark.parametrize("end", [None, NOON + MICROSECOND, NOON + timedelta(milliseconds=1)])
@pytest.mark.parametrize("computers", [(), ("WS-01",), ("ws-01.EXAMPLE", "ws-02")])
def test_a_question_has_times_and_computers(
    index: Index, start: Any, end: Any, computers: tuple[str, ...]
) -> None:
    query = EventQuery(start=start, end=end, computers=computers)
    expected = {
        id_
        for id_, event in index.events.items()
        if (start is None or start <= event.time)
        and (end is None or event.time < end)
        and (not computers or event.computer.lower() in {name.lower() for name in computers})
    }

    bounds = compile_query(query, index.fields)

    assert bounds.exact
    index.check(bounds, expected)


@pytest.mark.parametrize("ids", [{1}, {1, 3, 30}, set(), set(range(2, 65_536)), set(range(0, 65_536, 2))])
def test_events_are_found_by_their_ids(index: Index, ids: set[int]) -> None:
    expected = {id_ for id_, event in index.events.items() if event.event_id in ids}

    assert index.found(with_ids(ids, index.fields)) == expected


def test_where_there_is_no_index_nothing_matches() -> None:
    fields = IndexFields("", NOTHING, NOTHING, {})

    bounds = compile_query(EventQuery(condition=Match("Image", Operator.EXISTS), computers=("a",)), fields)

    assert bounds.exact
    assert bounds.sure.to_dict() == {"match_none": {}}


def test_random_questions_ask_for_no_score(index: Index) -> None:
    @given(conditions())
    def check(condition: Condition) -> None:
        assert "'must'" not in str(compile_condition(condition, index.fields).maybe.to_dict())

    check()


@given(st.integers(0, 3))
def test_nothing_is_nested_without_need(depth: int) -> None:
    condition: Condition = EVERYTHING
    for _ in range(depth):
        condition = And((condition, Or((condition,)), Not(Not(condition))))

    bounds = compile_condition(condition, IndexFields("", NOTHING, NOTHING, {}))

    assert bounds.sure.to_dict() == {"match_all": {}}
