"""``sysmonsearch store copy``: all events of one store into another, and the proof that they are there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click

from app.cli.main import INTERRUPTED
from app.cli.output import safe, write_json
from app.cli.stopping import interruptible
from app.errors import SysmonSearchError
from app.settings import Settings

if TYPE_CHECKING:
    from app.store.comparing import Compared
    from app.store.copying import Copied, Copy
    from app.store.sides import Side

SHOWN: Final = 20
"""So many differences are printed."""
MOST_DIFFERENCES: Final = 1_000
"""So many are in the JSON object."""

_PATIENCE_SECONDS: Final = 120.0
"""An Elasticsearch takes a writer for dead after 90 seconds."""

Draw = Callable[[int, int], None]


@dataclass(slots=True)
class _Done:
    """What was done, for the report at the end."""

    source: Side
    target: Side
    copied: Copied | None = None
    compared: Compared | None = None
    seconds: float = 0.0
    began: float = field(default_factory=monotonic)


@click.command(name="copy")
@click.option("--from", "origin", required=True, metavar="STORE", help="Store to read.")
@click.option("--to", "goal", required=True, metavar="STORE", help="Store to add to.")
@click.option("--verify", "only_verify", is_flag=True, help="Compare only; copy nothing.")
@click.option("--no-verify", is_flag=True, help="Copy only; do not compare afterwards.")
@click.option("--anew", is_flag=True, help="Read from the beginning, not from where an earlier copy ended.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def copy(ctx: click.Context, /, origin: str, goal: str, **flags: bool) -> None:
    """Copy all events from one store into another, and compare both.

    STORE is embedded: (below the data folder of the settings), embedded:/another/data/folder,
    or an address as SYSMONSEARCH_STORE has it. User, password, prefix and the like of an
    Elasticsearch are those of the settings. Of the store that is read, what others have
    written (winlogbeat-* where the address names nothing) is copied too; in the other one only
    the program's own indices count.

    \b
    Examples:
      sysmonsearch store copy --from embedded: --to elasticsearch+https://es-1:9200
      sysmonsearch store copy --from elasticsearch+https://es-1:9200/- --to embedded:/srv/sysmon
      sysmonsearch store copy --from embedded: --to embedded:/mnt/second --verify

    Events are added in the order in which they were stored; one that is there already is not
    added again. A copy that was stopped or killed is finished by the same command, from where
    it was: that is kept in copies/ below the data folder. Batches get new numbers, and their
    source is the copy. What is stored meanwhile, and what others stored within the last
    minute, is left out: the same command again copies it.

    Then the keys of all events on both sides are compared, in either order, each event once
    however often it lies there. It takes 12 bytes an event below the data folder meanwhile.

    Ctrl-C stores what was read so far and ends; a second one ends at once.

    Exit codes: 0, all of it is there; 1, events are missing, or an error ended it early; 2, an
    option is wrong, or both are one store; 3, a store cannot answer; 130, Ctrl-C.
    """
    from app.store.sides import check_apart, source_side, target_side

    if flags["only_verify"] and (flags["no_verify"] or flags["anew"]):
        raise click.UsageError("--verify goes neither with --no-verify nor with --anew.")
    settings: Settings = ctx.obj
    source, target = source_side(origin, settings), target_side(goal, settings)
    check_apart(source, target)
    done = _Done(source, target)
    _run(settings, done, flags)
    done.seconds = monotonic() - done.began
    if flags["as_json"]:
        write_json(_document(done))
    else:
        _print(done)
    ctx.exit(_exit_code(done))


def _run(settings: Settings, done: _Done, flags: dict[str, bool]) -> None:
    """Copy and compare, as far as it is asked for."""
    from app.store.comparing import compare
    from app.store.copying import Copy, Kept

    folder = settings.data / "copies"
    with done.source.open() as source, done.target.open() as target:
        if not flags["only_verify"]:
            kept = Kept(settings.data, done.source, done.target)
            with interruptible() as stop, _bar("Copying") as draw:
                copying = Copy(kept, source, target, lambda now: draw(now.read, now.total), stop)
                done.copied = _copied(copying, anew=flags["anew"])
        stopped = done.copied is not None and not done.copied.complete
        if not stopped and not flags["no_verify"]:
            until = done.copied.mark.through if done.copied else None
            total = source.info().events + target.info().events
            with _bar("Comparing") as draw:
                done.compared = compare(
                    source,
                    target,
                    folder,
                    until=until,
                    patience=_PATIENCE_SECONDS if done.target.has_margin else 0.0,
                    on_read=lambda rows: draw(rows, total),
                )


def _copied(copying: Copy, *, anew: bool) -> Copied:
    """Copy; where that fails, say what becomes of what was copied before."""
    try:
        return copying.run(anew=anew)
    except SysmonSearchError:
        click.echo("What was copied so far stays, and the same command goes on from there.", err=True)
        raise


@contextmanager
def _bar(title: str) -> Iterator[Draw]:
    """Yield what draws a bar on the terminal, from what is done and the total."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} events", markup=False),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=max(done, total))


