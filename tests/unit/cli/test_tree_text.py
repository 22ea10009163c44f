from __future__ import annotations

import io
from datetime import timedelta

from rich.console import Console

from app.cli.tree_text import print_tree
from app.graph.tree import build_tree
from app.sysmon.events import Event
from tests.builders import COMPUTER, NOON, batch_of, process_create, process_terminate
from tests.memory_store import MemoryStore

ROOT, CHILD, LEAF = (f"5c3485a0-aaaa-0000-0010-00000000000{n}" for n in range(3))


def printed(
    *events: Event, target: str, width: int = 1000, wide: bool = False, limit: int = 100
) -> list[str]:
    store = MemoryStore()
    store.add(batch_of(*events), "test")
    console = Console(
        file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False, soft_wrap=True
    )
    print_tree(build_tree(store, COMPUTER, target, limit=limit), console, wide=wide)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def family() -> list[Event]:
    child = process_create(
        process_guid=CHILD,
        process_id=2,
        image="C:\\bin\\child.exe",
        command_line="child /x",
        parent_process_guid=ROOT,
        parent_process_id=1,
        parent_image="C:\\bin\\root.exe",
        parent_command_line="root",
    )
    leaf = process_create(
        process_guid=LEAF,
        process_id=3,
        image="C:\\bin\\leaf.exe",
        command_line="leaf",
        parent_process_guid=CHILD,
        time=NOON + timedelta(seconds=1),
    )
    return [child, leaf]


def test_a_tree_shows_who_started_whom_and_what_was_not_logged() -> None:
    end = process_terminate(process_guid=LEAF, time=NOON + timedelta(seconds=5))
    assert printed(*family(), end, target=CHILD)[:3] == [
        "root.exe (1) [not logged]  root",
        "└─ child.exe (2) [target]  EXAMPLE\\alice  2019-01-08 12:00:00.000  child /x",
        "   └─ leaf.exe (3)  EXAMPLE\\alice  2019-01-08 12:00:01.000 to 2019-01-08 12:00:05.000  leaf",
    ]


def test_notes_stand_below_the_tree() -> None:
    assert printed(*family(), target=CHILD)[-1].startswith("Note: The creation of root.exe (1) is not logged")


def test_lines_are_cut_to_the_width_unless_wide() -> None:
    long = process_create(process_guid=LEAF, command_line="x" * 5000)

    assert len(printed(long, target=LEAF, width=60)[1]) == 60
    assert printed(long, target=LEAF, width=60)[1].endswith("…")
    assert "x" * 5000 in "".join(printed(long, target=LEAF, width=100_000, wide=True))


def test_wide_shows_the_whole_path() -> None:
    assert "C:\\bin\\child.exe (2)" in printed(*family(), target=CHILD, wide=True)[1]


def test_siblings_and_what_is_folded_stand_below_their_parent() -> None:
    children = [
        process_create(process_guid=LEAF[:-1] + digit, process_id=4, parent_process_guid=CHILD)
        for digit in "abcdef"
    ]
    lines = printed(family()[0], *children, target=CHILD, limit=4)

    assert [line[:6] for line in lines[2:5]] == ["   ├─ ", "   ├─ ", "   └─ "]
    assert "… 4 more not shown" in lines[4]


def test_hostile_text_is_made_harmless_and_keeps_its_line() -> None:
    hostile = "[bold red]\x1b]0;owned\x07\r\n└─ fake.exe (1)\u202e"
    lines = printed(
        process_create(
            process_guid=LEAF,
            image=f"C:\\{hostile}",
            user=hostile,
            command_line=hostile,
            parent_process_guid=None,
            parent_process_id=None,
            parent_image=None,
        ),
        target=LEAF,
    )

    assert len(lines) == 1
    assert lines[0].count("[bold red]\\x1b]0;owned\\x07\\r\\n└─ fake.exe (1)\\u202e") == 3


def test_a_deep_tree_is_not_indented_out_of_sight() -> None:
    guids = [f"5c3485a0-aaaa-0000-0010-{n:012x}" for n in range(1, 60)]
    chain = [
        process_create(process_guid=guid, parent_process_guid=parent, process_id=7)
        for parent, guid in zip([None, *guids], guids, strict=False)
    ]
    lines = printed(*chain, target=guids[0])

    assert max(line.index("cmd.exe") for line in lines[:59] if "cmd.exe" in line) < 60
    assert "[58] cmd.exe (7)" in "".join(lines)
