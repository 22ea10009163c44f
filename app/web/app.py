"""The Flask application: its parts put together."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from flask import Blueprint, Flask
from jinja2 import StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from app.settings import Settings
from app.store.port import EventStore
from app.web import (
    by_guid,
    correlation,
    errors,
    events,
    frame,
    imports,
    kibana,
    links,
    processes,
    search,
    security,
    start,
    stores,
    texts,
)
from app.web.formats import FILTERS, thousands

ROOT: Final = Path(__file__).parents[2]

BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    frame.bp,
    start.bp,
    search.bp,
    events.bp,
    imports.bp,
    correlation.bp,
    processes.bp,
    by_guid.bp,
)
"""Every page."""


def create_app(settings: Settings | None = None, store: EventStore | None = None) -> Flask:
    """Make the application.

    Without settings they come from the environment; without a store it is opened, from the
    settings, when the first request needs it.
    """
    app = Flask("sysmonsearch", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.url_map.converters["whole"] = links.WholeConverter
    app.url_map.converters["guid"] = links.GuidConverter
    app.url_map.merge_slashes = False
    settings = settings or Settings.from_environ(os.environ)
    kibana.check_settings(settings)
    stores.init_app(app, settings, store)
    security.init_app(app)
    errors.init_app(app)
    _prepare_templates(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def _prepare_templates(app: Flask) -> None:
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.add_extension("jinja2.ext.i18n")
    # The extension adds this method when it is loaded.
    env.install_gettext_callables(texts.translate, texts.translate_number, newstyle=True)  # type: ignore[attr-defined]
    env.globals["ngettext"] = _with_commas(cast("Callable[..., str]", env.globals["ngettext"]))
    env.filters.update(FILTERS)
    env.globals["links"] = links
    # Our own drawing, not log data; inlined, so that a saved page keeps it.
    env.globals["sprite"] = Markup(  # noqa: S704
        (ROOT / "static" / "icons.svg").read_text(encoding="utf-8")
    )


def _with_commas(ngettext: Callable[..., str]) -> Callable[..., str]:
    """Return ``ngettext`` of templates with ``%(num)s`` written as all numbers of pages are."""

    @pass_context
    def number(context: Context, one: str, many: str, count: int, **values: object) -> str:
        return ngettext(context, one, many, count, **{"num": thousands(count), **values})

    return number
