"""Bars, silences and the drawing of a histogram."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from app.store.port import Bucket
from app.sysmon.kinds import Category
from app.web.histogram import MOST_BARS, STEPS, Histogram, histogram_of, range_of, step_for
from app.web.histogram_svg import draw_histogram
from app.web.results import Silence

SIX = datetime(2019, 5, 18, 18, tzinfo=UTC)
TEN = datetime(2019, 5, 18, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SVG = "{http://www.w3.org/2000/svg}"

MOMENTS = st.datetimes(timezones=st.just(UTC))


def bucket(minute: int, event_id: int = 1, count: int = 1) -> Bucket:
    return Bucket(SIX + minute * MINUTE, event_id, count)


def picture(histogram: Histogram, **said: object) -> etree._Element:
    drawn = draw_histogram(histogram, lambda start, end: f"/search?from={start}&to={end}", **said)  # type: ignore[arg-type]
    return etree.fromstring(str(drawn))


@given(MOMENTS, MOMENTS)
def test_no_range_has_too_many_bars(one: datetime, other: datetime) -> None:
    start, end = sorted([one, other])
    if start == end:
        return
    step = step_for(start, end)

    histogram = histogram_of(start, end, step, [], [])

    assert histogram.start <= start < end <= histogram.end
    assert (histogram.end - histogram.start) / step <= MOST_BARS


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (timedelta(seconds=20), timedelta(seconds=1)),
        (timedelta(hours=1), timedelta(seconds=30)),
        (timedelta(hours=4), timedelta(minutes=2)),
        (timedelta(days=1), timedelta(minutes=15)),
        (timedelta(days=30), timedelta(hours=6)),
        (timedelta(days=365), timedelta(days=7)),
    ],
)
def test_the_step_is_the_finest_that_fits(length: timedelta, step: timedelta) -> None:
    assert step_for(SIX, SIX + length) == step
    assert step in STEPS


def test_counts_of_events_become_counts_of_categories() -> None:
    found = [bucket(0, 1, 2), bucket(0, 12, 3), bucket(0, 13, 4), bucket(5, 3, 1)]

    histogram = histogram_of(SIX, TEN, MINUTE, found, found)

    assert histogram.total == 10
    assert histogram.categories == (
        (Category.CREATE_PROCESS, 2),
        (Category.NET_ACCESS, 1),
        (Category.REGISTRY, 7),
    )
    assert [bar.total for bar in histogram.bars] == [9, 1]
    assert histogram.bars[0].counts == ((Category.CREATE_PROCESS, 2), (Category.REGISTRY, 7))


def test_where_nothing_was_received_for_five_minutes_is_a_silence() -> None:
    received = [bucket(10), bucket(11), bucket(15), bucket(21), bucket(239)]

    histogram = histogram_of(SIX, TEN, MINUTE, [], received)

    assert histogram.silences == (
        Silence(SIX, SIX + 10 * MINUTE),
        Silence(SIX + 16 * MINUTE, SIX + 21 * MINUTE),
        Silence(SIX + 22 * MINUTE, SIX + 239 * MINUTE),
    )
    assert histogram.received == 5


def test_a_range_in_which_nothing_was_received_is_one_silence() -> None:
    assert histogram_of(SIX, TEN, MINUTE, [], []).silences == (Silence(SIX, TEN),)


def test_the_range_of_what_was_found_ends_with_its_last_step() -> None:
    assert range_of([bucket(3), bucket(3, 5), bucket(9)], MINUTE) == (SIX + 3 * MINUTE, SIX + 10 * MINUTE)
    assert range_of([], MINUTE) is None


def test_each_bar_is_a_link_to_its_span_and_says_what_is_in_it() -> None:
    found = [bucket(0, 1, 2), bucket(7, 12, 300)]

    svg = picture(histogram_of(SIX, TEN, MINUTE, found, found))
    bars = svg.findall(f"{SVG}a") or svg.findall("a")

    assert [bar.get("href") for bar in bars] == [
        f"/search?from={SIX}&to={SIX + MINUTE}",
        f"/search?from={SIX + 7 * MINUTE}&to={SIX + 8 * MINUTE}",
    ]
    assert bars[0][0].text == "2019-05-18 18:00 – 2019-05-18 18:01: Process create 2"


def test_bars_lie_within_the_picture_however_uneven_they_are() -> None:
    found = [bucket(0, 1, 1), bucket(1, 12, 1_000_000), bucket(239, 3, 7)]

    svg = picture(histogram_of(SIX, TEN, MINUTE, found, found))

    paths = [path.get("d") or "" for path in svg.iter("path")]
    shapes = [
        [float(number) for number in re.findall(r"-?[\d.]+", shape)]
        for path in paths
        for shape in path.split("z")
        if shape
    ]
    assert len(paths) == len(shapes) == 3
    for left, bottom, up, width, down in shapes:
        assert 0 <= left <= 239
        assert bottom <= 82
        assert bottom + up >= 0
        assert (up, width) == (-down, 1)
        assert down >= 2.9  # However little a bar counts, it is seen.


def test_the_picked_moment_has_a_needle_where_it_is_in_the_range() -> None:
    histogram = histogram_of(SIX, TEN, MINUTE, [bucket(0)], [bucket(0)])

    inside, outside = (picture(histogram, picked=time) for time in (SIX + timedelta(hours=1), TEN + MINUTE))

    assert [line.get("x1") for line in inside.iter() if line.get("class") == "needle"] == ["25%"]
    assert not [line for line in outside.iter() if line.get("class") == "needle"]


def test_the_axis_has_round_moments() -> None:
    svg = picture(histogram_of(SIX, TEN, MINUTE, [bucket(0)], [bucket(0)]))

    texts = [text.text for text in svg.iter("text", f"{SVG}text") if not text.get("class")]

    assert texts == ["05-18 18:00", "18:30", "19:00", "19:30", "20:00", "20:30", "21:00", "21:30", "22:00"]


@given(MOMENTS, MOMENTS, st.lists(MOMENTS, max_size=5))
def test_any_range_can_be_drawn(one: datetime, other: datetime, heard: list[datetime]) -> None:
    start, end = sorted([one, other])
    if start == end:
        return
    step = step_for(start, end)
    times = sorted({start + (time - start) % (end - start) // step * step for time in heard})
    found = [Bucket(time, 1, 1) for time in times]

    svg = picture(histogram_of(start, end, step, found, found))

    assert svg.get("data-start")
