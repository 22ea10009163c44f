"""``sysmonsearch tree``: the tree of one process."""

from __future__ import annotations

import click

from app.cli.output import console, write_json
from app.settings import Settings


@click.command(name="tree")
@click.option("--computer", "-c", required=True, help="The computer's whole name, in any case.")
@click.option("--guid", "-g", required=True, help="The ProcessGuid, with or without braces.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Show at most so many processes; the rest is counted."
)
@click.option("--wide", is_flag=True, help="Whole paths and command lines, however long.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(
    settings: Settings, computer: str, guid: str, limit: int | None, *, wide: bool, as_json: bool
) -> None:
    """Print the tree of a process: its ancestors and all its descendants.

    Parents that were never logged are made from what their children say of them, and
    marked. Where the log is odd (a process created twice, a circle, two clocks), notes
    below the tree say so.

    \b
    Examples:
      sysmonsearch tree --computer Win7_64JP_01 --guid 5e9636c4-fdf7-5c33-0000-0010c6314d00
      sysmonsearch tree -c Win7_64JP_01 -g '{5E9636C4-FDF7-5C33-0000-0010C6314D00}' --json

    A process's GUID stands in each of its events: sysmonsearch search 'Image:*\\wscript.exe'
    --output json shows it.

    Exit codes: 0, the tree is printed; 1, no such process; 2, wrong arguments; 3, the
    store cannot answer.
    """
    from app.graph.tree import LIMIT, build_tree
    from app.store.open import open_store

    with open_store(settings) as store:
        tree = build_tree(store, computer, guid, limit=LIMIT if limit is None else limit)
        if as_json:
            write_json(tree.to_json())
            return
        from app.cli.tree_text import print_tree

        print_tree(tree, console(wide=wide), wide=wide)
