"""Every adapter answers as the store in memory does, whatever is stored and asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import hypothesis
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from app.store.port import RARITY_FIELDS, EventStore
from app.sysmon.condition import Condition
from app.sysmon.events import Event
from app.sysmon.query import EventQuery, Order
from tests.builders import batch_of
from tests.contract.conftest import ADAPTERS, Adapter, open_adapter
from tests.contract.strategies import TEXTS, conditions, events
from tests.contract.test_sort import in_order, walk
from tests.memory_store import MemoryStore

_runs = count(1)

PAIR = ("pair-01", "Pair-02")
SORTED_BY = [
    *["UtcTime", "EventId", "Level", "Computer", "User", "SubjectUser", "Image", "Process", "Kind"],
    *["ProcessId", "DestinationPort", "CommandLine", "RecordId"],
]


@pytest.fixture(scope="module", params=[name for name in ADAPTERS if name != "memory"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adapter]:
    """One store for all examples; each has computers of its own."""
    adapter = open_adapter(request.param, tmp_path_factory.mktemp("store"))
    yield adapter
    adapter.close()


@pytest.fixture(scope="module")
def pair(shared: Adapter) -> tuple[EventStore, EventStore]:
    """A store and the store in memory, with the same random events in the same batches."""
    return _filled(shared)


@pytest.fixture(scope="module", params=[name for name in ADAPTERS if name != "memory"])
def own(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[EventStore, EventStore]]:
    """A pair whose store holds nothing else, for questions about all that is stored."""
    adapter = open_adapter(request.param, tmp_path_factory.mktemp("own"))
    yield _filled(adapter)
    adapter.close()


def _filled(shared: Adapter) -> tuple[EventStore, EventStore]:
    judge = MemoryStore()

    @hypothesis.settings(max_examples=6, phases=[hypothesis.Phase.generate])
    @hypothesis.given(st.lists(events(PAIR), min_size=30, max_size=60))
    def fill(batch: list[Event]) -> None:
        added = shared.store.add(batch_of(*batch), "pair")
        assert added.added == judge.add(batch_of(*batch), "pair").added
        if judge.info().newest_batch == 3:  # Some batches are arranged anew, some are fresh.
            shared.rearrange()

    fill()
    assert judge.info().events > 50
    return shared.store, judge


@hypothesis.settings(max_examples=100)
@hypothesis.given(condition=conditions(), order=st.sampled_from(Order))
def test_random_conditions_find_what_the_evaluator_finds(
    pair: tuple[EventStore, EventStore], condition: Condition, order: Order
) -> None:
    store, judge = pair
    query = EventQuery(condition=condition, order=order, size=1000, computers=("PAIR-01", "pair-02"))

    assert store.search(query) == judge.search(query)


@hypothesis.settings(max_examples=50)
@hypothesis.given(
    condition=conditions(),
    name=st.sampled_from(SORTED_BY),
    order=st.sampled_from(Order),
    size=st.sampled_from([1, 7, 40, 1000]),
)
def test_sorted_pages_show_each_event_once_in_the_order_of_python(
    pair: tuple[EventStore, EventStore], condition: Condition, name: str, order: Order, size: int
) -> None:
    store, judge = pair
    query = EventQuery(condition=condition, sort=name, order=order, size=size, computers=PAIR)
    expected = in_order(list(judge.search(replace(query, sort=None, size=1000)).events), query)
    assume(len(expected) < 30 * size)

    assert walk(store, query) == expected
    assert walk(judge, query) == expected


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    condition=conditions(),
    name=st.sampled_from(["Image", "Process", "EventId", "QueryStatus", "Kind", "ProcessId", "User"]),
    rarest=st.booleans(),
    size=st.sampled_from([1, 3, 100]),
)
def test_random_counts_are_those_of_the_evaluator(
    pair: tuple[EventStore, EventStore], condition: Condition, name: str, rarest: bool, size: int
) -> None:
    store, judge = pair
    query = EventQuery(condition=condition, computers=("PAIR-01", "pair-02"))

    assert store.count(query) == judge.count(query)
    assert store.histogram(query, timedelta(hours=5)) == judge.histogram(query, timedelta(hours=5))
    assert store.terms(query, name, size, rarest=rarest) == judge.terms(query, name, size, rarest=rarest)
    assert store.facets(query, [name, "User", name], size) == judge.facets(query, [name, "User", name], size)


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    condition=conditions(),
    names=st.lists(st.sampled_from(SORTED_BY), max_size=3),
    step=st.sampled_from([None, timedelta(microseconds=1), timedelta(hours=5), timedelta(days=9)]),
    limit=st.sampled_from([1, 5, 1000]),
)
def test_random_groups_are_those_of_the_evaluator(
    pair: tuple[EventStore, EventStore],
    condition: Condition,
    names: list[str],
    step: timedelta | None,
    limit: int,
) -> None:
    store, judge = pair
    query = EventQuery(condition=condition, computers=PAIR)

    found = store.groups(query, names, step=step, limit=limit)

    assert found == judge.groups(query, names, step=step, limit=limit)


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    values=st.lists(st.tuples(st.sampled_from(sorted(RARITY_FIELDS)), st.sampled_from(TEXTS)), max_size=20)
)
def test_random_values_are_as_rare_as_in_memory(
    own: tuple[EventStore, EventStore], values: list[tuple[str, str]]
) -> None:
    store, judge = own

    assert store.rarity(values) == judge.rarity(values)


@hypothesis.settings(max_examples=12)
@hypothesis.given(data=st.data(), size=st.sampled_from([1, 3, 100]), order=st.sampled_from(Order))
def test_any_split_with_repeats_stores_what_one_add_stores(
    shared: Adapter, data: st.DataObject, size: int, order: Order
) -> None:
    computer = f"run-{next(_runs)}"
    some = data.draw(st.lists(events((computer, computer.upper())), min_size=1, max_size=12))
    cuts = data.draw(st.lists(st.integers(0, len(some)), max_size=3).map(sorted))
    batches = [some[a:b] for a, b in zip([0, *cuts], [*cuts, len(some)], strict=True)]
    again = data.draw(st.lists(st.sampled_from(batches), max_size=2))
    judge = MemoryStore()
    judge.add(batch_of(*some), "at once")

    added = sum(shared.store.add(batch_of(*batch), "split").added for batch in [*batches, *again])

    query = EventQuery(computers=(computer,), size=size, order=order)
    assert added == judge.info().events
    assert walk(shared.store, query) == walk(judge, query)
