"""A page: one dataclass with all that its template may use, and the frame around it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from flask import render_template, request

from app.errors import SysmonSearchError
from app.web import links
from app.web.stores import get_store, info_of
from app.web.texts import _, language

THEME_COOKIE: Final = "theme"
THEMES: Final = ("light", "dark")
LONGEST_LINK: Final = 8_000

LATE: Final = timedelta(minutes=15)
"""From here on the frame says since when nothing came."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One entry of the main navigation."""

    key: str
    href: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around every page.

    ``newest`` is the record time of the newest event. ``theme_link`` leads to this page in the
    other theme; it is empty where the address is too long to stand on its page once more.
    """

    language: str
    theme: str
    theme_link: str
    tabs: tuple[Tab, ...]
    newest: datetime | None
    now: datetime
    address: str

    @property
    def is_late(self) -> bool:
        """Whether the newest event is so old that the reader should know since when."""
        return self.newest is not None and self.now - self.newest > LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The root of all pages: a subclass names its template and its tab, and holds its content.

    ``asks_store`` is False for pages that must show though the store is down.
    """

    template: ClassVar[str]
    tab: ClassVar[str] = ""
    asks_store: ClassVar[bool] = True

    def render(self) -> str:
        """Return the page as HTML; the template gets it as ``page``."""
        return render_template(self.template, page=self, frame=self.frame())

    def frame(self) -> Frame:
        """Return what stands around this page."""
        theme = request.cookies.get(THEME_COOKIE, "")
        return Frame(
            language=language(),
            theme=theme if theme in THEMES else "",
            theme_link=_theme_link("light" if theme == "dark" else "dark"),
            tabs=_tabs(),
            newest=_newest() if self.asks_store else None,
            now=datetime.now(UTC),
            address=request.url,
        )


def _theme_link(theme: str) -> str:
    link = links.with_args(theme=theme)
    return link if len(link) <= LONGEST_LINK else ""


def _tabs() -> tuple[Tab, ...]:
    return (
        Tab("start", links.start(), _("Start")),
        Tab("search", links.search(), _("Search")),
        Tab("import", links.imports(), _("Import")),
    )


def _newest() -> datetime | None:
    try:
        return info_of(get_store()).last
    except SysmonSearchError:
        # The page itself will say what is wrong if it needs the store; the frame need not.
        return None
