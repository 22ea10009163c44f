"""Arguments of an address and the question that they ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadQuery
from app.sysmon.classic import CRITERIA
from app.sysmon.condition import EVERYTHING, all_of
from app.sysmon.language import normal_form, parse, to_text
from app.sysmon.query import Order
from app.web.filters import FACETS, SORTS, SearchArgs, absolute, is_tidy

TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: not _half(text))
"""Anything but half a character, which no address can hold."""


def _half(text: str) -> bool:
    return any(0xD800 <= ord(character) < 0xE000 for character in text)


ARGS = st.builds(
    SearchArgs,
    q=st.just("") | TEXTS,
    criteria=st.lists(st.tuples(st.sampled_from(list(CRITERIA)), TEXTS), max_size=4).map(
        lambda pairs: tuple(sorted(pairs, key=lambda pair: list(CRITERIA).index(pair[0])))
    ),
    match=st.sampled_from(["", "any", "neither"]),
    start=st.sampled_from(["", "2019-05-18", "2019-05-18T18:20:46.031", "yesterday"]),
    end=st.sampled_from(["", "2019-05-19"]),
    computers=st.lists(TEXTS, unique=True, max_size=3).map(tuple),
    sort=st.sampled_from(["", "Time", "UtcTime", "-UtcTime", "-Image", "nonsense"]),
    after=st.just("") | TEXTS,
    sel=st.just("") | TEXTS,
    fold=st.sampled_from(["", "0", "2"]),
    count=st.sampled_from(["", "exact"]),
    more=st.lists(st.sampled_from([*FACETS, "x"]), unique=True, max_size=2).map(tuple),
)


def read(address: str) -> SearchArgs:
    return SearchArgs.read(arguments_of(address))


def arguments_of(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query, keep_blank_values=True)


@given(ARGS)
def test_an_address_says_all_that_was_asked_right_or_wrong(args: SearchArgs) -> None:
    assert read(args.url()) == args
    assert is_tidy(arguments_of(args.url()))


@given(ARGS)
def test_the_form_written_into_the_query_asks_the_same(args: SearchArgs) -> None:
    try:
        condition = args.condition()
    except BadQuery:
        return

    one = args.with_one_query()

    assert one.criteria == ()
    assert one.condition() == normal_form(condition)
    assert parse(to_text(condition)) == one.condition()


def test_without_arguments_it_is_everything_newest_first() -> None:
    query = SearchArgs().event_query()

    assert (query.condition, query.order, query.sort) == (EVERYTHING, Order.NEWEST, None)
    assert (query.start, query.end, query.computers, query.after) == (None, None, (), None)


def test_query_and_form_must_both_hold() -> None:
    args = read("/search?q=EventId:1&ProcessName=cmd.exe")

    assert args.condition() == all_of([parse("EventId:1"), SearchArgs(criteria=args.criteria).condition()])


def test_criteria_are_joined_with_and_unless_any_is_asked_for() -> None:
    both = read("/search?FileName=a&Port=80").condition()
    either = read("/search?FileName=a&Port=80&match=any").condition()

    assert to_text(both) == "DestinationPort:*80* and TargetFilename:*a*"
    assert to_text(either) == "DestinationPort:*80* or TargetFilename:*a*"


def test_a_criterion_may_come_several_times() -> None:
    args = read("/search?FileName=a&FileName=b&match=any")

    assert args.criteria == (("FileName", "a"), ("FileName", "b"))


def test_a_date_alone_as_the_end_takes_in_that_day() -> None:
    start, end = SearchArgs(start="2019-05-18", end="2019-05-18").range()

    assert start == datetime(2019, 5, 18, tzinfo=UTC)
    assert end == datetime(2019, 5, 19, tzinfo=UTC)


def test_unknown_arguments_are_ignored() -> None:
    assert read("/search?q=a&theme=dark&utm_source=x") == SearchArgs(q="a")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/search?from=yesterday", "'from'"),
        ("/search?to=31.12.2019", "'to'"),
        ("/search?from=2019-05-19&to=2019-05-17", "'from' and 'to'"),
        ("/search?sort=Hashes", "'sort'"),
        ("/search?sort=--UtcTime", "'sort'"),
        ("/search?match=some", "'match'"),
        ("/search?fold=2", "'fold'"),
        ("/search?count=no", "'count'"),
        ("/search?more=everything", "'more'"),
        ("/search?sel=nothing", "'sel'"),
    ],
)
def test_a_wrong_value_is_refused_under_the_name_of_its_argument(address: str, name: str) -> None:
    with pytest.raises(BadQuery, match=name):
        read(address).event_query()


def test_of_a_fault_in_the_query_the_place_is_known() -> None:
    with pytest.raises(BadQuery) as caught:
        SearchArgs(q="Image:a and (User:b").event_query()

    assert caught.value.position is not None


@pytest.mark.parametrize("name", SORTS)
def test_a_sort_is_ascending_and_with_a_minus_descending(name: str) -> None:
    up, down = (SearchArgs(sort=sign + name).event_query() for sign in ("", "-"))

    assert (up.order, down.order) == (Order.OLDEST, Order.NEWEST)
    assert up.sort == down.sort == SORTS[name]


@pytest.mark.parametrize(
    ("address", "tidy"),
    [
        ("/search", True),
        ("/search?q=a&fold=0", True),
        ("/search?q=a&foreign=1", True),
        ("/search?q=&Port=&from=", False),
        ("/search?q=a&fold=0&fold=1", False),
        ("/search?q=a&match=all", False),
        ("/search?sort=-Time", False),
    ],
)
def test_an_address_to_share_says_nothing_that_needs_not_be_said(address: str, tidy: bool) -> None:
    assert is_tidy(arguments_of(address)) is tidy


def test_a_box_that_is_not_ticked_is_told_by_the_hidden_field_before_it() -> None:
    assert read("/search?fold=0").folds is False
    assert read("/search?fold=0&fold=1").folds is True
    assert read("/search").folds is True


@pytest.mark.parametrize(
    ("last", "length"),
    [
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
    ],
)
def test_the_last_hour_is_counted_back_from_now(last: str, length: timedelta) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)

    start_text, end_text = absolute(last, now)
    start, end = SearchArgs(start=start_text, end=end_text).range()

    now_in_seconds = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (start, end) == (now_in_seconds - length, now_in_seconds)


@pytest.mark.parametrize("last", ["", "1", "h", "-1h", "1y", "0h", "99999d", "1h1m", "１h"])
def test_a_wrong_last_is_refused(last: str) -> None:
    with pytest.raises(BadQuery, match="'last'"):
        absolute(last, datetime(2026, 1, 2, tzinfo=UTC))
