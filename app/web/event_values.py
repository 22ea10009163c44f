"""Values of events as a page can bear them: all of a value where there is room, else its two ends."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import escape

from app.sysmon.text import visible


@dataclass(frozen=True, slots=True)
class Shown:
    """A value ready for a page: what is hidden in it made visible, and not more than fits.

    ``left_out`` characters stand between ``head`` and ``tail``; 0: ``head`` is all of it.
    """

    head: str
    left_out: int = 0
    tail: str = ""


@dataclass(slots=True)
class Purse:
    """So many bytes of HTML are left for the values of a page."""

    left: int

    def show(self, text: str, most: int) -> Shown:
        """Return a value of at most ``most`` characters, fewer where the purse is nearly empty."""
        most = min(most, max(self.left, 0))
        while True:
            shown = _cut(text, most)
            cost = _bytes(shown.head) + _bytes(shown.tail)
            if cost <= self.left or most == 0:
                self.left -= cost
                return shown
            most //= 2

    def affords(self, *texts: str) -> bool:
        """Pay for all of these texts; False, and nothing is paid, where they cost too much."""
        cost = sum(map(_bytes, texts))
        if cost > self.left:
            return False
        self.left -= cost
        return True


def _cut(text: str, most: int) -> Shown:
    if len(text) <= most:
        return Shown(visible(text))
    # The end of a path or a command tells much, its beginning more.
    tail = most // 4
    head = most - tail
    return Shown(visible(text[:head]), len(text) - most, visible(text[len(text) - tail :]) if tail else "")


def _bytes(text: str) -> int:
    return len(str(escape(text)).encode())
