"""Events as rows of a table: bursts folded, days and gaps between them, users filled in.

The search page, the hour around an event and the events of a process show the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import ClassVar, Final

from app.store.port import Budget, EventStore
from app.sysmon.events import Event, EventKey
from app.sysmon.text import fold
from app.web import links
from app.web.formats import base_name, clock, day, span, utc
from app.web.texts import _
from app.web.users import ProcessOf, User, user_of, users_of
from app.web.what import What, short, what_together

CLOCKS_APART: Final = timedelta(minutes=1)
"""From here on an event's two times are both shown."""

PAUSE: Final = timedelta(seconds=10)
"""A burst ends where nothing alike comes for so long."""

LEAST_GAP: Final = timedelta(minutes=5)
"""Shorter silences are nothing to speak of."""

LONGEST_LINK: Final = 1_000
"""Longer addresses are not offered: no Windows computer has such a name."""

#: The events that fold, and the field in which those of one burst must be alike.
_FOLDING: Final[dict[int, str | None]] = {
    2: None,
    3: "DestinationIp",
    7: None,
    9: "Device",
    10: "TargetImage",
    11: None,
    12: None,
    13: None,
    14: None,
    15: None,
    17: None,
    18: None,
    22: None,
    23: None,
    26: None,
}


@dataclass(frozen=True, slots=True)
class Silence:
    """A span of record time in which nothing was received."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(slots=True)
class Burst:
    """Events that are alike and follow each other closely, in the order of the results."""

    events: list[Event]

    @property
    def first(self) -> Event:
        return self.events[0]

    def takes(self, event: Event) -> bool:
        """Tell whether the event comes soon enough behind the last one."""
        return abs(self.events[-1].time - event.time) < PAUSE


class Folding:
    """Events that become rows, one after the other, until there are ``most`` rows."""

    def __init__(self, most: int, *, folds: bool) -> None:
        self.bursts: list[Burst] = []
        self.taken = 0
        self.last: Event | None = None
        self._most = most
        self._folds = folds
        self._open: dict[tuple[object, ...], Burst] = {}

    def take(self, event: Event) -> bool:
        """Put the event into a row; False: it would need one more row than there may be."""
        alike = _alike(event) if self._folds else None
        burst = self._open.get(alike) if alike else None
        if burst is not None and burst.takes(event):
            burst.events.append(event)
        elif len(self.bursts) == self._most:
            return False
        else:
            burst = Burst([event])
            self.bursts.append(burst)
            if alike:
                self._open[alike] = burst
        self.taken += 1
        self.last = event
        return True


def _alike(event: Event) -> tuple[object, ...] | None:
    """Return what events of one burst have in common; None: the event never folds."""
    if event.event_id not in _FOLDING or event.process_guid is None:
        return None
    name = _FOLDING[event.event_id]
    return (
        event.computer,
        event.process_guid,
        event.event_id,
        event.text_of("event_type"),
        event.get(name) if name else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event, or a burst of ``count`` events under the first of them.

    Texts are ready for the page: harmless, and not long. ``href`` picks the event; it and
    the other addresses are empty where a name is too long to stand in one.
    """

    kind: ClassVar[str] = "row"

    event: Event
    key: str
    href: str
    around: str
    correlation: str
    process: str
    events_of_process: str
    time: str
    time_note: str
    computer: str
    computer_label: str
    user: User | None
    user_label: str
    image: str
    image_label: str
    what: What
    count: int = 1
    count_note: str = ""
    is_picked: bool = False


@dataclass(frozen=True, slots=True)
class DayLine:
    """The rows below are of this day."""

    kind: ClassVar[str] = "day"

    text: str


@dataclass(frozen=True, slots=True)
class GapLine:
    """Nothing was received between the rows above and below."""

    kind: ClassVar[str] = "gap"

    text: str


