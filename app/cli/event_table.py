"""Found events as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from app.cli.output import styled
from app.sysmon.events import Event, time_text, value_text

if TYPE_CHECKING:
    from rich.console import Console

CLOCKS_APART: Final = timedelta(minutes=1)

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
    overflow: Final = "ignore" if wide else "ellipsis"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("UtcTime", no_wrap=True, overflow=overflow, min_width=0 if wide else 23)
    for heading, share in (("EventId", 2), ("Computer", 2), ("User", 2), ("Image", 3), ("Topic", 6)):
        table.add_column(heading, no_wrap=True, overflow=overflow, ratio=None if wide else share)
    for event in events:
        image = event.image if wide else event.image_name
        table.add_row(
            _times(event),
            Text(f"{event.event_id} {event.kind}"),
            styled(event.computer),
            styled(event.text_of("user")),
            styled(image),
            styled(topic(event)),
        )
    console.print(table, no_wrap=True, overflow=overflow, crop=not wide)


def topic(event: Event) -> str:
    """Return what the event is about in one value: its command line, file, address …"""
    for name in _TOPICS:
        value = event.get(name)
        if value is not None:
            port = event.get("DestinationPort") if name.startswith("Destination") else None
            return value_text(value) if port is None else f"{value}:{port}"
    return ""


def _times(event: Event) -> Text:
    """Return UtcTime; the record time too where it is far off, alone where there is no UtcTime."""
    recorded = f"recorded {time_text(event.time)}"
    if event.utc_time is None:
        return Text(recorded, style="dim")
    text = Text(time_text(event.utc_time))
    if abs(event.time - event.utc_time) > CLOCKS_APART:
        text.append(f"\n{recorded}", style="dim")
    return text
