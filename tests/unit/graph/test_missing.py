from __future__ import annotations

import pytest

from app.errors import BadQuery, NotFound, QueryTooSlow, StoreUnavailable
from app.graph.tree import build_tree
from app.store.port import Budget
from tests.builders import COMPUTER
from tests.memory_store import MemoryStore
from tests.unit.graph.families import created, guid, stored


def test_a_process_of_which_nothing_is_stored_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"No event of the process .* is stored of ws-01.example"):
        build_tree(stored(created(1, None)), COMPUTER, guid(2))


@pytest.mark.parametrize("name", ["ws-01", "WS-01.corp.example", "ws-02.example", "ws-1"])
def test_an_unknown_computer_suggests_the_nearest_name(name: str) -> None:
    with pytest.raises(NotFound, match=r"Did you mean ws-01\.example\?"):
        build_tree(stored(created(1, None)), name, guid(2))


def test_a_computer_like_no_other_is_told_which_are_stored() -> None:
    with pytest.raises(NotFound, match=r"Stored are ws-01\.example\."):
        build_tree(stored(created(1, None)), "zzz", guid(2))


def test_a_process_of_another_computer_is_told() -> None:
    with pytest.raises(NotFound, match=r"it is stored of ws-01\.example: ask for it there"):
        build_tree(stored(created(2, 1), created(1, None, computer="b.example")), "b.example", guid(2))


def test_an_empty_store_says_so() -> None:
    with pytest.raises(NotFound, match="import logs first"):
        build_tree(MemoryStore(), COMPUTER, guid(1))


def test_a_store_that_cannot_answer_is_no_empty_tree() -> None:
    store = stored(created(1, None))
    store.available = False

    with pytest.raises(StoreUnavailable):
        build_tree(store, COMPUTER, guid(1))


def test_a_used_up_budget_says_how_to_ask_for_less() -> None:
    with pytest.raises(QueryTooSlow, match="smaller limit"):
        build_tree(stored(created(1, None)), COMPUTER, guid(1), budget=Budget(0))


def test_a_limit_below_one_is_a_bad_query() -> None:
    with pytest.raises(BadQuery, match="at least one process"):
        build_tree(MemoryStore(), COMPUTER, guid(1), limit=0)
