"""Trees as large as they come, over the embedded store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from app.graph.correlation import build_correlation
from app.graph.model import BUDGET, GraphSpec
from app.graph.process_graph import build_process_graph
from app.graph.tree import build_tree
from app.settings import Settings
from app.store.open import open_store
from app.sysmon.events import Event
from app.sysmon.kinds import Category
from tests.builders import COMPUTER, NOON, batch_of, process_create, process_terminate

CHILDREN = 10_000


def guid(number: int) -> str:
    return f"5c3485a0-aaaa-0000-0010-{number:012x}"


def created(number: int, parent: int) -> Event:
    return process_create(
        time=NOON + timedelta(seconds=number),
        process_guid=guid(number),
        process_id=number,
        parent_process_guid=guid(parent),
    )


def store_of(settings: Settings, events: Iterable[Event]) -> None:
    with open_store(settings) as store:
        store.add(batch_of(*events), "test")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A process with 10,000 children, of which the last has a child of its own, and ended."""
    settings = Settings(data=tmp_path_factory.mktemp("wide"))
    children = [created(number + 1, 0) for number in range(CHILDREN)]
    ended = process_terminate(process_guid=guid(CHILDREN), time=NOON + timedelta(days=1))
    store_of(settings, [*children, created(CHILDREN + 1, CHILDREN), ended])
    return settings


def test_ten_thousand_children_are_all_there(wide: Settings) -> None:
    with open_store(wide) as store:
        tree = build_tree(store, COMPUTER, guid(0))

    assert len(tree.graph) == CHILDREN + 2
    assert tree.folded == ()
    assert [process.process_id for process in tree.children(tree.target)] == list(range(1, CHILDREN + 1))
    last = tree.children(tree.target)[-1]
    assert [child.process_id for child in tree.children(last.key)] == [CHILDREN + 1]
    assert last.ended == NOON + timedelta(days=1)


def test_of_ten_thousand_children_those_beyond_the_limit_are_counted(wide: Settings) -> None:
    with open_store(wide) as store:
        tree = build_tree(store, COMPUTER, guid(0), limit=100)

    assert len(tree.graph) == 100
    assert [(fold.node, fold.count) for fold in tree.folded] == [(tree.target, CHILDREN - 99)]


def test_a_deep_chain_is_followed_to_both_ends(settings: Settings) -> None:
    depth = 210
    store_of(settings, [created(number + 1, number) for number in range(depth)])

    with open_store(settings) as store:
        tree = build_tree(store, COMPUTER, guid(depth // 2))

    assert [process.process_id for process in tree.processes()][1:] == list(range(1, depth + 1))
    assert tree.to_json()["nodes"][-1]["role"] == "descendant"


def test_the_graph_of_ten_thousand_children_is_within_its_budget_and_counts_them_all(wide: Settings) -> None:
    with open_store(wide) as store:
        graph = build_process_graph(store, COMPUTER, guid(0), GraphSpec())

    assert graph.visible <= BUDGET
    assert graph.total == CHILDREN + 2
    folded = sum(fold.count for fold in graph.folds if fold.what == "processes")
    assert len(graph.nodes) + folded == CHILDREN + 2
    assert graph.counts[Category.CREATE_PROCESS] == CHILDREN + 1


def test_the_forest_of_ten_thousand_processes_is_within_its_budget_and_counts_them_all(
    wide: Settings,
) -> None:
    with open_store(wide) as store:
        graph = build_correlation(store, COMPUTER, None, None, GraphSpec())

    assert graph.visible <= BUDGET
    assert graph.total == CHILDREN + 2