Line = Row | DayLine | GapLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column's head; ``href`` sorts by it, ``sort`` is ``ascending`` or ``descending``."""

    text: str
    css: str
    href: str = ""
    sort: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All that search/_table.html needs."""

    caption: str
    lines: tuple[Line, ...]
    headings: tuple[Heading, ...]
    is_dated: bool = False
    """Whether rows say their date: they do not stand under days."""

    @property
    def rows(self) -> Iterator[Row]:
        """The lines that are events."""
        return (line for line in self.lines if isinstance(line, Row))


def headings() -> tuple[Heading, ...]:
    """Return the heads of a table that cannot be sorted."""
    return (
        Heading(text="UtcTime", css="w-time"),
        Heading(text="Id", css="w-id", note=_("event ID")),
        Heading(text=_("Category"), css="w-cat"),
        Heading(text=_("Computer"), css="w-host", note="±1 h"),
        Heading(text=_("User"), css="w-user"),
        Heading(text="Image", css="w-img"),
        Heading(text=_("What happened"), css=""),
    )


def bursts_of(events: Iterable[Event], *, folds: bool) -> tuple[Burst, ...]:
    """Return all events as bursts, or each as one of its own."""
    folding = Folding(-1, folds=folds)
    for event in events:
        folding.take(event)
    return tuple(folding.bursts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """How bursts become lines.

    ``picked`` is the event that the reader picked; ``href`` is the address that picks one.
    ``gaps`` are times in which nothing was received, ``of_all_computers`` or of those asked
    for. ``clock`` says by which time days change (``record`` or ``utc``), or that there are none
    (``dated``): the rows are sorted by something else. ``users`` are those of the processes whose
    events name none, where they are known.
    """

    store: EventStore
    picked: EventKey | None = None
    href: Callable[[str], str] = links.event
    clock: str = "record"
    gaps: Sequence[Silence] = field(default=())
    of_all_computers: bool = True
    budget: Budget | None = None
    users: Mapping[ProcessOf, User] | None = None

    def lines(self, bursts: Sequence[Burst]) -> tuple[Line, ...]:
        """Return the rows of these bursts, with the days and gaps between them."""
        events = [burst.first for burst in bursts]
        derived = self.users
        if derived is None:
            derived = users_of(self.store, events, self.budget)
        labels = computer_labels(event.computer for event in events)
        before: Burst | None = None
        lines: list[Line] = []
        for burst in bursts:
            lines += self._between(before, burst)
            user = user_of(burst.first, derived)
            lines.append(self._row(burst, user, labels[burst.first.computer]))
            before = burst
        return tuple(lines)

    def _between(self, before: Burst | None, burst: Burst) -> Iterator[Line]:
        """Yield the gap and the day that begin above a row."""
        if before is not None and self.clock == "record":
            yield from self._gap(before.first.time, burst.first.time)
        if self.clock != "dated" and (before is None or self._day(before) != self._day(burst)):
            yield DayLine(_day_text(self._time(burst)))

    def _time(self, burst: Burst) -> datetime:
        event = burst.first
        return (event.utc_time or event.time) if self.clock == "utc" else event.time

    def _day(self, burst: Burst) -> str:
        return day(self._time(burst))

    def _gap(self, one: datetime, other: datetime) -> Iterator[GapLine]:
        early, late = min(one, other), max(one, other)
        gaps = [
            gap for gap in self.gaps if early <= gap.start and gap.end <= late and gap.length >= LEAST_GAP
        ]
        if gaps:
            yield GapLine(gap_text(gaps, of_all_computers=self.of_all_computers))

    def _row(self, burst: Burst, user: User | None, label: str) -> Row:
        event = burst.first
        key = str(event.key)
        guid = event.process_guid
        time, note = self._time_and_note(event)
        happened, count_note = what_together(burst.events)
        image, name = short(event.image or "", 200), short(user.name, 120) if user else ""
        return Row(
            event=event,
            key=key,
            href=address(self.href, key),
            around=address(links.event_around, key),
            correlation=address(links.event_correlation, key),
            process=address(links.process, event.computer, guid) if guid else "",
            events_of_process=address(links.process_events, event.computer, guid) if guid else "",
            time=time,
            time_note=note,
            computer=short(event.computer, 120),
            computer_label=short(label, 60),
            user=user and User(name, user.source),
            user_label=_last_part(name),
            image=image,
            image_label=_last_part(image),
            what=happened,
            count=len(burst.events),
            count_note=count_note,
            is_picked=self.picked is not None and any(one.key == self.picked for one in burst.events),
        )

    def _time_and_note(self, event: Event) -> tuple[str, str]:
        """Return UtcTime as the row shows it, and what else is to say of it."""
        shown = event.utc_time
        if shown is None:
            return clock(event.time), _("recorded at this time; the event has no UtcTime")
        apart = abs(event.time - shown) > CLOCKS_APART
        note = _("UtcTime %(utc)s, recorded %(time)s", utc=utc(shown), time=utc(event.time)) if apart else ""
        if self.clock == "dated":
            return utc(shown)[:19], note
        # Below another day a time of day alone would lie.
        other_day = self.clock == "record" and day(shown) != day(event.time)
        return (utc(shown)[5:19] if other_day else clock(shown)), note


def computer_labels(computers: Iterable[str]) -> dict[str, str]:
    """Return each computer's name up to its first dot, where that tells it from the others."""
    names = sorted(set(computers))
    heads = [name.split(".")[0] for name in names]
    counts = Counter(map(fold, heads))
    return {
        name: head if counts[fold(head)] == 1 and head and not head.isdigit() else name
        for name, head in zip(names, heads, strict=True)
    }


def address(make: Callable[..., str], *names: str) -> str:
    """Return an address, or the empty text where a name makes it too long to be one."""
    if sum(map(len, names)) > LONGEST_LINK:
        return ""
    made = make(*names)
    return made if len(made) <= LONGEST_LINK * 3 else ""


@lru_cache(maxsize=4_096)
def _last_part(path: str) -> str:
    return base_name(path) if path else ""


def gap_text(gaps: Sequence[Silence], *, of_all_computers: bool) -> str:
    """Say when nothing was received between two rows."""
    start, end = min(gap.start for gap in gaps), max(gap.end for gap in gaps)
    said = {
        "start": _moment(start, end),
        "end": _moment(end, start),
        "length": span(sum((gap.length for gap in gaps), timedelta())),
    }
    if len(gaps) > 1:
        said["number"] = f"{len(gaps):,}"
        if of_all_computers:
            return _(
                "%(start)s–%(end)s: %(number)s gaps, %(length)s in all: nothing received from any computer",
                **said,
            )
        return _(
            "%(start)s–%(end)s: %(number)s gaps, %(length)s in all: nothing received from these computers",
            **said,
        )
    if of_all_computers:
        return _("%(start)s–%(end)s: nothing received from any computer for %(length)s", **said)
    return _("%(start)s–%(end)s: nothing received from these computers for %(length)s", **said)


def _moment(time: datetime, other: datetime) -> str:
    text = utc(time)[:19]
    return text[11:] if day(time) == day(other) else text


def _day_text(time: datetime) -> str:
    names = (
        _("Monday"),
        _("Tuesday"),
        _("Wednesday"),
        _("Thursday"),
        _("Friday"),
        _("Saturday"),
        _("Sunday"),
    )
    return f"{names[time.astimezone(UTC).weekday()]} {day(time)}"
