from __future__ import annotations

from datetime import timedelta

import pytest

from app.graph.nodes import Process, Role
from app.graph.tree import ProcessTree, build_tree
from tests.builders import (
    COMPUTER,
    NOON,
    network_connect,
    process_access,
    process_create,
    process_terminate,
)
from tests.unit.graph.families import created, guid, stored


def names(tree: ProcessTree) -> list[str]:
    return [process.image_name.removesuffix(".exe") for process in tree.processes()]


def edges(tree: ProcessTree) -> set[tuple[str, str]]:
    return {(tree.process(a).image_name[:-4], tree.process(b).image_name[:-4]) for a, b in tree.graph.edges}


def only(tree: ProcessTree, name: str) -> Process:
    return next(process for process in tree.processes() if process.image_name == f"{name}.exe")


def test_a_tree_has_the_ancestors_the_target_and_all_descendants_but_no_siblings() -> None:
    store = stored(*(created(n, parent) for n, parent in ((2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 5))))

    tree = build_tree(store, COMPUTER, guid(3))

    assert names(tree) == ["p1", "p2", "p3", "p5", "p6", "p7"]
    assert edges(tree) == {("p1", "p2"), ("p2", "p3"), ("p3", "p5"), ("p3", "p6"), ("p5", "p7")}
    assert [process.role for process in tree.processes()] == [
        Role.ANCESTOR,
        Role.ANCESTOR,
        Role.TARGET,
        *[Role.DESCENDANT] * 3,
    ]
    assert tree.root.image_name == "p1.exe"


def test_a_parent_that_was_never_logged_is_made_from_its_childs_fields() -> None:
    store = stored(created(2, 1, parent_user="EXAMPLE\\bob"))

    parent = build_tree(store, COMPUTER, guid(2)).root

    assert (parent.logged, parent.process_id, parent.image) == (False, 1, "C:\\bin\\p1.exe")
    assert (parent.command_line, parent.user, parent.utc_time) == ("p1.exe /start", "EXAMPLE\\bob", None)
    assert "not logged" in build_tree(store, COMPUTER, guid(2)).notes[0]


def test_what_children_do_not_say_of_an_unlogged_process_comes_from_its_own_events() -> None:
    store = stored(
        created(2, 1, parent_command_line=None),
        network_connect(process_guid=guid(1), user="EXAMPLE\\carol", image="<unknown process>"),
    )

    parent = build_tree(store, COMPUTER, guid(2)).root

    assert (parent.image, parent.user, parent.command_line) == ("C:\\bin\\p1.exe", "EXAMPLE\\carol", None)


def test_a_target_that_was_never_logged_is_made_from_all_that_its_children_say() -> None:
    store = stored(created(2, 1, parent_image=None), created(3, 1))

    tree = build_tree(store, COMPUTER, guid(1))

    assert names(tree) == ["p1", "p2", "p3"]
    assert only(tree, "p1").role is Role.TARGET
    assert not only(tree, "p1").logged


def test_a_target_that_only_connected_is_made_from_that() -> None:
    store = stored(network_connect(process_guid=guid(9), process_id=5452, image="C:\\bin\\p9.exe"))

    process = build_tree(store, COMPUTER, guid(9)).root

    assert (process.process_id, process.image, process.user) == (5452, "C:\\bin\\p9.exe", "EXAMPLE\\alice")


def test_a_target_that_others_only_touched_is_made_from_that() -> None:
    touched = process_access(
        target_process_guid=guid(9),
        target_process_id=516,
        target_image="C:\\bin\\p9.exe",
        target_user="SYSTEM",
    )

    process = build_tree(stored(touched), COMPUTER, guid(9)).root

    assert (process.process_id, process.image, process.user) == (516, "C:\\bin\\p9.exe", "SYSTEM")


def test_an_unknown_image_is_no_image() -> None:
    store = stored(network_connect(process_guid=guid(9), image="<unknown process>"))

    assert build_tree(store, COMPUTER, guid(9)).root.image is None


