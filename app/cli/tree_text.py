"""A process tree as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.text import Text

from app.cli.output import safe, styled
from app.graph.nodes import Process, Role
from app.sysmon.events import time_text

if TYPE_CHECKING:
    from rich.console import Console

    from app.graph.tree import Folded, ProcessTree

DEEPEST_INDENT: Final = 16
"""Levels below this one are no longer indented; their number stands in the line."""


def print_tree(tree: ProcessTree, console: Console, *, wide: bool) -> None:
    """Print the tree, what is folded in it, and its notes; lines are cut to the console's width."""
    for line in tree_lines(tree, wide=wide):
        if console.width < line.cell_len:
            line.truncate(console.width, overflow="ellipsis")
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    for note in tree.notes:
        console.print(Text.assemble(("Note: ", "dim"), safe(note)))


def tree_lines(tree: ProcessTree, *, wide: bool) -> Iterator[Text]:
    """Yield one line per process, parents before children, with guides that show who started whom."""
    folded: dict[tuple[str, ...], list[Folded]] = {}
    for fold in tree.folded:
        folded.setdefault(fold.node, []).append(fold)
    waiting: list[tuple[Process | Folded, str, str, int]] = [(tree.root, "", "", 0)]
    while waiting:
        item, guide, below, depth = waiting.pop()
        if not isinstance(item, Process):
            yield Text.assemble(
                (guide, "dim"), (f"… {item.count:,} more not shown. {item.reason}", "italic yellow")
            )
            continue
        yield _line(item, guide, wide=wide)
        inner: list[Process | Folded] = [*tree.children(item.key), *folded.get(item.key, ())]
        for index, child in reversed(list(enumerate(inner))):
            waiting.append((child, *_guides(below, depth + 1, last=index == len(inner) - 1), depth + 1))


def _guides(below: str, depth: int, *, last: bool) -> tuple[str, str]:
    if depth > DEEPEST_INDENT:
        return f"{below}[{depth}] ", below
    return below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")


def _line(process: Process, guide: str, *, wide: bool) -> Text:
    is_target = process.role is Role.TARGET
    name = process.image if wide else process.image_name
    line = Text.assemble((guide, "dim"), styled(name or "(no Image)", "bold green" if is_target else "bold"))
    line.append(f" ({'?' if process.process_id is None else process.process_id})")
    if is_target:
        line.append(" [target]", "bold green")
    if not process.logged:
        line.append(" [not logged]", "yellow")
    if process.user:
        line.append_text(styled(f"  {process.user}", "cyan"))
    if process.utc_time:
        line.append(f"  {time_text(process.utc_time)}")
    if process.ended:
        line.append(f" to {time_text(process.ended)}", "dim")
    if process.command_line:
        line.append_text(styled(f"  {process.command_line}", "dim"))
    return line
