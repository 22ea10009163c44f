"""Found events as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from app.cli.output import styled
from app.sysmon.events import Event, time_text, value_text

if TYPE_CHECKING:
    from rich.console import Console

CLOCKS_APART: Final = timedelta(minutes=1)

_COLUMNS: Final = ("UtcTime", "EventId", "Computer", "User", "Image", "Topic")
_GAP: Final = 2
_NARROWEST: Final = 7

#: What an event is about, by the first of these that it has.
_TOPICS: Final = (
    "CommandLine",
    "TargetFilename",
    "TargetObject",
    "PipeName",
    "ImageLoaded",
    "QueryName",
    "TargetImage",
    "DestinationHostname",
    "DestinationIp",
    "Query",
    "Destination",
    "Consumer",
    "Device",
    "Type",
    "State",
    "Configuration",
    "Description",
)


def print_events(events: Sequence[Event], console: Console, *, wide: bool) -> None:
    """Print one row per event; cells are cut to the console's width, unless ``wide``."""
    rows = [row for event in events for row in _rows(event, wide=wide)]
    if not wide:
        widths = _widths(rows, console.width)
        for row in rows:
            for cell, width in zip(row, widths, strict=True):
                cell.truncate(width, overflow="ellipsis")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in _COLUMNS:
        table.add_column(heading, no_wrap=True, overflow="ignore")
    for row in rows:
        table.add_row(*row)
    with console.capture() as captured:
        console.print(table, no_wrap=True, overflow="ignore", crop=False)
    for line in captured.get().splitlines():
        console.file.write(f"{line.rstrip()}\n")  # Rich fills the last column with blanks.


def _rows(event: Event, *, wide: bool) -> Iterator[list[Text]]:
    """Yield the event's row, and one with its record time where that is far from UtcTime."""
    time = event.utc_time or event.time
    yield [
        Text(time_text(time)),
        Text(f"{event.event_id} {event.kind}"),
        styled(event.computer),
        styled(event.text_of("user")),
        styled(event.image if wide else event.image_name),
        styled(topic(event)),
    ]
    if event.utc_time is None or abs(event.time - event.utc_time) > CLOCKS_APART:
        yield [Text(time_text(event.time), "dim"), Text("recorded", "dim"), *(Text() for _ in range(4))]


def _widths(rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Share a line: the topic has what the others leave, and they leave it a third of the line.

    The time is never cut.
    """
    longest = [
        max(len(heading), *(row[place].cell_len for row in rows)) for place, heading in enumerate(_COLUMNS)
    ]
    time, others = longest[0], longest[1:-1]
    room = width * 2 // 3 - time - _GAP * len(others)
    while sum(others) > room and max(others) > _NARROWEST:
        others[others.index(max(others))] -= 1
    return [time, *others, max(_NARROWEST, width - time - sum(others) - _GAP * (len(others) + 1))]


def topic(event: Event) -> str:
    """Return what the event is about in one value: its command line, file, address …"""
    for name in _TOPICS:
        value = event.get(name)
        if value is not None:
            port = event.get("DestinationPort") if name.startswith("Destination") else None
            return value_text(value) if port is None else f"{value}:{port}"
    return ""
