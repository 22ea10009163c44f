"""What the cluster is told of our own indices: mapping, settings, pipeline; made from the field table."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import orjson

from app.layouts.names import UTC_TIME
from app.settings import Settings
from app.store.elastic.documents import DATA_COLUMNS
from app.store.elastic.field_paths import EVENT_DATA
from app.store.elastic.places import Layout
from app.sysmon.fields import COLUMN_TYPES, HASH_COLUMNS, SOURCE_EVENTS, FieldType, name_in

VERSION: Final = 1
"""Raise it when what is put into the cluster changes: an older program then leaves it alone."""

LONGEST_TEXT: Final = 8191
"""A text of more characters is not indexed: in UTF-8 it might have more bytes than Lucene takes."""

#: Texts of many words or steps, in which parts are looked for.
#: No index of the cluster's own products has a higher one; no other has our names.
_PRIORITY: Final = 500

_KEYWORD: Final = {"type": "keyword", "ignore_above": LONGEST_TEXT}
_INTEGER: Final = {**_KEYWORD, "fields": {"number": {"type": "long"}}}
_DATE: Final = {"type": "date"}
_LONG: Final = {"type": "long"}

#: ``set`` with a template needs a module that a cluster may lack; a copy does not.
PIPELINE: Final[Mapping[str, Any]] = {
    "description": "Says when an event of SysmonSearch was stored.",
    "version": VERSION,
    "processors": [{"set": {"field": "event.ingested", "copy_from": "_ingest.timestamp"}}],
}


def template_of(pattern: str, pipeline: str, settings: Settings) -> dict[str, Any]:
    """Return the index template of our own events; ``_meta.hash`` is of all that it says."""
    template: dict[str, Any] = {
        "index_patterns": [pattern],
        "priority": _PRIORITY,
        "version": VERSION,
        "template": {
            "settings": {"index": _settings(pipeline, settings)},
            "mappings": mapping(),
        },
    }
    digest = sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return {**template, "_meta": {"hash": digest, "description": "The events that SysmonSearch stores."}}


def _settings(pipeline: str, settings: Settings) -> dict[str, Any]:
    return {
        "number_of_shards": settings.elastic_shards,
        # So many, but no more than there are further nodes: one node alone is not in want of any.
        "auto_expand_replicas": f"0-{settings.elastic_replicas}" if settings.elastic_replicas else "false",
        "number_of_replicas": 0,
        # What is added is made visible at once by whoever adds it.
        "refresh_interval": "30s",
        "codec": "best_compression",
        "final_pipeline": pipeline,
    }


def mapping() -> dict[str, Any]:
    """Return the mapping of our own documents; what is not in it is kept, and not indexed."""
    return {
        "dynamic": False,
        "date_detection": False,
        "properties": {
            "@timestamp": _DATE,
            "event": _object(code=_KEYWORD, kind=_KEYWORD, provider=_KEYWORD, ingested=_DATE),
            "log": _object(level=_KEYWORD),
            "winlog": _object(
                channel=_KEYWORD,
                computer_name=_KEYWORD,
                provider_name=_KEYWORD,
                event_id=_INTEGER,
                record_id=_INTEGER,
                version=_INTEGER,
                event_data=_object(**_event_data()),
            ),
            "sysmonsearch": _object(
                time=_LONG,
                utc_time=_LONG,
                batch=_LONG,
                content_hash=_LONG,
                source=_KEYWORD,
                other=_object(name=_KEYWORD, value=_KEYWORD),
                **dict.fromkeys(HASH_COLUMNS, _KEYWORD),
                fields=_object(**_aliases()),
            ),
        },
    }


def _object(**properties: Any) -> dict[str, Any]:
    return {"properties": properties}


def _names() -> dict[str, str]:
    """Return the column of each name that an own document's ``winlog.event_data`` can have."""
    source = min(SOURCE_EVENTS)
    return {name_in(column, event_id): column for column in DATA_COLUMNS for event_id in (0, source)}


def _event_data() -> dict[str, Any]:
    fields: dict[str, Any] = {UTC_TIME: _KEYWORD}
    for name, column in _names().items():
        if COLUMN_TYPES[column] is FieldType.INTEGER:
            fields[name] = _INTEGER
        else:
            fields[name] = _KEYWORD
    return fields


def _aliases() -> dict[str, Any]:
    """Return a second name of each field, which no index of others has: see ``field_paths.OWN_ALIASES``."""
    within = EVENT_DATA[Layout.OWN]
    return {name: {"type": "alias", "path": f"{within}.{name}"} for name in (UTC_TIME, *_names())}
