"""The forest of all processes of a computer with events in a span of time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.graph.correlation import build_correlation
from app.graph.graph_json import to_json, whole
from app.graph.model import GraphSpec, ProcessGraph
from app.graph.nodes import NodeKey
from app.store.port import EventStore
from app.sysmon.kinds import Category
from tests.builders import (
    COMPUTER,
    NOON,
    create_remote_thread,
    dns_query,
    file_create,
    process_create,
    process_terminate,
)
from tests.unit.graph.families import created, guid, stored
from tests.unit.graph.worlds import by, id_of, key, labels

HOUR = timedelta(hours=1)


def forest(
    store: EventStore, *, target: NodeKey | None = None, span: timedelta = HOUR, **said: Any
) -> ProcessGraph:
    limit = {"limit": said.pop("limit")} if "limit" in said else {}
    return build_correlation(
        store, COMPUTER, NOON - span, NOON + span, GraphSpec(**said), target=target, **limit
    )


def shape(graph: ProcessGraph) -> dict[int | None, list[int | None]]:
    """Return the children of each process by their numbers; None: the roots."""
    number = {key: node.process.process_id for key, node in graph.nodes.items()}
    found = {node.process.process_id: [number[c] for c in node.children] for node in graph.nodes.values()}
    roots = sorted(number[key] or 0 for key in (*graph.roots, *graph.quiet))
    return {None: [*roots], **{parent: children for parent, children in found.items() if children}}


def test_processes_that_were_created_in_the_span_stand_below_their_parents() -> None:
    graph = forest(stored(created(2, 1), created(3, 2), created(4, 9)))

    assert shape(graph) == {None: [1, 9], 1: [2], 2: [3], 9: [4]}
    assert not graph.nodes[key(1)].process.logged
    assert graph.total == 5


def test_those_that_only_have_other_events_in_the_span_bring_their_creation_from_any_time() -> None:
    day = timedelta(days=1)
    store = stored(
        created(1, None, time=NOON - 9 * day),
        created(2, 1, time=NOON - 3 * day),
        dns_query(**by(2)),
        created(3, 1, time=NOON - day),  # Nothing of it lies in the span.
    )

    graph = forest(store)

    assert shape(graph) == {None: [1], 1: [2]}
    assert graph.nodes[key(2)].process.logged
    assert graph.nodes[key(2)].process.utc_time == NOON - 3 * day
    assert graph.counts == {Category.DNS: 1}


def test_one_that_was_never_logged_is_made_of_its_events() -> None:
    graph = forest(stored(dns_query(**by(7, image="C:\\x\\seven.exe", user="EXAMPLE\\bob"))))

    (node,) = graph.nodes.values()
    assert (node.process.image, node.process.process_id, node.process.user, node.process.logged) == (
        "C:\\x\\seven.exe",
        7,
        "EXAMPLE\\bob",
        False,
    )


def test_an_unlogged_parent_takes_what_its_events_do_not_say_from_its_children() -> None:
    graph = forest(stored(created(2, 1), dns_query(**by(1, image="C:\\bin\\p1.exe", user="EXAMPLE\\bob"))))

    parent = graph.nodes[key(1)].process
    assert (parent.user, parent.command_line) == ("EXAMPLE\\bob", "p1.exe /start")


def test_the_end_of_the_span_is_outside_and_its_start_inside() -> None:
    store = stored(
        dns_query(**by(1, time=NOON - HOUR)),
        dns_query(**by(2, time=NOON + HOUR)),
        dns_query(**by(3, time=NOON - HOUR - timedelta(microseconds=1))),
    )

    assert shape(forest(store)) == {None: [1]}


def test_other_computers_are_not_there() -> None:
    store = stored(created(2, 1), process_create(computer="ws-02.example"))

    assert shape(forest(store)) == {None: [1], 1: [2]}


def test_nothing_in_the_span_is_an_empty_graph() -> None:
    graph = forest(stored(created(1, None, time=NOON + 5 * HOUR)))

    assert (graph.nodes, graph.roots, graph.quiet, graph.total, graph.gaps) == ({}, (), (), 0, ())


def test_the_target_shows_its_activity_and_is_marked_as_such() -> None:
    graph = forest(
        stored(created(2, 1), created(3, 2), dns_query(**by(3)), file_create(**by(2))), target=key(3)
    )

    assert graph.target == key(3)
    assert labels(graph.nodes[key(3)]) == ["www.example.net"]
    assert labels(graph.nodes[key(2)]) == ["1 event"]
    assert [node.is_spine for node in graph.nodes.values()] == [True, True, True]


def test_a_target_that_has_nothing_in_the_span_is_left_out() -> None:
    assert forest(stored(created(2, 1)), target=key(9)).target is None


def test_a_process_that_was_opened_shows_its_activity() -> None:
    graph = forest(stored(created(2, 1), dns_query(**by(2))), opened=frozenset({id_of(2)}))

    assert labels(graph.nodes[key(2)]) == ["www.example.net"]


# Bands


def test_trees_with_the_target_or_something_rare_or_marked_come_first() -> None:
    common = "C:\\bin\\common.exe"
    store = stored(
        *[created(n, None, image=common) for n in (1, 2, 3, 4)],
        created(5, 4, image=common),
        created(6, 3, image="C:\\bin\\rare.exe"),
        process_create(image=common, computer="ws-02.example"),
    )

    graph = forest(store, target=key(2), mark=r"no such thing")

    assert [graph.nodes[root].process.process_id for root in graph.roots] == [2, 3]
    assert [graph.nodes[root].process.process_id for root in graph.quiet] == [4, 1]


def test_where_nothing_stands_out_there_is_one_band() -> None:
    graph = forest(stored(created(1, None), created(2, None)))

    assert (len(graph.roots), graph.quiet) == (2, ())


def test_a_marked_tree_stands_out() -> None:
    graph = forest(stored(created(1, None), created(2, None)), mark="p2.exe")

    assert (graph.roots, graph.quiet) == ((key(2),), (key(1),))


# What a log may say


def test_b2_d10_circles_are_cut_and_told() -> None:
    graph = forest(stored(created(1, 3), created(2, 1), created(3, 2), created(4, 4)))

    assert shape(graph) == {None: [1, 4], 1: [2], 2: [3]}
    assert len([note for note in graph.notes if "its own ancestor" in note]) == 2


def test_b3_a_creation_that_is_there_twice_makes_one_node() -> None:
    graph = forest(stored(created(2, 1), created(2, 1), created(3, 2)))

    assert shape(graph) == {None: [1], 1: [2], 2: [3]}
    assert len(graph.nodes[key(2)].process.creations) == 2


def test_creations_with_different_parents_are_told() -> None:
    graph = forest(stored(created(3, 1), created(3, 2)))

    assert graph.nodes[key(1)].children == (key(3),)
    assert any("several parents" in note for note in graph.notes)


def test_a_creation_without_a_guid_is_a_node_of_its_own() -> None:
    graph = forest(stored(created(2, 1, process_guid=None), created(3, 1, process_guid=None)))

    assert shape(graph) == {None: [1], 1: [2, 3]}


def test_ends_are_told() -> None:
    end = NOON + timedelta(minutes=9)

    graph = forest(stored(created(1, None), process_terminate(**by(1, time=end))))

    assert graph.nodes[key(1)].process.ended == end


def test_a_thread_into_another_tree_is_a_tie() -> None:
    store = stored(
        created(1, None), created(2, None), create_remote_thread(**by(1, target_process_guid=guid(2)))
    )

    assert [(edge.source, edge.target, edge.kind) for edge in forest(store).edges] == [
        (key(1), key(2), "thread")
    ]


# Size


def test_a_busy_span_comes_out_within_the_budget_and_is_honest() -> None:
    store = stored(*[created(n, n // 40) for n in range(1, 400)])

    graph = forest(store)

    assert graph.visible <= 150
    assert graph.total == 400
    assert sum(fold.count for fold in graph.folds if fold.what == "processes") == 400 - len(graph.nodes)
    assert graph.counts == {Category.CREATE_PROCESS: 399}


def test_of_more_processes_than_the_limit_the_busiest_stay_and_the_rest_is_counted() -> None:
    store = stored(*[dns_query(**by(n)) for n in (1, 2, 3, 3, 4, 4, 5)])

    graph = forest(store, limit=2)

    assert shape(graph) == {None: [3, 4]}
    assert graph.total == 5
    assert graph.folds[0].count == 3


def test_machines_get_all_of_it() -> None:
    store = stored(*[created(n, n // 40) for n in range(1, 200)])

    document = to_json(build_correlation(store, COMPUTER, NOON - HOUR, NOON + HOUR, whole(GraphSpec())))

    assert len([node for node in document["nodes"] if node["kind"] == "process"]) == 200
    assert len([edge for edge in document["edges"] if edge["kind"] == "started"]) == 199
    assert document["target"] is None
