"""How values stand on pages: numbers, times, spans, and text that came out of a log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath
from typing import Final

from app.sysmon.events import time_text
from app.sysmon.kinds import Category
from app.sysmon.text import visible
from app.web.texts import _

#: Category -> its key in style sheets and addresses of graphs, and its label.
CATEGORIES: Final = {
    Category.CREATE_PROCESS: ("process", "Process create"),
    Category.FILE_CREATE_TIME: ("filetime", "File time"),
    Category.NET_ACCESS: ("network", "Network"),
    Category.IMAGE_LOADED: ("image", "Image load"),
    Category.REMOTE_THREAD: ("thread", "Remote thread"),
    Category.CREATE_FILE: ("file", "File create"),
    Category.REGISTRY: ("registry", "Registry"),
    Category.WMI: ("wmi", "WMI"),
    Category.DNS: ("dns", "DNS"),
    Category.PROCESS_ACCESS: ("access", "Process access"),
    Category.PIPE: ("pipe", "Pipe"),
    Category.OTHER: ("other", "Other"),
}

_LONGEST: Final = 2_000


def cat_key(category: Category) -> str:
    """Return the short key of a category: ``process``, ``filetime`` …, as in style sheets."""
    return CATEGORIES[category][0]


def cat_label(category: Category) -> str:
    """Return the name of a category in the reader's language."""
    return _(CATEGORIES[category][1])


def thousands(number: int) -> str:
    """Return ``2,551``: never rounded."""
    return f"{number:,}"


def utc(time: datetime) -> str:
    """Return ``2019-05-18 21:57:52.885``; microseconds only where there are any."""
    return time_text(time)


def clock(time: datetime) -> str:
    """Return ``21:57:52.885``: the time of day, in UTC."""
    return time.astimezone(UTC).strftime("%H:%M:%S.") + f"{time.microsecond // 1000:03}"


def day(time: datetime) -> str:
    """Return ``2019-05-18``: the day, in UTC."""
    return time.astimezone(UTC).date().isoformat()


def span(length: timedelta) -> str:
    """Return ``2 m 19 s``: the two largest units that matter."""
    seconds = abs(length.total_seconds())
    if seconds < 10:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    units = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
    place = next(place for place, (size, _unit) in enumerate(units) if whole >= size)
    parts = []
    for size, unit in units[place : place + 2]:
        if whole // size:
            parts.append(f"{whole // size} {unit}")
        whole %= size
    return " ".join(parts)


def size(number: int) -> str:
    """Return ``1.7 MB``: bytes in decimal units."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def elide(text: str, most: int = _LONGEST) -> str:
    """Return a text of at most ``most`` characters; where some are left out, … stands in the middle."""
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"


def base_name(path: str) -> str:
    """Return the last part of a Windows path; the whole where there is none."""
    return PureWindowsPath(path).name or path


def split_path(path: str, keep: int = 34) -> tuple[str, str]:
    """Cut a path in two: a head that may give way where room is short, and a tail that stays."""
    if len(path) <= keep:
        return "", path
    cut = path.find("\\", len(path) - keep)
    cut = cut if 0 <= cut < len(path) - 1 else len(path) - keep
    return path[:cut], path[cut:]


FILTERS: Final = {
    "cat_key": cat_key,
    "cat_label": cat_label,
    "thousands": thousands,
    "utc": utc,
    "clock": clock,
    "day": day,
    "span": span,
    "size": size,
    "elide": elide,
    "base_name": base_name,
    "split_path": split_path,
    "visible": visible,
}
"""The filters of all templates."""
