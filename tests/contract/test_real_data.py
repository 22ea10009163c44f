"""On real events, too, every adapter finds what the evaluator finds."""

from __future__ import annotations

import gzip
import random
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest

from app.layouts.reader import Reader
from app.store.port import EventStore
from app.sysmon.batch import EventBatch
from app.sysmon.condition import Condition, Match, Not, Operator, any_of
from app.sysmon.events import Event, value_text
from app.sysmon.fields import ANY_FIELD, FIELDS
from app.sysmon.query import EventQuery, Order
from tests.contract.conftest import open_adapter
from tests.memory_store import MemoryStore

LINES = 150
"""So many lines are read of each file."""

Pair = tuple[EventStore, MemoryStore]


@pytest.fixture(scope="module")
def batches(real_data: Path) -> list[EventBatch]:
    files = sorted(path for path in (real_data / "json").rglob("*") if path.suffix in {".gz", ".zip"})
    return [batch for path in files if len(batch := _read(path))]


def _read(path: Path) -> EventBatch:
    reader = Reader()
    if path.suffix == ".gz":
        with gzip.open(path) as lines:
            reader.lines(list(islice(lines, LINES)), 1)
    else:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as lines:
                    reader.lines(list(islice(lines, LINES)), 1)
    return reader.take()


@pytest.fixture(scope="module", params=["embedded", "embedded, rearranged", "elastic"])
def pair(
    request: pytest.FixtureRequest, batches: list[EventBatch], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    name, _, rearranged = request.param.partition(", ")
    adapter, judge = open_adapter(name, tmp_path_factory.mktemp("store")), MemoryStore()
    for batch in batches:
        added, expected = adapter.store.add(batch, "real"), judge.add(batch, "real")
        assert (added.added, added.duplicates) == (expected.added, expected.duplicates)
    if rearranged:
        adapter.rearrange()
    yield adapter.store, judge
    adapter.close()


@pytest.mark.slow
def test_all_events_come_back_as_they_were(pair: Pair) -> None:
    store, judge = pair
    query = EventQuery(order=Order.OLDEST, size=10_000)

    assert store.search(query).events == judge.search(query).events
    assert store.info().computers == judge.info().computers
    assert store.histogram(query, timedelta(hours=1)) == judge.histogram(query, timedelta(hours=1))


@pytest.mark.slow
def test_terms_of_every_field_are_the_same(pair: Pair) -> None:
    store, judge = pair

    for name in FIELDS:
        assert store.terms(EventQuery(), name, 20) == judge.terms(EventQuery(), name, 20), name


@pytest.mark.slow
def test_conditions_made_of_the_values_find_the_same(pair: Pair) -> None:
    store, judge = pair
    events = judge.search(EventQuery(size=10_000)).events
    draw = random.Random(1)

    for _ in range(80):
        query = EventQuery(condition=_condition(draw, draw.choice(events)), size=10_000)
        found, expected = store.search(query).events, judge.search(query).events
        assert found == expected, query
        assert store.count(query).value == len(expected), query


def _condition(draw: random.Random, event: Event) -> Condition:
    """Make a condition of a value that an event has: some hold for it, some do not."""
    name = draw.choice([name for name in FIELDS if event.get(name) is not None])
    value = event.get(name)
    text = value_text(value) if value is not None else ""
    start = draw.randrange(len(text) + 1)
    part = text[start : start + draw.randrange(1, 12)]
    field = draw.choice([name, name, ANY_FIELD])
    plain = "".join("\\" + c if c in "\\.+*?()[]{}|^$" else c for c in part)
    match = draw.choice(
        [
            Match(field, Operator.EQUALS, text),
            Match(field, Operator.CONTAINS, part.upper()),
            Match(field, Operator.STARTS_WITH, text[: start + 1].lower(), draw.random() < 0.3),
            Match(field, Operator.ENDS_WITH, text[start:]),
            Match(field, Operator.WILDCARD, f"*{part}?*", draw.random() < 0.3),
            Match(field, Operator.REGEX, f"{plain}.*[a-m]$"),
            Match(field, Operator.GREATER_EQUAL, str(len(text)))
            if field == ANY_FIELD
            else Match(field, Operator.EXISTS),
            Match(field, Operator.FIELD_EQUALS_FIELD, draw.choice(list(FIELDS))),
        ]
    )
    return draw.choice([match, match, Not(match), any_of((match, Match("EventId", Operator.EQUALS, "3")))])