def test_a_circle_is_cut_and_told_once() -> None:
    store = stored(created(1, 3), created(2, 1), created(3, 2), created(4, 3))

    tree = build_tree(store, COMPUTER, guid(2))

    assert edges(tree) == {("p3", "p1"), ("p1", "p2")}
    assert [note for note in tree.notes if "cut" in note] == [
        "The log says that p2.exe (2) started p3.exe (3), which is its ancestor: the tree is cut there."
    ]


def test_a_process_that_started_itself_is_cut() -> None:
    tree = build_tree(stored(created(1, 1), created(2, 1)), COMPUTER, guid(1))

    assert edges(tree) == {("p1", "p2")}
    assert [note for note in tree.notes if "itself" in note] == [
        "The log says that p1.exe (1) started itself: the tree is cut there."
    ]


@pytest.mark.parametrize("target", [1, 2])
def test_of_a_process_created_twice_the_first_is_shown_and_both_are_evidence(target: int) -> None:
    twice = [
        created(2, 1, command_line=text, time=NOON + timedelta(seconds=s)) for text, s in (("b", 9), ("a", 2))
    ]
    tree = build_tree(stored(created(1, None), *twice), COMPUTER, guid(target))

    edge = tree.to_json()["edges"][0]
    assert edge["evidence"] == [str(twice[1].key), str(twice[0].key)]
    assert edge["count"] == 2
    assert only(tree, "p2").command_line == "a"
    assert len([note for note in tree.notes if "more than once" in note]) == 1


def test_a_process_with_two_parents_in_the_log_keeps_the_first_and_a_note_names_the_other() -> None:
    store = stored(
        created(1, None), created(2, 1), created(3, 1), created(3, 2, time=NOON + timedelta(hours=1))
    )

    tree = build_tree(store, COMPUTER, guid(1))

    assert edges(tree) == {("p1", "p2"), ("p1", "p3")}
    assert any("another parent of p3.exe (3) too, p2.exe (2)" in note for note in tree.notes)


def test_one_guid_on_two_computers_is_two_processes() -> None:
    store = stored(
        created(1, None),
        created(2, 1),
        created(1, None, computer="other.example", image="C:\\bin\\q1.exe"),
        created(3, 1, computer="other.example"),
    )

    assert names(build_tree(store, COMPUTER, guid(1))) == ["p1", "p2"]
    assert names(build_tree(store, "OTHER.example", guid(1))) == ["q1", "p3"]


def test_a_creation_without_a_guid_is_a_leaf_that_says_so() -> None:
    tree = build_tree(stored(created(1, None), created(2, 1, process_guid=None)), COMPUTER, guid(1))

    assert names(tree) == ["p1", "p2"]
    assert only(tree, "p2").process_guid is None
    assert any("without a ProcessGuid" in note for note in tree.notes)


def test_a_parent_without_a_guid_is_shown_and_ends_the_tree() -> None:
    store = stored(created(2, 1, parent_process_guid=None))

    parent = build_tree(store, COMPUTER, guid(2)).root

    assert (parent.process_guid, parent.process_id, parent.logged) == (None, 1, False)


def test_lost_fields_are_missing_and_break_nothing() -> None:
    bare = process_create(
        process_guid=guid(1),
        process_id=None,
        image=None,
        command_line=None,
        user=None,
        utc_time=None,
        parent_process_guid=None,
        parent_process_id=None,
        parent_image=None,
    )

    node = build_tree(stored(bare), COMPUTER, guid(1)).to_json()["nodes"][0]

    fields = ("ProcessId", "Image", "CommandLine", "User", "UtcTime", "ended")
    assert {node[name] for name in fields} == {None}


def test_a_termination_gives_the_end() -> None:
    end = NOON + timedelta(minutes=5)
    store = stored(created(1, None), process_terminate(process_guid=guid(1), time=end))

    assert build_tree(store, COMPUTER, guid(1)).root.ended == end


def test_two_clocks_are_told() -> None:
    store = stored(created(1, None, utc_time=NOON - timedelta(days=11)))

    assert any(
        "2018-12-28" in note and "recorded at 2019-01-08" in note
        for note in build_tree(store, COMPUTER, guid(1)).notes
    )


