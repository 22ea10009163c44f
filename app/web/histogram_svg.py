"""The histogram drawn: x in per cent and y in pixels, so that text keeps its size on every screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup, escape

from app.sysmon.kinds import Category
from app.web.formats import cat_key, cat_label, day, span, utc
from app.web.histogram import STEPS, Histogram
from app.web.texts import _

HEIGHT: Final = 76
BASE: Final = HEIGHT + 6
LEAST_BAR: Final = 3.0
"""However little a bar counts, it is so many pixels high."""

_NARROW: Final = 0.25
_LABELLED: Final = 6.0
_SPELLED_OUT: Final = 14.0
_TICKS: Final = 9


def draw_histogram(
    histogram: Histogram,
    link: Callable[[datetime, datetime], str] | None,
    picked: datetime | None = None,
) -> Markup:
    """Return the picture; ``link`` gives the address of a bar's span, None: bars are no links."""
    parts = [
        Markup(
            '<svg class="chart" width="100%" height="{height}" role="group" aria-labelledby="hist-t"'
            ' data-start="{start}" data-end="{end}"><title id="hist-t">{title}</title>'
        ).format(
            height=BASE + 20,
            start=histogram.start.isoformat(),
            end=histogram.end.isoformat(),
            title=_("Found events over time, stacked by category; hatched where nothing was received"),
        ),
        *_silences(histogram),
        *_gridlines(histogram),
        _bars(histogram),
        *_hits(histogram, link),
        *_needle(histogram, picked),
        *_axis(histogram),
        Markup("</svg>"),
    ]
    return Markup("\n").join(parts)


def _x(histogram: Histogram, time: datetime) -> float:
    return 100 * ((time - histogram.start) / (histogram.end - histogram.start))


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


def _silences(histogram: Histogram) -> Iterator[Markup]:
    for silence in histogram.silences:
        left, right = max(_x(histogram, silence.start), 0), min(_x(histogram, silence.end), 100)
        if right - left < _NARROW:
            continue
        yield Markup('<rect class="gap" x="{}" y="6" width="{}" height="{}"/>').format(
            _percent(left), _percent(right - left), HEIGHT
        )
        for edge in (left, right):
            yield Markup('<line class="gap-edge" x1="{0}" x2="{0}" y1="6" y2="{1}"/>').format(
                _percent(edge), BASE
            )
        if right - left > _LABELLED:
            length = span(silence.length)
            text = _("nothing received for %(length)s", length=length)
            yield Markup('<text class="gap-label" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                _percent((left + right) / 2),
                f"{BASE - HEIGHT / 2 + 6:.1f}",
                text if right - left > _SPELLED_OUT else length,
            )


def _gridlines(histogram: Histogram) -> Iterator[Markup]:
    top = max((bar.total for bar in histogram.bars), default=0)
    step = _round_step(top)
    for value in range(step, top + 1, step):
        y = BASE - value * _scale(histogram)
        yield Markup(
            '<line class="gridline" x1="0" x2="100%" y1="{0}" y2="{0}"/>'
            '<text class="gap-label" x="3" y="{1}">{2}</text>'
        ).format(f"{y:.1f}", f"{y + 4:.1f}", f"{value:,}")


def _round_step(top: int) -> int:
    """Return a round number that lies in ``top`` up to three times."""
    size = 1
    while True:
        for digit in (1, 2, 5):
            if top / (digit * size) <= 3.2:
                return digit * size
        size *= 10


def _scale(histogram: Histogram) -> float:
    return (HEIGHT - 4) / max((bar.total for bar in histogram.bars), default=1)


