"""Where nodes stand: never on each other, children right of their parents, always the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.graph.layout import lay_out
from app.graph.model import CrossEdge, ProcessGraph
from app.graph.packing import pack
from app.graph.places import CARD, PILL, Box, Layout
from app.sysmon.kinds import Category
from tests.unit.graph.drawings import (
    activity,
    chain,
    folded,
    forest,
    graph_of,
    guid,
    infected,
    key,
    node,
)


@st.composite
def graphs(draw: st.DrawFn) -> ProcessGraph:
    """Any forest, in one band or two, with edges between any of its processes."""
    size = draw(st.integers(1, 70))
    parents: dict[int, int | None] = {}
    for number in range(size):
        is_root = number == 0 or draw(st.integers(0, 9)) == 0
        parents[number] = None if is_root else draw(st.integers(max(0, number - 6), number - 1))
    acts = {number: draw(st.sampled_from([0, 0, 0, 1, 3, 17, 40])) for number in range(size)}
    edges = draw(st.lists(st.tuples(st.integers(0, size), st.integers(0, size)), max_size=6))
    graph = forest(
        parents,
        acts,
        edges=tuple(
            CrossEdge(source=key(a), target=key(b), kind="remote_thread", label="", count=1) for a, b in edges
        ),
    )
    cut = draw(st.integers(0, len(graph.roots)))
    if not cut or not draw(st.booleans()):
        return graph
    return replace(graph, roots=graph.roots[:cut], quiet=graph.roots[cut:])


def overlap(one: Box, other: Box) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


def places(layout: Layout) -> dict[object, Box]:
    return {placed.node.key: placed.box for placed in layout.processes}


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_nothing_overlaps_and_all_is_inside_the_picture(graph: ProcessGraph) -> None:
    layout = lay_out(graph)
    boxes = list(layout.boxes())

    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
    assert all(box.x >= 0 and box.y >= 0 for box in boxes)
    assert all(box.right <= layout.width and box.bottom <= layout.height for box in boxes)
    assert all(
        0 <= x <= layout.width and 0 <= y <= layout.height for line in layout.lines for x, y in line.points
    )
    assert all(
        a[0] == b[0] or a[1] == b[1]
        for line in layout.lines
        for a, b in zip(line.points, line.points[1:], strict=False)
    )


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_every_node_has_its_place_and_children_stand_right_of_their_parents(graph: ProcessGraph) -> None:
    layout = lay_out(graph)
    where = places(layout)

    assert set(where) == set(graph.nodes)
    assert len(layout.activities) == sum(len(each.activities) for each in graph.nodes.values())
    for each in graph.nodes.values():
        for number, child in enumerate(each.children):
            assert where[child].x > where[each.key].right
            if number == 0:
                assert where[child].y == where[each.key].y
    # No stem of a family runs through a node.
    stems = [line.points for line in layout.lines if line.kind == "started" and len(line.points) == 4]
    for _, (x, y1), (_, y2), _ in stems:
        assert not [box for box in layout.boxes() if box.x < x < box.right and box.y < y2 and box.bottom > y1]


@settings(max_examples=20, deadline=None)
@given(graphs())
def test_the_same_graph_is_placed_the_same(graph: ProcessGraph) -> None:
    assert lay_out(graph) == lay_out(replace(graph, nodes=dict(graph.nodes)))


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(1, 300)), max_size=40), st.integers(100, 1000))
def test_packed_rectangles_do_not_overlap(sizes: list[tuple[int, int]], width: int) -> None:
    boxes = [Box(x, y, w, h) for (x, y), (w, h) in zip(pack(sizes, width), sizes, strict=True)]

    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
    assert all(box.x == 0 or box.right <= width for box in boxes)


def test_many_small_trees_stand_in_columns() -> None:
    graph = forest(dict.fromkeys(range(60)), {})

    layout = lay_out(replace(graph, roots=graph.roots[:1], quiet=graph.roots[1:]))

    assert len({placed.box.x for placed in layout.processes}) > 4
    assert layout.height < 600
    assert [band.is_quiet for band in layout.bands] == [False, True]
    assert [band.trees for band in layout.bands] == [1, 59]


def test_up_to_forty_nodes_are_cards_and_more_are_pills() -> None:
    assert lay_out(chain(40)).look is CARD
    assert lay_out(chain(41)).look is PILL


def test_a_chain_of_thousands_is_one_straight_line() -> None:
    layout = lay_out(chain(5000))

    assert len({placed.box.y for placed in layout.processes}) == 1


def test_the_spine_is_marked_from_the_root_to_the_target() -> None:
    spine = [line for line in lay_out(infected()).lines if line.is_spine]

    assert len(spine) == 1
    assert spine[0].points[0][1] == spine[0].points[-1][1]


def test_hidden_children_are_one_node_behind_the_others() -> None:
    layout = lay_out(graph_of(node(0, [1, 2], hidden_children=5), node(1, [3]), node(2), node(3)))

    (fold,) = layout.folds
    where = places(layout)
    assert fold.box.x == where[key(1)].x
    assert fold.box.y > where[key(2)].y


def test_a_quiet_process_has_its_one_counter_beside_it() -> None:
    graph = graph_of(node(0), node(1, activities=(folded(1, 1, 70),)), roots=[0], quiet=(key(1),))

    (chip,) = lay_out(graph).activities

    assert chip.is_beside
    assert chip.box.x > places(lay_out(graph))[key(1)].right


def test_many_things_hang_in_a_block_below_what_the_process_started() -> None:
    many = tuple(activity(0, number) for number in range(60))
    layout = lay_out(graph_of(node(0, [1, 2], activities=many), node(1), node(2)))

    where = places(layout)
    assert len({placed.box.x for placed in layout.activities}) == 4
    assert min(placed.box.y for placed in layout.activities) > where[key(2)].bottom


def test_a_process_that_is_its_own_ancestor_is_placed_once() -> None:
    layout = lay_out(graph_of(node(0, [1]), node(1, [0, 1])))

    assert len(layout.processes) == 2


def test_an_edge_between_branches_goes_around_what_lies_between() -> None:
    thread = activity(1, 9, key=("thread", "1"))
    edge = CrossEdge(source=thread.key, target=key(3), kind="remote_thread", label="", count=1)
    graph = graph_of(node(0, [1, 2]), node(1, activities=(thread,)), node(2, [3]), node(3), edges=(edge,))

    layout = lay_out(graph)

    (line,) = [line for line in layout.lines if line.kind == "cross"]
    assert line.points[-1][0] == places(layout)[key(3)].x - 1
    for (x1, y1), (x2, y2) in zip(line.points[1:], line.points[2:-1], strict=False):
        way = Box(min(x1, x2), min(y1, y2), abs(x1 - x2) + 1, abs(y1 - y2) + 1)
        assert not [box for box in layout.boxes() if overlap(box, way)]


def test_an_edge_begins_at_what_is_drawn_of_the_deed() -> None:
    thread = activity(1, 9, category=Category.REMOTE_THREAD, details={"TargetProcessGuid": guid(2)})
    edge = CrossEdge(source=key(1), target=key(2), kind="thread", label="", count=1)
    graph = graph_of(node(0, [1, 2]), node(1, activities=(activity(1, 1), thread)), node(2), edges=(edge,))

    layout = lay_out(graph)

    (line,) = [line for line in layout.lines if line.kind == "cross"]
    assert line.points[0] == (layout.activities[1].box.x, layout.activities[1].box.middle)


def test_accesses_by_the_systems_own_processes_are_not_drawn() -> None:
    def lines(**said: Any) -> int:
        edge = CrossEdge(source=key(1), target=key(2), kind="access", label="", count=1)
        layout = lay_out(graph_of(node(0, [1, 2]), node(1, **said), node(2), edges=(edge,)))
        return sum(line.kind == "cross" for line in layout.lines)

    assert lines() == 0
    assert lines(is_rare=True) == lines(is_open=True) == 1


def test_edges_to_what_is_not_drawn_are_left_out() -> None:
    edge = CrossEdge(source=key(0), target=key(9), kind="remote_thread", label="", count=1)

    assert not [line for line in lay_out(graph_of(node(0), edges=(edge,))).lines if line.kind == "cross"]


def test_a_graph_without_nodes_has_a_picture() -> None:
    layout = lay_out(graph_of(roots=[]))

    assert layout.width > 0
    assert layout.height > 0
