"""Spans without any event of the computer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.graph.gaps import Gap
from app.store.port import EventStore
from tests.builders import NOON, batch_of, file_create, process_create
from tests.unit.graph.families import created, stored
from tests.unit.graph.worlds import by, graph


def minutes(*gaps: Gap) -> list[tuple[float, float]]:
    return [tuple((time - NOON) / timedelta(minutes=1) for time in gap) for gap in gaps]  # type: ignore[misc]


def written(*at: float) -> EventStore:
    """Return a store in which process 1 was created at noon and wrote at these minutes."""
    files = [file_create(**by(1, time=NOON + timedelta(minutes=minute))) for minute in at]
    return stored(created(1, None, time=NOON), *files)


def test_a_gap_lasts_from_the_last_event_before_to_the_first_one_behind() -> None:
    assert minutes(*graph(written(1.5, 12.25, 13)).gaps) == [(1.5, 12.25)]


def test_five_minutes_are_a_gap_and_less_is_none() -> None:
    assert minutes(*graph(written(5, 9.99)).gaps) == [(0, 5)]


def test_events_of_other_processes_fill_a_gap_and_those_of_other_computers_do_not() -> None:
    def with_other(**said: Any) -> list[tuple[float, float]]:
        store = written(12)
        store.add(batch_of(process_create(time=NOON + timedelta(minutes=6), **said)), "test")
        return minutes(*graph(store).gaps)

    assert with_other() == [(0, 6), (6, 12)]
    assert with_other(computer="ws-02.example") == [(0, 12)]


def test_the_range_that_was_asked_for_has_gaps_at_its_ends() -> None:
    found = graph(written(10, 11), start=NOON + timedelta(minutes=1), end=NOON + timedelta(minutes=20))

    assert minutes(*found.gaps) == [(1, 10), (11, 20)]


def test_over_years_gaps_are_still_true() -> None:
    year = 525_600.0

    assert minutes(*graph(written(1, 3 * year)).gaps) == [(1, 3 * year)]
