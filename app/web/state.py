"""The state database of the application that serves this request."""

from __future__ import annotations

from threading import Lock

from flask import current_app

from app.state.database import Database, open_database
from app.web.stores import get_settings

_DATABASE = "sysmonsearch.state"
_LOCK = Lock()


def get_database() -> Database:
    """Return the state database, which all requests share; the first that asks opens it."""
    with _LOCK:
        database: Database | None = current_app.extensions.get(_DATABASE)
        if database is None:
            database = current_app.extensions[_DATABASE] = open_database(get_settings())
        return database
