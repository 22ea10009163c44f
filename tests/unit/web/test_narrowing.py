"""A click on a facet's value, and what it makes of the query."""

from __future__ import annotations

import pytest
from hypothesis import given

from app.errors import BadQuery
from app.sysmon.condition import Condition, Match, Not, Operator
from app.sysmon.language import parse, to_text
from app.sysmon.normal import conjunction
from app.web.narrowing import Filter, OpenEnd
from tests.contract.strategies import conditions

USERS = frozenset({"User", "SourceUser", "SubjectUser"})
IMAGES = frozenset({"Image", "SourceImage", "Process"})
KINDS = frozenset({"Category", "EventId", "Kind"})


def user(query: str) -> Filter:
    return Filter(query, "SubjectUser", USERS)


def image(query: str) -> Filter:
    return Filter(query, "Process", IMAGES)


def category(query: str) -> Filter:
    return Filter(query, "Category", KINDS)


@pytest.mark.parametrize(
    ("query", "own"),
    [
        ("", []),
        ("Image:a and User:b", ["User:b"]),
        ("User:b", ["User:b"]),
        ("Image:a and not User:b", ["not User:b"]),
        ("Image:a and (User:b or SourceUser:c)", ["User:b or SourceUser:c"]),
        ("Image:a and (User:b or Image:c)", []),
        ("Image:a or User:b", []),
        ("User:field(Image)", []),
    ],
)
def test_the_filter_is_what_speaks_of_the_field_alone(query: str, own: list[str]) -> None:
    assert [to_text(part) for part in user(query).own] == own


def test_the_rest_is_all_else() -> None:
    assert [to_text(part) for part in user("Image:a and User:b and EventId:1").rest] == [
        "Image:a",
        "EventId:1",
    ]


def test_without_a_filter_the_value_is_added_behind_what_was_typed() -> None:
    assert user("image:A  and  eventid:1").toggled("SHIRE\\bob") == (
        "image:A  and  eventid:1 and SubjectUser:SHIRE\\bob"
    )
    assert user("").toggled("bob") == "SubjectUser:bob"
    assert user(" * ").toggled("bob") == "SubjectUser:bob"


def test_an_or_is_put_in_parentheses_first() -> None:
    assert user("Image:a or Image:b").toggled("bob") == "(Image:a or Image:b) and SubjectUser:bob"


def test_a_second_value_is_added_to_the_list_and_taken_away_again() -> None:
    two = user("EventId:1 and SubjectUser:bob").toggled("alice")

    assert two == "EventId:1 and SubjectUser:(bob or alice)"
    assert user(two).chooses("ALICE")
    assert user(two).toggled("Alice") == "EventId:1 and SubjectUser:bob"
    assert user("EventId:1 and SubjectUser:bob").toggled("bob") == "EventId:1"
    assert user("SubjectUser:bob").toggled("bob") == ""


def test_a_wildcard_chooses_what_it_meets_and_is_left_by_a_click_on_it() -> None:
    filter_ = image("EventId:1 and Image:*\\powershell.exe")

    assert filter_.chooses("C:\\Windows\\PowerShell.exe")
    assert not filter_.chooses("C:\\Windows\\cmd.exe")
    assert filter_.toggled("C:\\Windows\\PowerShell.exe") == "EventId:1"
    assert filter_.toggled("C:\\a.exe") == "EventId:1 and Process:C:\\a.exe"


def test_a_filter_that_only_excludes_chooses_nothing() -> None:
    filter_ = user("EventId:1 and not User:bob")

    assert not filter_.chooses("alice")
    assert filter_.toggled("alice") == "EventId:1 and SubjectUser:alice"


def test_a_category_is_not_an_event_id() -> None:
    filter_ = category("EventId:3")

    assert not filter_.chooses("registry")
    assert filter_.toggled("registry") == "Category:registry"
    assert category("Category:registry").chooses("registry")
    assert category("Category:(registry or dns)").toggled("dns") == "Category:registry"


@given(conditions())
def test_a_term_is_added_to_any_query(condition: Condition) -> None:
    text, term = to_text(condition), to_text(Not(Match("Image", Operator.EQUALS, 'a "b" (c) or *')))

    try:
        longer = OpenEnd(text)(term)
    except BadQuery:  # Too deep: the parentheses around it are one level more.
        return

    assert parse(longer) == conjunction([parse(text), parse(term)])
