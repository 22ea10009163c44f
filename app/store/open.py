"""Opening the store that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.errors import BadSetting
from app.settings import Settings
from app.state.database import open_database
from app.store.port import EventStore

if TYPE_CHECKING:
    from app.store.embedded import EmbeddedStore

_EMBEDDED: Final = "embedded:"


def open_store(settings: Settings) -> EventStore:
    """Open the store, and make it where there is none; close it after use."""
    if settings.store == _EMBEDDED:
        return open_embedded(settings)
    # Whoever stores events here need not load what Elasticsearch takes.
    from app.store.elastic.address import is_elastic

    if is_elastic(settings.store):
        from app.store.elastic.store import ElasticStore

        return ElasticStore(settings)
    # What stands there may hold a password: the message names its beginning only.
    kind = settings.store.partition(":")[0]
    raise BadSetting(
        f"SYSMONSEARCH_STORE begins with {kind!r}, which is no kind of store. It is 'embedded:', or an"
        " address like elasticsearch://127.0.0.1:9200 or elasticsearch+https://host:9200."
    )


def open_embedded(settings: Settings) -> EmbeddedStore:
    """Open the store below the data folder; raise BadSetting where the settings name another."""
    from app.store.embedded import EmbeddedStore

    if settings.store != _EMBEDDED:
        raise BadSetting(
            "This is about the files of the embedded store, and SYSMONSEARCH_STORE names another:"
            " an engine that looks after its own files."
        )
    return EmbeddedStore(open_database(settings), settings)