def test_a_deep_tree_is_survived_from_both_ends() -> None:
    depth = 220
    store = stored(*(created(n + 1, n) for n in range(depth)))

    for end in (0, depth):
        tree = build_tree(store, COMPUTER, guid(end))
        assert [process.process_id for process in tree.processes()] == list(range(depth + 1))


def test_beyond_the_limit_children_are_folded_with_their_number() -> None:
    store = stored(created(1, None), *(created(n, 1) for n in range(2, 12)), created(20, 2), created(21, 2))

    tree = build_tree(store, COMPUTER, guid(1), limit=4)

    assert names(tree) == ["p1", "p2", "p3", "p4"]
    folded = {tree.process(fold.node).image_name: fold.count for fold in tree.folded}
    assert folded == {"p1.exe": 7, "p2.exe": 2}
    assert all("limit is 4" in fold.reason for fold in tree.folded)


def test_a_tree_that_just_fits_folds_nothing() -> None:
    store = stored(created(1, None), created(2, 1), created(3, 1))

    assert build_tree(store, COMPUTER, guid(1), limit=3).folded == ()


def test_ancestors_beyond_the_limit_are_told() -> None:
    store = stored(*(created(n + 1, n) for n in range(9)))

    tree = build_tree(store, COMPUTER, guid(9), limit=3)

    assert names(tree) == ["p7", "p8", "p9"]
    assert [tree.process(fold.node).image_name for fold in tree.folded] == ["p7.exe"]


def test_the_same_events_in_another_order_make_the_same_tree() -> None:
    events = [created(1, None), *(created(n, 1, time=NOON) for n in range(2, 8)), created(9, 4)]

    one = build_tree(stored(*events), COMPUTER, guid(1)).to_json()
    other = build_tree(stored(*reversed(events)), COMPUTER, guid(1)).to_json()

    assert one == other


def test_many_notes_of_one_kind_end_in_a_count() -> None:
    twice = [created(n, 1, time=NOON + timedelta(seconds=s)) for n in range(2, 40) for s in (n, n + 100)]

    tree = build_tree(stored(created(1, None), *twice), COMPUTER, guid(1))

    assert tree.notes[-1] == "And 28 more creations that are logged more than once."


def test_the_json_is_that_of_the_contract() -> None:
    events = created(1, None, user="EXAMPLE\\dan"), created(2, 1)
    tree = build_tree(stored(*events), COMPUTER, guid(2)).to_json()

    assert tree == {
        "target": f"process:ws-01.example:{guid(2)}",
        "nodes": [
            {
                "id": f"process:ws-01.example:{guid(1)}",
                "kind": "process",
                "Computer": "ws-01.example",
                "ProcessGuid": guid(1),
                "ProcessId": 1,
                "Image": "C:\\bin\\p1.exe",
                "CommandLine": '"C:\\Windows\\System32\\cmd.exe" /c whoami',
                "User": "EXAMPLE\\dan",
                "UtcTime": "2019-01-08 12:00:01.000",
                "ended": None,
                "logged": True,
                "role": "ancestor",
            },
            {
                "id": f"process:ws-01.example:{guid(2)}",
                "kind": "process",
                "Computer": "ws-01.example",
                "ProcessGuid": guid(2),
                "ProcessId": 2,
                "Image": "C:\\bin\\p2.exe",
                "CommandLine": '"C:\\Windows\\System32\\cmd.exe" /c whoami',
                "User": "EXAMPLE\\alice",
                "UtcTime": "2019-01-08 12:00:02.000",
                "ended": None,
                "logged": True,
                "role": "target",
            },
        ],
        "edges": [
            {
                "source": f"process:ws-01.example:{guid(1)}",
                "target": f"process:ws-01.example:{guid(2)}",
                "kind": "started",
                "evidence": [str(events[1].key)],
                "count": 1,
            }
        ],
        "folded": [],
        "notes": [],
    }
