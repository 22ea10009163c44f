"""The two stores of a copy: which they are, told from addresses that a person gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from app.errors import BadSetting, SysmonSearchError
from app.settings import PREFIX, Settings
from app.store.open import open_store
from app.store.port import EventStore

_EMBEDDED: Final = "embedded:"
_PATIENCE_SECONDS: Final = 600
"""Counting a whole store may take longer than a person waits for a page."""


@dataclass(frozen=True, slots=True)
class Side:
    """A store: ``identity`` is the same for all addresses of one store, ``name`` holds no secret.

    ``has_margin``: what was stored in the last minute may be left out when it is read.
    """

    settings: Settings
    name: str
    identity: str
    has_margin: bool

    def open(self) -> EventStore:
        """Open the store; close it after use."""
        return open_store(self.settings)


def source_side(address: str, settings: Settings) -> Side:
    """Return the store that ``--from`` names; raise BadSetting where it is none or not there."""
    side = _side(address, settings, "--from")
    if not side.has_margin and not (side.settings.data / "state.sqlite").is_file():
        raise BadSetting(f"--from: there is no store below {side.settings.data}.")
    return side


def target_side(address: str, settings: Settings) -> Side:
    """Return the store that ``--to`` names: of an Elasticsearch, our own indices only."""
    side = _side(address, settings, "--to")
    if side.has_margin:
        scheme, _, rest = side.settings.store.partition("://")
        store = f"{scheme}://{rest.partition('/')[0]}/-"
        return replace(side, settings=replace(side.settings, store=store), name=side.name.rpartition("/")[0])
    return side


def check_apart(source: Side, target: Side) -> None:
    """Raise BadSetting where both are one store."""
    if source.identity == target.identity:
        raise BadSetting(
            f"--from and --to name the same store ({target.name}): there is nothing to copy. To take over"
            " what others have written into a cluster, copy it to another store."
        )


def _side(address: str, settings: Settings, option: str) -> Side:
    patient = replace(settings, query_seconds=max(settings.query_seconds, _PATIENCE_SECONDS))
    if address.startswith(_EMBEDDED):
        path = address.removeprefix(_EMBEDDED)
        folder = Path(path).expanduser() if path else settings.data
        chosen = replace(patient, store=_EMBEDDED, data=folder)
        return Side(chosen, f"{_EMBEDDED}{folder}", f"{_EMBEDDED}{folder.resolve()}", False)
    if not address.startswith(("elasticsearch://", "elasticsearch+https://")):
        kind = address.partition(":")[0]  # What follows may hold a password.
        raise BadSetting(
            f"{option} begins with {kind!r}, which is no kind of store. It is embedded: (below the data"
            " folder), embedded:/another/data/folder, elasticsearch://host:9200 or"
            " elasticsearch+https://host:9200."
        )
    try:
        return _elastic(replace(patient, store=address))
    except SysmonSearchError as error:
        # The reader of addresses knows them as a setting.
        raise type(error)(str(error).replace(f"{PREFIX}STORE", option)) from error


def _elastic(settings: Settings) -> Side:
    # Whoever copies between folders need not load a client of Elasticsearch.
    from app.store.elastic.connection import Connection

    connection = Connection(settings)
    try:
        with connection.asking():
            cluster = connection.client.info()["cluster_uuid"]
    finally:
        connection.close()
    address = connection.address
    patterns = ",".join(address.patterns) or "-"
    scheme = settings.store.partition("://")[0]
    name = f"{scheme}://{','.join(map(str, address.hosts))}/{patterns}"
    return Side(settings, name, f"{cluster}/{address.prefix}", True)
