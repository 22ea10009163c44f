"""The Flask application: for now one plain page that says what is in the store."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from flask import Flask, Response, current_app, render_template
from jinja2 import StrictUndefined

from app.demo.scenario import INFECTED, Infected
from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.open import open_store
from app.store.port import StoreInfo

ROOT = Path(__file__).parents[2]

#: Nothing is loaded from elsewhere and nothing is written inline.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class StartPage:
    """All that start/index.html may use."""

    template: ClassVar[str] = "start/index.html"

    info: StoreInfo
    demo: tuple[Infected, ...]

    def render(self) -> str:
        return render_template(self.template, page=self)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application; without settings they come from the environment."""
    app = Flask("sysmonsearch", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters["thousands"] = lambda number: f"{number:,}"
    app.config["SETTINGS"] = settings or Settings.from_environ(os.environ)
    # A page of another site must not read this one by a host name of its own (DNS rebinding).
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost", "[::1]"]
    app.add_url_rule("/", view_func=start, methods=["GET"])
    app.register_error_handler(StoreUnavailable, store_unavailable)
    app.after_request(add_headers)
    return app


def start() -> str:
    """Show what is in the store."""
    with open_store(current_app.config["SETTINGS"]) as store:
        info = store.info()
    demo = tuple(process for process in INFECTED if process.computer in info.computers)
    return StartPage(info=info, demo=demo).render()


def store_unavailable(error: StoreUnavailable) -> tuple[str, int, dict[str, str]]:
    """Say that the store cannot answer now, and why."""
    return render_template("errors/503.html", reason=str(error)), 503, {"Retry-After": "10"}


def add_headers(response: Response) -> Response:
    """Put the security headers on every response."""
    response.headers.update(HEADERS)
    return response
