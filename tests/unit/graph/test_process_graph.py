"""The graph of one process: who shows what, the budget, life lines, marks and ties."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.errors import NotFound
from app.graph.building import CHILDREN
from app.graph.model import Fold, GraphSpec
from app.graph.process_graph import build_process_graph
from app.store.port import Budget
from app.sysmon.kinds import Category
from tests.builders import (
    COMPUTER,
    NOON,
    create_remote_thread,
    dns_query,
    file_create,
    image_load,
    process_access,
    process_create,
)
from tests.unit.graph.families import created, guid, stored
from tests.unit.graph.worlds import by, elsewhere, graph, id_of, key, labels, only, target

SECOND = timedelta(seconds=1)


def test_the_target_shows_its_activity_and_all_others_one_counter() -> None:
    store = stored(
        created(2, 1),
        created(3, 2),
        file_create(**by(2)),
        dns_query(**by(3)),
        *[file_create(**by(3, target_filename=f"C:\\{n}")) for n in range(3)],
    )

    found = graph(store, 2)

    assert labels(found.nodes[key(2)]) == ["a.exe"]
    counter = only(found.nodes[key(3)], "4 events")
    assert (counter.category, counter.count, counter.opens) == (Category.CREATE_FILE, 4, id_of(3))
    assert counter.title == "4 events: DNS names 1, files 3"
    assert found.nodes[key(3)].counts == {
        Category.CREATE_PROCESS: 1,
        Category.DNS: 1,
        Category.CREATE_FILE: 3,
    }


def test_a_process_that_was_opened_shows_its_activity_too() -> None:
    store = stored(created(2, 1), created(3, 2), dns_query(**by(3)))

    found = graph(store, 2, opened=frozenset({id_of(3)}))

    assert labels(found.nodes[key(3)]) == ["www.example.net"]
    assert [node.is_open for node in found.nodes.values()] == [False, True, True]


def test_the_target_that_was_closed_shows_a_counter() -> None:
    found = graph(stored(created(1, None), dns_query(**by(1))), closed=frozenset({id_of(1)}))

    assert labels(target(found)) == ["1 event"]


def test_the_spine_comes_first_among_children_and_is_named() -> None:
    found = graph(stored(created(2, 1), created(3, 2), created(4, 2), created(5, 3)), 3)

    assert [(node.process.process_id, node.is_spine) for node in found.nodes.values()] == [
        (1, True),
        (2, True),
        (3, True),
        (5, False),
    ]
    assert found.roots == (key(1),)
    assert target(found).is_target


def test_what_is_not_known_is_an_error_that_says_so() -> None:
    with pytest.raises(NotFound):
        graph(stored(created(1, None)), 9)


# The budget


def test_a_tree_of_many_comes_out_within_the_budget_and_is_honest() -> None:
    children = [created(n, 1, image="C:\\bin\\conhost.exe") for n in range(2, 402)]
    store = stored(created(1, None), *children)

    found = graph(store)

    assert found.visible <= 150
    assert found.total == 401
    assert target(found).hidden_children == 400
    assert target(found).hidden == (("conhost.exe", 400),)
    assert target(found).reason == "many alike"
    assert found.folds == (Fold(count=400, what="processes", reason="many alike"),)
    assert found.counts == {Category.CREATE_PROCESS: 401}


def test_children_that_were_opened_show_as_far_as_the_budget_goes() -> None:
    store = stored(created(1, None), *[created(n, 1, image="C:\\c.exe") for n in range(2, 202)])

    found = graph(store, opened=frozenset({id_of(1) + CHILDREN}))

    assert found.visible == 150
    assert target(found).hidden_children == 201 - 150
    assert [child.process.process_id for child in found.nodes.values()][1] == 2


def test_children_that_were_closed_are_counted() -> None:
    found = graph(stored(created(1, None), created(2, 1)), closed=frozenset({id_of(1) + CHILDREN}))

    assert len(found.nodes) == 1
    assert target(found).hidden_children == 1
    assert target(found).reason == "folded by the reader"


def test_counters_are_left_out_where_they_exceed_the_budget_and_that_is_said() -> None:
    store = stored(
        created(1, None),
        *[created(n, 1) for n in range(2, 8)],
        *[dns_query(**by(n)) for n in range(2, 8)],
        dns_query(**by(4)),
    )

    found = graph(store, budget=9)

    assert found.visible == 9
    assert labels(found.nodes[key(4)]) == ["2 events"]
    assert found.folds == (Fold(count=4, what="counters of events", reason="budget"),)


def test_ancestors_beyond_the_budget_are_counted_and_the_target_stays() -> None:
    store = stored(*[created(n, n - 1) for n in range(2, 60)])

    found = graph(store, 59, budget=20)

    assert found.visible <= 20
    assert found.total == 59
    assert target(found).process.process_id == 59
    assert Fold(count=39, what="ancestors", reason="budget") in found.folds
    assert found.roots == (key(40),)


@pytest.mark.parametrize("budget", [1, 2, 3, 10, 1_000])
def test_no_more_than_the_budget_is_drawn(budget: int) -> None:
    store = stored(
        created(1, None),
        *[created(n, n // 3) for n in range(2, 40)],
        *[file_create(**by(n % 40, target_filename=f"C:\\{n}")) for n in range(90)],
    )

    for target_number in (1, 2, 30):
        found = graph(store, target_number, budget=budget, opened=frozenset({id_of(2), id_of(5)}))
        assert found.visible <= budget
        assert found.total == len(found.nodes) + sum(
            fold.count for fold in found.folds if fold.what in ("processes", "ancestors")
        )


def test_the_rest_beyond_the_limit_of_a_tree_is_told() -> None:
    store = stored(created(1, None), *[created(n, 1) for n in range(2, 12)])

    found = build_process_graph(store, COMPUTER, guid(1), GraphSpec(), limit=5)

    assert found.total == 11
    assert [(fold.count, fold.node) for fold in found.folds] == [(6, key(1))]


# Rarity


def test_an_image_of_one_computer_only_is_rare_and_that_of_all_is_not() -> None:
    rare, common = "C:\\bin\\rare.exe", "C:\\bin\\common.exe"
    store = stored(
        created(1, None, image=rare),
        created(2, 1, image=common),
        process_create(image=common, computer="ws-02.example"),
    )

    found = graph(store)

    assert (found.computers, target(found).is_rare) == (2, True)
    assert found.nodes[key(2)].rarity is not None
    assert not found.nodes[key(2)].is_rare


# Times


def test_only_events_of_the_range_are_activity_and_processes_stay() -> None:
    store = stored(
        created(1, None, time=NOON),
        created(2, 1, time=NOON),
        dns_query(**by(1, time=NOON + timedelta(hours=1))),
        file_create(**by(1, time=NOON + timedelta(hours=2))),
    )

    found = graph(store, start=NOON + timedelta(minutes=90), end=NOON + timedelta(hours=3))

    assert len(found.nodes) == 2
    assert labels(target(found)) == ["a.exe"]
    assert found.counts == {Category.CREATE_FILE: 1}
    assert (target(found).first, target(found).last) == (NOON + timedelta(hours=2),) * 2


def test_a_life_line_has_about_a_hundred_steps() -> None:
    lookups = [dns_query(**by(1, time=NOON + timedelta(seconds=n))) for n in range(300)]

    found = graph(stored(created(1, None, time=NOON), *lookups))

    starts = {start for start, _, _ in target(found).ticks}
    assert 70 <= len(starts) <= 140
    assert sum(count for _, _, count in target(found).ticks) == 301
    assert {category for _, category, _ in target(found).ticks} == {Category.CREATE_PROCESS, Category.DNS}


def test_events_at_one_moment_have_a_life_line_too() -> None:
    found = graph(stored(created(1, None, time=NOON), dns_query(**by(1, time=NOON))))

    assert [count for _, _, count in target(found).ticks] == [1, 1]


# Marks


@pytest.mark.parametrize(
    ("word", "marked"),
    [
        ("P2.EXE", [False, True]),
        ("/C WHOAMI", [True, True]),
        ("carol", [False, True]),
        ("  ", [False, False]),
    ],
)
def test_a_word_marks_images_command_lines_and_users_in_any_case(word: str, marked: list[bool]) -> None:
    found = graph(stored(created(1, None), created(2, 1, user="EXAMPLE\\Carol")), mark=word)

    assert [node.is_marked for node in found.nodes.values()] == marked


def test_a_word_marks_what_a_process_touched() -> None:
    found = graph(stored(created(1, None), dns_query(**by(1)), file_create(**by(1))), mark="EXAMPLE.net")

    assert [activity.label for activity in target(found).activities if activity.is_marked] == [
        "www.example.net"
    ]


@pytest.mark.parametrize("spelt", ["{}", "SHA256={}", "sha256:{}", " {} "])
def test_a_hash_marks_the_process_and_the_images_that_have_it(spelt: str) -> None:
    hash_ = "AB" * 32
    store = stored(
        created(1, None),
        created(2, 1, sha256=hash_, hashes=f"SHA256={hash_}"),
        image_load(**by(1, sha256=hash_, hashes=f"SHA256={hash_}")),
        dns_query(**by(1)),
    )

    found = graph(store, mark=spelt.format(hash_.lower()))

    assert [node.is_marked for node in found.nodes.values()] == [False, True]
    assert [activity.label for activity in target(found).activities if activity.is_marked] == ["kernel32.dll"]


# Ties between branches


def test_a_thread_between_processes_that_are_drawn_is_a_tie_and_so_is_access() -> None:
    store = stored(
        created(1, None),
        created(2, 1),
        created(3, 1),
        create_remote_thread(**by(2, target_process_guid=guid(3))),
        process_access(**by(3, target_process_guid=guid(1))),
    )

    assert [(edge.source, edge.target, edge.kind, edge.count) for edge in graph(store).edges] == [
        (key(2), key(3), "thread", 1),
        (key(3), key(1), "access", 1),
    ]


def test_a_parents_access_to_its_child_is_no_tie_nor_is_one_between_processes_not_looked_at() -> None:
    store = stored(
        created(1, None),
        created(2, 1),
        created(3, 1),
        process_access(**by(1, target_process_guid=guid(2))),
        process_access(**by(2, target_process_guid=guid(3))),
    )

    assert graph(store).edges == ()


# Asking


def test_a_budget_is_handed_to_every_question() -> None:
    store, budget = stored(created(1, None), *elsewhere()), Budget(60)
    budget.cancel()

    with pytest.raises(Exception, match="cancelled"):
        build_process_graph(store, COMPUTER, guid(1), GraphSpec(), budget=budget)


def test_reasons_and_labels_are_translated() -> None:
    store = stored(
        created(1, None), *[file_create(**by(1, target_filename=f"C:\\d\\{n}.txt")) for n in range(9)]
    )

    found = build_process_graph(store, COMPUTER, guid(1), GraphSpec(), translate=lambda text: f"«{text}»")

    assert target(found).activities[0].reason == "«many alike»"
    assert target(found).activities[0].label == "«files in d»"
    assert found.folds == (Fold(count=9, what="«objects»", reason="«many alike»"),)


def test_an_old_ancestor_is_counted_in_the_time_of_the_others_unless_it_is_opened() -> None:
    day = timedelta(days=1, seconds=2)
    store = stored(
        created(1, None),
        created(2, 1, time=NOON + day, utc_time=NOON + day),
        *(dns_query(**by(1, time=NOON + day + n * SECOND, record_id=9000 + n)) for n in (0, 30, 60)),
        dns_query(**by(1, record_id=9900)),
        dns_query(**by(2, time=NOON + day + 60 * SECOND, record_id=9901)),
    )

    aside = graph(store, 2).nodes[key(1)]
    whole = graph(store, 2, opened=frozenset({id_of(1)})).nodes[key(1)]
    ranged = graph(store, 2, start=NOON).nodes[key(1)]

    assert aside.counts == {Category.DNS: 3}
    assert aside.counted_within == (NOON + day, NOON + day + 60 * SECOND)
    assert whole.counts[Category.DNS] == ranged.counts[Category.DNS] == 4
    assert whole.counted_within is ranged.counted_within is None
    assert sum(n for _, _, n in aside.ticks) == 3


def test_what_an_ancestor_did_before_the_target_counts() -> None:
    store = stored(
        created(1, None), created(2, 1, time=NOON + 60 * SECOND), dns_query(**by(1, time=NOON + SECOND))
    )

    assert graph(store, 2).nodes[key(1)].counts == {Category.CREATE_PROCESS: 1, Category.DNS: 1}


def test_life_lines_have_the_steps_of_the_target_however_long_its_ancestors_live() -> None:
    store = stored(
        created(1, None),
        dns_query(**by(1, time=NOON + timedelta(hours=12), record_id=9000)),
        created(2, 1, time=NOON + timedelta(hours=1)),
        *(
            dns_query(**by(2, time=NOON + timedelta(hours=1, seconds=n), record_id=9001 + n))
            for n in range(60)
        ),
    )

    assert len({start for start, _, _ in target(graph(store, 2)).ticks}) > 50