def _document(done: _Done) -> dict[str, Any]:
    """Return the report for programs."""
    document: dict[str, Any] = {"from": done.source.name, "to": done.target.name, "seconds": done.seconds}
    if done.copied is not None:
        copied = asdict(done.copied)
        mark = copied.pop("mark")
        whole = {"through": mark["through"], "read_in_all": mark["read"], "added_in_all": mark["added"]}
        document["copied"] = {**copied, "duplicates": copied["read"] - copied["added"], **whole}
    if done.compared is not None:
        compared = asdict(done.compared)
        compared["differing_kinds"] = len(compared["differences"])
        compared["differences"] = compared["differences"][:MOST_DIFFERENCES]
        document["compared"] = compared
    return document


def _print(done: _Done) -> None:
    """Print the report for people."""
    if done.copied is not None:
        _print_copied(done.copied)
    if done.compared is not None:
        _print_compared(done.compared)
    click.echo(f"{'Seconds':<16}{done.seconds:>14.1f}")


def _print_copied(copied: Copied) -> None:
    rows = {
        "Events read": copied.read,
        "  added": copied.added,
        "  stored before": copied.read - copied.added,
    }
    for label, number in rows.items():
        click.echo(f"{label:<16}{number:>14,}")
    if copied.resumed:
        click.echo(f"An earlier copy was continued: {copied.mark.read:,} events were read in all.")
    if not copied.complete:
        click.echo("Stopped. Nothing is half done: the same command again goes on.", err=True)
    elif copied.left_out:
        click.echo(
            "The source has newer events, stored meanwhile or within the last minute: the same command again,"
            " a minute from now, copies them."
        )


def _print_compared(compared: Compared) -> None:
    rows = {
        "In the source": compared.source,
        "In the target": compared.target,
        "Missing there": compared.missing,
        "Only there": compared.more,
    }
    for label, number in rows.items():
        click.echo(f"{label:<16}{number:>14,}")
    if compared.repeated:
        click.echo(f"The source holds {compared.repeated:,} further copies of its events.")
    lacking = [one for one in compared.differences if one.missing]
    for one in lacking[:SHOWN]:
        click.echo(
            f"  {safe(one.computer)}, event ID {one.event_id}: {one.source:,} in the source,"
            f" {one.target:,} in the target, {one.missing:,} missing"
        )
    if len(lacking) > SHOWN:
        click.echo(f"  … and {len(lacking) - SHOWN:,} more pairs of computer and event ID.")
    for key in compared.examples:
        click.echo(f"  missing: {safe(key)}")
    if compared.missing:
        click.echo(
            "Events are missing in the target. Copy again, with --anew if that does not help: events that"
            " others stored late stand in front of what was copied. Retention may have dropped old ones."
        )
    else:
        click.echo("Every event of the source is in the target.")


def _exit_code(done: _Done) -> int:
    if done.copied is not None and not done.copied.complete:
        return INTERRUPTED
    return 1 if done.compared is not None and done.compared.missing else 0
