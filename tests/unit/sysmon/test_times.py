"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.errors import BadQuery
from app.sysmon.times import parse_span, parse_time

DAY = datetime(2019, 5, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2019-05-18", DAY),
        (" 2019-05-18 ", DAY),
        ("2019-05-18 18:20", DAY.replace(hour=18, minute=20)),
        ("2019-05-18T18:20:46", DAY.replace(hour=18, minute=20, second=46)),
        ("2019-05-18 18:20:46.031", DAY.replace(hour=18, minute=20, second=46, microsecond=31000)),
        ("2019-05-18T18:20:46.0312345Z", DAY.replace(hour=18, minute=20, second=46, microsecond=31234)),
        ("2019-05-18T03:00+09:00", DAY - timedelta(hours=6)),
        ("2019-05-18T00:00:00-0130", DAY + timedelta(minutes=90)),
        ("\uff12\uff10\uff11\uff19-05-18\u300018\uff1a20", DAY.replace(hour=18, minute=20)),
        ("1601-01-01", datetime(1601, 1, 1, tzinfo=UTC)),
        ("9999-12-31", datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_utc(text: str, time: datetime) -> None:
    assert parse_time(text) == time
    assert parse_time(text).tzinfo is UTC


def test_a_date_at_the_end_of_a_range_takes_its_whole_day_in() -> None:
    assert parse_time("2019-05-18", end=True) == DAY + timedelta(days=1)


@pytest.mark.parametrize("text", ["2019-05-18 18:20", "2019-05-18 18:20:46", "2019-05-18T18:20:46.031Z"])
def test_a_time_of_day_is_the_same_moment_at_either_end(text: str) -> None:
    assert parse_time(text, end=True) == parse_time(text)


def test_the_last_day_of_the_calendar_ends_with_it() -> None:
    assert parse_time("9999-12-31", end=True) == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("2019-05-18", timedelta(days=1)),
        ("2019-05-18 18:20", timedelta(minutes=1)),
        ("2019-05-18T18:20+09:00", timedelta(minutes=1)),
        ("2019-05-18 18:20:46Z", timedelta(seconds=1)),
        ("2019-05-18 18:20:46.0", timedelta()),
    ],
)
def test_a_time_lasts_as_long_as_it_is_exact(text: str, length: timedelta) -> None:
    start, after = parse_span(text)

    assert after - start == length


@pytest.mark.parametrize(
    "text",
    [
        *["", "now", "yesterday", "2019", "2019-05", "18.05.2019", "05/18/2019", "18:20", "2019-05-18T"],
        *["2019-02-30", "2019-13-01", "2019-05-18 24:20", "2019-05-18 18:20:60", "2019-05-18 18:20 +09:00"],
        *["0000-01-01", "0001-01-01T00:00+09:00", "9999-12-31T23:59-09:00", "1558202400", "2019-05-18\0"],
    ],
)
def test_what_is_no_time_is_answered_with_how_to_write_one(text: str) -> None:
    with pytest.raises(BadQuery, match=r"is not a time\. Write a date, 2019-05-18, or") as caught:
        parse_time(text)

    assert caught.value.text == text
