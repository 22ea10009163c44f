"""A query that cannot be answered raises; it never answers with less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import sleep

import pytest

from app.errors import NotFound, QueryCancelled, QueryTooSlow, StoreUnavailable
from app.store.port import Budget, EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.query import EventQuery
from tests.builders import batch_of, dns_query, process_create
from tests.contract.conftest import Adapter

Question = Callable[[EventStore, Budget | None], object]

SOME = process_create()
QUERY = EventQuery(condition=Match("Image", Operator.CONTAINS, "cmd"))

QUESTIONS: dict[str, Question] = {
    "search": lambda store, budget: store.search(QUERY, budget),
    "search for everything": lambda store, budget: store.search(EventQuery(), budget),
    "count": lambda store, budget: store.count(QUERY, budget),
    "histogram": lambda store, budget: store.histogram(QUERY, timedelta(hours=1), budget),
    "terms": lambda store, budget: store.terms(QUERY, "Image", 10, budget=budget),
    "terms of everything": lambda store, budget: store.terms(EventQuery(), "Image", 10, budget=budget),
    "sorted search": lambda store, budget: store.search(EventQuery(sort="User"), budget),
    "facets": lambda store, budget: store.facets(QUERY, ["Image", "User"], 10, budget=budget),
    "groups": lambda store, budget: store.groups(QUERY, ["Image", "EventId"], budget=budget),
    "rarity": lambda store, budget: store.rarity([("Image", SOME.image or ""), ("MD5", "0A")], budget),
    "event": lambda store, budget: store.event(SOME.key, budget),
    "events": lambda store, budget: store.events([SOME.key], budget),
}
#: Those that the catalogue of a store may answer alone, so they may outlive its files.
ALSO: dict[str, Question] = {"batches": lambda store, _: list(store.batches(0, ["image"]))}

EACH = pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())


@pytest.fixture(autouse=True)
def _filled(store: EventStore) -> None:
    store.add(batch_of(SOME, dns_query()), "import")


@EACH
def test_within_its_budget_a_query_is_answered(store: EventStore, question: Question) -> None:
    assert question(store, Budget(60)) == question(store, None)


@EACH
def test_a_query_over_its_budget_is_too_slow(store: EventStore, question: Question) -> None:
    budget = Budget(0.001)
    sleep(0.002)

    with pytest.raises(QueryTooSlow, match=r"0\.001 seconds"):
        question(store, budget)


@EACH
def test_a_cancelled_query_says_so(store: EventStore, question: Question) -> None:
    budget = Budget(60)
    budget.cancel()

    with pytest.raises(QueryCancelled):
        question(store, budget)


def test_the_store_answers_again_after_queries_that_were_stopped(store: EventStore) -> None:
    for _ in range(3):
        budget = Budget(60)
        budget.cancel()
        with pytest.raises(QueryCancelled):
            store.search(QUERY, budget)

    assert len(store.search(QUERY).events) == 2


def test_a_budget_serves_several_queries(store: EventStore) -> None:
    budget = Budget(60)

    assert len(store.search(QUERY, budget).events) == store.count(QUERY, budget).value == 2


def test_an_event_that_is_not_there_is_not_found_within_the_budget(store: EventStore) -> None:
    with pytest.raises(NotFound):
        store.event(process_create().key, Budget(60))


@pytest.mark.parametrize("question", [*QUESTIONS.values(), *ALSO.values()], ids=[*QUESTIONS, *ALSO])
@pytest.mark.parametrize("when", ["never asked before", "asked before"])
def test_a_store_that_cannot_answer_raises(adapter: Adapter, question: Question, when: str) -> None:
    store = adapter.again()
    before = question(adapter.store, None)
    if when == "asked before":
        question(store, None)

    adapter.set_available(False)
    with pytest.raises(StoreUnavailable) as raised:
        question(store, None)
    adapter.set_available(True)

    assert not isinstance(raised.value, QueryTooSlow | QueryCancelled)
    assert str(raised.value).endswith(".")
    if not isinstance(before, list):
        assert question(store, None) == before
