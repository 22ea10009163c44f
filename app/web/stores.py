"""The store and the settings of the application that serves this request."""

from __future__ import annotations

from threading import Lock

from flask import Flask, current_app, g

from app.settings import Settings
from app.store.open import open_store
from app.store.port import EventStore, StoreInfo

_STORE = "sysmonsearch.store"
_SETTINGS = "sysmonsearch.settings"
_LOCK = "sysmonsearch.lock"


def init_app(app: Flask, settings: Settings, store: EventStore | None) -> None:
    """Give the application its settings and, if one is open already, its store."""
    app.extensions[_SETTINGS] = settings
    app.extensions[_STORE] = store
    app.extensions[_LOCK] = Lock()


def get_settings() -> Settings:
    """Return the settings of the application."""
    settings: Settings = current_app.extensions[_SETTINGS]
    return settings


def get_store() -> EventStore:
    """Return the store, which all requests share; the first that asks opens it.

    Raise StoreUnavailable while it cannot be opened: the next request tries again.
    """
    with current_app.extensions[_LOCK]:
        store: EventStore | None = current_app.extensions[_STORE]
        if store is None:
            store = current_app.extensions[_STORE] = open_store(get_settings())
        return store


def info_of(store: EventStore) -> StoreInfo:
    """Return what is in the store, asked once for each request: many parts of a page want it."""
    known: dict[EventStore, StoreInfo] = g.setdefault("infos", {})
    if store not in known:
        known[store] = store.info()
    return known[store]
