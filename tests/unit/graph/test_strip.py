"""Life lines: on the clock of the record times, never more than fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.graph.model import GraphSpec
from app.graph.strip import LANES, Strip, draw_strip
from app.sysmon.kinds import Category
from tests.builders import NOON
from tests.unit.graph.drawings import chain, graph_of, infected, key, node, parsed, process, with_texts


def drawn(strip: Strip | None) -> Any:
    assert strip is not None
    return parsed(strip.svg)


def test_each_process_has_a_line_with_ticks_by_category() -> None:
    strip = draw_strip(infected())

    root = drawn(strip)
    assert strip is not None
    assert [lane.text for lane in strip.lanes] == ["p0.exe 1000", "p1.exe 1001", "p2.exe 1002", "p3.exe 1003"]
    assert [lane.is_picked for lane in strip.lanes] == [False, True, False, False]
    assert len(root.xpath("//*[contains(@class, 'life')]")) == 4
    assert len(root.xpath("//*[contains(@class, 'life--unlogged')]")) == 1
    assert {each.get("class") for each in root.xpath("//*[contains(@class, 'tick')]")} == {"tick c-file"}


def test_gaps_are_hatched() -> None:
    gaps = (
        (NOON + timedelta(seconds=20), NOON + timedelta(seconds=40)),
        (NOON - timedelta(days=2), NOON - timedelta(days=1)),
    )

    assert len(drawn(draw_strip(replace(infected(), gaps=gaps))).xpath("//*[@class='gap']")) == 1


def test_gaps_too_narrow_to_be_seen_are_left_out() -> None:
    month = GraphSpec(start=NOON, end=NOON + timedelta(days=30))
    gaps = tuple(
        (NOON + timedelta(minutes=10 * n), NOON + timedelta(minutes=10 * n + 6)) for n in range(4_000)
    )
    night = (NOON + timedelta(days=29), NOON + timedelta(days=29, hours=8))

    strip = draw_strip(replace(infected(), spec=month, gaps=(*gaps, night)))

    assert len(drawn(strip).xpath("//*[@class='gap']")) == 1


def test_of_many_processes_the_picked_line_and_the_busiest_are_shown() -> None:
    graph = chain(60)
    last = replace(graph.nodes[key(59)], is_target=True)

    strip = draw_strip(replace(graph, nodes={**graph.nodes, key(59): last}))

    assert strip is not None
    assert len(strip.lanes) == LANES
    assert strip.left_out == 60 - LANES
    assert strip.lanes[-1].text == "p59.exe 1059"


def test_the_axis_has_the_range_that_the_reader_asked_for() -> None:
    spec = GraphSpec(start=datetime.min.replace(tzinfo=UTC), end=datetime.max.replace(tzinfo=UTC))

    strip = draw_strip(replace(infected(), spec=spec))

    assert strip is not None
    assert (strip.start, strip.end) == (spec.start, spec.end)
    assert drawn(strip).xpath("//*[local-name()='text']/text()")


@pytest.mark.parametrize("length", [timedelta(), timedelta(milliseconds=3), timedelta(days=400)])
def test_the_axis_has_a_few_times_however_long_it_is(length: timedelta) -> None:
    graph = graph_of(node(0, first=NOON, last=NOON + length, ticks=((NOON, Category.DNS, 1),)))

    times = drawn(draw_strip(graph)).xpath("//*[local-name()='text']/text()")

    assert 1 <= len(times) <= 10


def test_a_process_whose_clock_is_days_off_stays_on_the_record_time() -> None:
    off = process(0, utc_time=NOON - timedelta(days=11), ended=NOON - timedelta(days=10))

    strip = draw_strip(graph_of(node(0, process=off, first=NOON, last=NOON + timedelta(minutes=5))))

    assert strip is not None
    assert strip.start == NOON


def test_a_process_that_ended_before_the_range_has_no_line() -> None:
    spec = GraphSpec(start=NOON + timedelta(hours=1), end=NOON + timedelta(hours=2))
    late = node(1, first=NOON + timedelta(minutes=90), last=NOON + timedelta(minutes=95))

    strip = draw_strip(replace(graph_of(node(0, [1]), late), spec=spec))

    assert strip is not None
    assert [lane.text for lane in strip.lanes] == ["p1.exe 1001"]
    assert strip.left_out == 1


def test_without_any_time_there_are_no_life_lines() -> None:
    assert draw_strip(graph_of(node(0, process=process(0, utc_time=None), first=None, last=None))) is None


def test_labels_are_cut_and_shown_as_they_are() -> None:
    strip = draw_strip(with_texts(infected(), "C:\\a\u202e" + "x" * 30_000))

    assert strip is not None
    assert max(len(lane.text) for lane in strip.lanes) < 90
    assert "\u202e" not in "".join(lane.text for lane in strip.lanes)
