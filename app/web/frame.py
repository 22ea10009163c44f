"""What belongs to no page of its own: the theme, the list of keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from app.web import links
from app.web.pages import THEME_COOKIE, THEMES, Page

bp = Blueprint("frame", __name__)

_YEAR_SECONDS: Final = 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysPage(Page):
    """All that keys/index.html may use."""

    template: ClassVar[str] = "keys/index.html"
    asks_store: ClassVar[bool] = False


@bp.before_app_request
def set_theme() -> Response | None:
    """Keep the theme that a link asked for (``theme=dark``), and go on without the argument."""
    theme = request.args.get("theme")
    if request.method != "GET" or theme is None:
        return None
    response = redirect(links.whole(links.with_args(theme=None)))
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=_YEAR_SECONDS, samesite="Lax", httponly=True)
    else:
        response.delete_cookie(THEME_COOKIE)
    return response


@bp.get("/keys")
def keys() -> str:
    """List the keys."""
    return KeysPage().render()


@bp.get("/favicon.ico")
def favicon() -> Response:
    """Lead browsers that ask here to the picture."""
    return redirect("/static/favicon.svg")