def _bars(histogram: Histogram) -> Markup:
    """Return the bars: one path per category, in units of bars and pixels.

    A picture within the picture is stretched to the width; lines keep theirs.
    """
    scale, paths = _scale(histogram), dict[str, list[str]]()
    for bar in histogram.bars:
        total, y = bar.total, float(BASE)
        left = round((bar.start - histogram.start) / histogram.step, 3)
        for category, count in bar.counts:
            height = count * scale if total * scale >= LEAST_BAR else count / total * LEAST_BAR
            paths.setdefault(cat_key(category), []).append(f"M{left:g} {y:.1f}v-{height:.1f}h1v{height:.1f}z")
            y -= height
    drawn = Markup("").join(
        Markup('<path class="seg c-{}" d="{}"/>').format(key, "".join(parts)) for key, parts in paths.items()
    )
    return Markup(
        '<svg class="bars" width="100%" height="{0}" viewBox="0 0 {1} {0}"'
        ' preserveAspectRatio="none">{2}</svg>'
    ).format(BASE, f"{(histogram.end - histogram.start) / histogram.step:.3f}", drawn)


def _hits(histogram: Histogram, link: Callable[[datetime, datetime], str] | None) -> Iterator[Markup]:
    """Yield what is pointed at and clicked of each bar: its whole height."""
    width = _percent(100 * (histogram.step / (histogram.end - histogram.start)))
    labels = {category: cat_label(category) for category in Category}
    for bar in histogram.bars:
        counts = ", ".join(f"{labels[category]} {count:,}" for category, count in bar.counts)
        title = escape(f"{_moment(bar.start)} – {_moment(bar.end)}: {counts}")
        x = _percent(_x(histogram, bar.start))
        hit = f'<title>{title}</title><rect class="hit" x="{x}" y="6" width="{width}" height="{HEIGHT}"/>'
        # Numbers of ours, and texts that are escaped: one by one Markup would take most of the time.
        element = (
            f"<g>{hit}</g>" if link is None else f'<a href="{escape(link(bar.start, bar.end))}">{hit}</a>'
        )
        yield Markup(element)  # noqa: S704


def _moment(time: datetime) -> str:
    text = utc(time)[:19]
    return text.removesuffix(":00")


def _needle(histogram: Histogram, picked: datetime | None) -> Iterator[Markup]:
    if picked is not None and histogram.start <= picked <= histogram.end:
        x = _percent(_x(histogram, picked))
        yield Markup(
            '<line class="needle" x1="{0}" x2="{0}" y1="0" y2="{1}"/>'
            '<circle class="needle-head" cx="{0}" cy="3" r="3"/>'
        ).format(x, BASE)


def _axis(histogram: Histogram) -> Iterator[Markup]:
    yield Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(BASE)
    ticks = _tick_times(histogram)
    for time in ticks:
        x = _x(histogram, time)
        anchor = "start" if x < 2 else "end" if x > 98 else "middle"
        yield Markup(
            '<line class="axis" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
            '<text x="{0}" y="{3}" text-anchor="{4}">{5}</text>'
        ).format(_percent(x), BASE, BASE + 4, BASE + 16, anchor, _tick_text(histogram, time, ticks[0]))


def _tick_times(histogram: Histogram) -> list[datetime]:
    """Return round moments, about ``_TICKS`` of them, that are ends of steps."""
    length = histogram.end - histogram.start
    step = next((step for step in STEPS if step >= histogram.step and length / step <= _TICKS), length)
    first = histogram.start + (-(histogram.start - _MONDAY)) % step
    times = []
    while first <= histogram.end:
        times.append(first)
        if first > histogram.end - step:
            break
        first += step
    return times


def _tick_text(histogram: Histogram, time: datetime, first: datetime) -> str:
    length = histogram.end - histogram.start
    if length > timedelta(days=8):
        return day(time)
    text = utc(time)
    clock = text[11:19] if histogram.step < timedelta(minutes=1) else text[11:16]
    is_new_day = time == first or text[11:19] == "00:00:00"
    return f"{text[5:10]} {clock}" if is_new_day else clock


_MONDAY: Final = datetime.fromisoformat("1970-01-05T00:00:00+00:00")
