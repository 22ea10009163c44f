"""Opening the store that the settings name."""

from __future__ import annotations

from app.errors import BadSetting
from app.settings import Settings
from app.state.database import open_database
from app.store.embedded import EmbeddedStore


def open_store(settings: Settings) -> EmbeddedStore:
    """Open the store, and make it where there is none; close it after use."""
    if settings.store != "embedded:":
        raise BadSetting(f"SYSMONSEARCH_STORE is {settings.store!r}; the only store so far is 'embedded:'.")
    return EmbeddedStore(open_database(settings), settings)
