"""Which processes fold when they are too many, in which order, and what is said of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.graph.folding import Folding, Rank, alike_ranks, fold_to
from app.graph.forest import Forest
from app.graph.nodes import NodeKey, Process
from tests.builders import COMPUTER, NOON
from tests.unit.graph.families import guid
from tests.unit.graph.worlds import key


def forest(parents: dict[int, int | None], images: dict[int, str] | None = None) -> Forest:
    """Return processes by number with their parents; an image may be given to each."""
    processes = {
        key(number): Process(
            key=key(number),
            computer=COMPUTER,
            process_guid=guid(number),
            process_id=number,
            image=f"C:\\bin\\{(images or {}).get(number, f'p{number}')}.exe",
            utc_time=NOON + timedelta(seconds=number),
        )
        for number in parents
    }
    return Forest(processes, {key(n): key(parent) for n, parent in parents.items() if parent is not None})


def numbers(keys: object) -> set[int]:
    return {int(each[2][-12:], 16) for each in keys}  # type: ignore[attr-defined]


def folded(
    trees: Forest, room: int, ranks: dict[NodeKey, Rank] | None = None, closed: tuple[int, ...] = ()
) -> Folding:
    never = {key(1): Rank.NEVER}
    return fold_to(trees, {**alike_ranks(trees), **(ranks or {}), **never}, {key(n) for n in closed}, room)


FAMILY = {1: None, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4}


def test_nothing_folds_where_there_is_room() -> None:
    assert folded(forest(FAMILY), 6).reasons == {}


def test_leaves_fold_first_the_deepest_and_the_latest() -> None:
    trees = forest(FAMILY)

    assert numbers(folded(trees, 5).reasons) == {6}
    assert numbers(folded(trees, 4).reasons) == {6, 5}
    assert numbers(folded(trees, 1).reasons) == {2, 3, 4, 5, 6}


def test_what_most_computers_have_folds_before_all_else() -> None:
    folding = folded(forest(FAMILY), 5, {key(3): Rank.COMMON})

    assert {n: folding.reasons[key(n)] for n in numbers(folding.reasons)} == {3: "common on most computers"}


def test_siblings_with_one_image_fold_together() -> None:
    trees = forest({1: None, **dict.fromkeys(range(2, 8), 1)}, dict.fromkeys(range(2, 6), "CONHOST"))

    folding = folded(trees, 6)

    assert numbers(folding.reasons) == {2, 3, 4, 5}
    assert set(folding.reasons.values()) == {"many alike"}
    assert folding.hidden == {key(1): {"CONHOST.exe": 4}}


def test_a_process_above_one_that_never_folds_stays() -> None:
    folding = folded(forest(FAMILY), 1, {key(6): Rank.NEVER})

    assert numbers(folding.reasons) == {3, 5}


def test_rare_ones_stay_until_nothing_else_is_left() -> None:
    ranks = {key(5): Rank.RARE, key(6): Rank.RARE}

    assert numbers(folded(forest(FAMILY), 5, ranks).reasons) == {3}
    folding = folded(forest(FAMILY), 4, ranks)
    assert folding.reasons == {key(3): "started nothing that is drawn", key(6): "budget"}


def test_what_is_folded_is_counted_on_the_nearest_process_that_is_drawn() -> None:
    folding = folded(forest(FAMILY), 3, {key(5): Rank.PICKED})

    assert numbers(folding.reasons) == {3, 4, 6}
    assert {numbers([holder]).pop(): sum(some.values()) for holder, some in folding.hidden.items()} == {
        1: 1,
        2: 2,
    }


def test_the_reader_folds_what_he_likes_but_not_the_way_to_the_target() -> None:
    trees = forest(FAMILY)

    assert numbers(folded(trees, 9, closed=(2,)).reasons) == {4, 5, 6}
    kept = fold_to(trees, {key(4): Rank.NEVER}, {key(1), key(2)}, 9)
    assert numbers(kept.reasons) == {3, 5, 6}
    assert set(kept.reasons.values()) == {"folded by the reader"}


@pytest.mark.parametrize("shape", ["chain", "star"])
def test_twenty_thousand_processes_fold_in_a_moment(shape: str) -> None:
    many = range(2, 20_001)
    parents = {n: n - 1 if shape == "chain" else 1 for n in many}

    folding = folded(forest({1: None, **parents}), 150)

    assert len(folding.reasons) == 20_000 - 150
    assert sum(some.total() for some in folding.hidden.values()) == 20_000 - 150
