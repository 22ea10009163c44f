"""Putting into the cluster what our own indices are made by, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.settings import Settings
from app.store.elastic.connection import Connection
from app.store.elastic.indices import Names
from app.store.elastic.mapping import PIPELINE, VERSION, template_of


def prepare(connection: Connection, names: Names, settings: Settings) -> None:
    """Put the pipeline and the template where they are missing, or not as this program wants them.

    Asked before each batch, for an index that comes into being without the template would take
    any field, and what it makes of it stays for a month. What a newer program has put is left.
    """
    wanted = template_of(names.events, names.pipeline, settings)
    with connection.asking():
        client = connection.client
        asking = client.options(ignore_status=404)
        pipelines = asking.ingest.get_pipeline(id=names.pipeline, filter_path="*.version").body
        if not _is_kept(pipelines.get(names.pipeline), VERSION):
            client.ingest.put_pipeline(id=names.pipeline, **PIPELINE)
        answer = asking.indices.get_index_template(
            name=names.template,
            filter_path="index_templates.index_template.version,index_templates.index_template._meta",
        )
        found = [each["index_template"] for each in answer.body.get("index_templates", ())]
        if not _is_kept(found[0] if found else None, VERSION, wanted["_meta"]["hash"]):
            client.indices.put_index_template(
                name=names.template,
                index_patterns=wanted["index_patterns"],
                priority=wanted["priority"],
                version=wanted["version"],
                template=wanted["template"],
                meta=wanted["_meta"],
            )


def _is_kept(found: Mapping[str, Any] | None, version: int, digest: str | None = None) -> bool:
    """Tell whether what is there may stay: it is newer, or the same."""
    if found is None:
        return False
    there = found.get("version", 0)
    if there != version:
        return bool(there > version)
    return digest is None or found.get("_meta", {}).get("hash") == digest
