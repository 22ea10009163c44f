"""Addresses of Discover, and what of a query they can say."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote

import pytest

from app.kibana.asking import ALL, NONE, query_of
from app.kibana.discover import discover
from app.sysmon.condition import EVERYTHING, NOTHING
from app.sysmon.language import parse
from app.sysmon.query import EventQuery, Order
from tests.unit.kibana.test_rison import read_rison

KIBANA = "https://kibana.example"
NOON = datetime(2019, 1, 8, 12, tzinfo=UTC)


def states(query: EventQuery) -> tuple[dict, dict]:  # type: ignore[type-arg]
    link = discover(KIBANA, query, "name", NOON, NOON)
    assert link is not None
    parts = link.href.partition("#/?")[2].split("&")
    (g, rest_g), (a, rest_a) = (read_rison(unquote(part[3:])) for part in parts)
    assert not rest_g + rest_a
    assert isinstance(g, dict)
    assert isinstance(a, dict)
    return g, a


def test_the_end_that_we_leave_out_is_left_out_there() -> None:
    g, a = states(EventQuery(start=NOON, end=NOON.replace(hour=13), order=Order.OLDEST))

    assert g == {"time": {"from": "2019-01-08T12:00:00.000Z", "to": "2019-01-08T12:59:59.999Z"}}
    assert a["sort"] == [["@timestamp", "asc"]]
    assert a["index"] == "sysmonsearch-events"


def test_every_event_needs_no_filter_but_that_it_is_sysmons() -> None:
    _g, a = states(EventQuery())

    assert [one["meta"]["alias"] for one in a["filters"]] == ["Sysmon events"]


def test_query_and_computers_are_filters_with_their_names() -> None:
    _g, a = states(EventQuery(condition=parse("EventId:1"), computers=("a", "b")))

    assert [one["meta"]["alias"] for one in a["filters"]] == ["Sysmon events", "a, b", "name"]
    assert {one["meta"]["index"] for one in a["filters"]} == {"sysmonsearch-events"}


@pytest.mark.parametrize(
    "query",
    [
        r"Image:*\cmd.exe",
        "not Image:*",
        "EventId:>=12",
        "Category:registry",
        "ProcessGuid:{5C3485A0-1111-2222-3333-0123456789AB}",
        "SHA256:" + "AB" * 32,
        "Time:>=2019-01-08",
        "Process:a or Process:b",
    ],
)
def test_what_elasticsearch_can_say_is_not_wider(query: str) -> None:
    assert not query_of(parse(query)).is_wider


@pytest.mark.parametrize(
    "query",
    [
        "mimikatz",
        "CommandLine:/a+/",
        "DestinationPort:>1024",
        "DestinationIp:10.0.0.0/8",
        "UtcTime:>2019-01-08",
        "ParentUser:field(User)",
        "Image:*ä*",
        "not CommandLine:/a+/",
        "not *:mimikatz",
    ],
)
def test_what_it_cannot_say_is(query: str) -> None:
    assert query_of(parse(query)).is_wider


def test_the_negation_of_what_cannot_be_said_is_everything_that_may_be() -> None:
    assert query_of(parse("not UtcTime:>2019-01-08")).maybe == ALL
    assert query_of(EVERYTHING).maybe == ALL
    assert query_of(NOTHING).maybe == NONE


def test_a_source_is_asked_for_in_its_own_events_where_the_name_does_not_say_it() -> None:
    asked = str(query_of(parse("SourceImage:a")).maybe)

    assert "'process.executable'" in asked
    assert "winlog.event_data.SourceImage" in asked
    assert "'8'" in asked
