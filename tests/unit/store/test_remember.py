"""Answers of the store that are remembered, and when they are forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import StoreUnavailable
from app.graph.correlation import build_correlation
from app.graph.model import GraphSpec
from app.graph.process_graph import build_process_graph
from app.store.port import Groups
from app.store.remember import MOST_BYTES, Answers, Remembering
from app.sysmon.query import EventQuery
from tests.builders import COMPUTER, batch_of, dns_query, file_create
from tests.memory_store import MemoryStore
from tests.unit.graph.families import created, guid
from tests.unit.graph.worlds import by, graph, id_of, labels, target


class Counting(MemoryStore):
    """A store that counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def groups(self, *arguments: Any, **said: Any) -> Groups:
        self.asked += 1
        return super().groups(*arguments, **said)


@pytest.fixture
def store() -> Counting:
    store = Counting()
    store.add(batch_of(created(1, None), created(2, 1), dns_query(**by(1)), file_create(**by(2))), "test")
    return store


def test_the_same_graph_asks_nothing_again(store: Counting) -> None:
    first = graph(store)
    asked = store.asked

    assert graph(store) == first
    assert store.asked == asked


def test_another_view_of_the_same_graph_asks_only_what_is_new(store: Counting) -> None:
    graph(store)
    asked = store.asked

    graph(store, opened=frozenset({id_of(2)}))

    assert store.asked - asked <= 2


def test_what_was_stored_since_is_seen_at_once(store: Counting) -> None:
    assert labels(target(graph(store))) == ["www.example.net"]

    store.add(batch_of(dns_query(**by(1, query_name="new.example.net"))), "test")

    assert labels(target(graph(store))) == ["new.example.net", "www.example.net"]


def test_each_language_has_its_own_words(store: Counting) -> None:
    def counter(translate: Any) -> str:
        found = build_process_graph(
            store, COMPUTER, guid(1), GraphSpec(closed=frozenset({id_of(1)})), translate=translate
        )
        return labels(target(found))[0]

    assert counter(str) == "1 event"
    assert counter(lambda text: text.replace("event", "Ereignis")) == "1 Ereignis"
    assert counter(str) == "1 event"


def test_two_stores_do_not_share_answers(store: Counting) -> None:
    graph(store)
    other = Counting()
    other.add(batch_of(created(1, None), created(2, 1), file_create(**by(1)), file_create(**by(2))), "test")

    assert labels(target(graph(other))) == ["a.exe"]


def test_a_store_that_is_down_is_down_whatever_is_remembered(store: Counting) -> None:
    graph(store)
    store.available = False

    with pytest.raises(StoreUnavailable):
        graph(store)
    with pytest.raises(StoreUnavailable):
        build_correlation(store, COMPUTER, None, None, GraphSpec())


def test_an_error_is_not_remembered(store: Counting) -> None:
    asked = Remembering(store)
    store.available = False
    with pytest.raises(StoreUnavailable):
        asked.groups(EventQuery(), ("EventId",))
    store.available = True

    assert len(asked.groups(EventQuery(), ("EventId",)).rows) == 3


def test_memory_is_bounded_and_the_longest_unused_answers_go_first() -> None:
    answers, state, size = Answers(), (1, 1), MOST_BYTES // 5
    answers.get(state, 0)
    for number in range(5):
        answers.put(state, number, "answer", size)
    answers.get(state, 0)
    answers.put(state, 5, "answer", size)

    assert [number for number in range(6) if answers.get(state, number)] == [0, 2, 3, 4, 5]
    answers.put(state, 6, "huge", MOST_BYTES)
    assert answers.get(state, 6) is None


def test_answers_to_an_older_store_are_not_put() -> None:
    answers = Answers()
    assert answers.get((2, 2), "question") is None

    answers.put((1, 1), "question", "old", 1)

    assert answers.get((2, 2), "question") is None
