"""Found events over time, by category: bars to count by, and silences to know of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from app.store.port import Bucket
from app.sysmon.kinds import Category, category_of
from app.web.results import LEAST_GAP, Silence

MOST_BARS: Final = 120

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

STEPS: Final = (
    *(timedelta(seconds=n) for n in (1, 2, 5, 10, 15, 30)),
    *(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=n) for n in (1, 2, 3, 6, 12)),
    *(timedelta(days=n) for n in (1, 2, 7, 14, 28, 91, 182, 364)),
)
"""How much time one bar may stand for."""


@dataclass(frozen=True, slots=True)
class Legend:
    """How many events have a colour of the histogram; ``href`` searches for those."""

    category: Category
    count: int
    href: str


@dataclass(frozen=True, slots=True)
class Bar:
    """What was found in one step."""

    start: datetime
    end: datetime
    counts: tuple[tuple[Category, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _category, count in self.counts)


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Bars between two moments that are whole steps; empty bars are left out.

    ``received`` is how many events of any kind the range holds; ``silences`` are the spans
    in which nothing was received, as fine as a step.
    """

    start: datetime
    end: datetime
    step: timedelta
    bars: tuple[Bar, ...]
    silences: tuple[Silence, ...]
    received: int

    @property
    def total(self) -> int:
        """The number of found events."""
        return sum(bar.total for bar in self.bars)

    @cached_property
    def categories(self) -> tuple[tuple[Category, int], ...]:
        """The number of found events per category, in the categories' order."""
        counts: Counter[Category] = Counter()
        for bar in self.bars:
            for category, count in bar.counts:
                counts[category] += count
        return _in_order(counts)


def step_for(start: datetime, end: datetime) -> timedelta:
    """Return the shortest step that cuts the range into at most ``MOST_BARS`` bars."""
    return next((step for step in STEPS if _steps_in(start, end, step) <= MOST_BARS), _longest(start, end))


def _steps_in(start: datetime, end: datetime, step: timedelta) -> int:
    return (end - _floor(start, step) + step - timedelta(microseconds=1)) // step


def _longest(start: datetime, end: datetime) -> timedelta:
    # Centuries: somebody's clock was wrong, or asks for the year 1.
    year = STEPS[-1]
    return year * (((end - start) // year) // (MOST_BARS - 2) + 1)


def _floor(time: datetime, step: timedelta) -> datetime:
    steps = (time - _EPOCH) // step
    try:
        return _EPOCH + steps * step
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _behind(time: datetime, step: timedelta) -> datetime:
    """Return the end of the step that holds the last moment before ``time``."""
    floor = _floor(time, step)
    if floor == time:
        return time
    return floor + step if floor <= _LAST - step else _LAST


def range_of(found: Sequence[Bucket], step: timedelta) -> tuple[datetime, datetime] | None:
    """Return the range from the first step to the last in which something was found."""
    if not found:
        return None
    last = found[-1].start
    return found[0].start, (last + step if last <= _LAST - step else _LAST)


def histogram_of(
    start: datetime, end: datetime, step: timedelta, found: Iterable[Bucket], received: Iterable[Bucket]
) -> Histogram:
    """Put buckets of found events, and of all events of the same range, into one picture."""
    counts: defaultdict[datetime, Counter[Category]] = defaultdict(Counter)
    for bucket in found:
        counts[bucket.start][category_of(bucket.event_id)] += bucket.count
    first, last = _floor(start, step), _behind(end, step)
    heard: Counter[datetime] = Counter()
    for bucket in received:
        if first <= bucket.start < last:
            heard[bucket.start] += bucket.count
    bars = tuple(
        Bar(
            time,
            time + step if time <= _LAST - step else _LAST,
            _in_order(counts[time]),
        )
        for time in sorted(counts)
    )
    return Histogram(
        start=first,
        end=last,
        step=step,
        bars=bars,
        silences=tuple(_silences(first, last, step, sorted(heard))),
        received=heard.total(),
    )


def _in_order(counts: Counter[Category]) -> tuple[tuple[Category, int], ...]:
    return tuple((category, counts[category]) for category in Category if category in counts)


def _silences(start: datetime, end: datetime, step: timedelta, heard: Sequence[datetime]) -> list[Silence]:
    silences: list[Silence] = []
    quiet_from = start
    for time in heard:
        if time - quiet_from >= LEAST_GAP:
            silences.append(Silence(quiet_from, time))
        quiet_from = time + step if time <= _LAST - step else _LAST
    if end - quiet_from >= LEAST_GAP:
        silences.append(Silence(quiet_from, end))
    return silences
