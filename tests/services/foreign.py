"""Indices as shippers of logs fill them: documents of each layout, under mappings like those of
the shippers' templates.

The Elasticsearch that tests start lacks the types ``wildcard``, ``constant_keyword`` and
``match_only_text``, and data streams: where a template has those, these mappings have keyword
and text, and an index is a plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from elasticsearch import Elasticsearch

from app.settings import Settings
from app.store.open import open_store
from app.store.port import EventStore
from app.sysmon.events import Event
from tests.unit.layouts.pipeline import through_agent, through_pipeline
from tests.unit.layouts.render import winlogbeat_6, winlogbeat_7, winlogbeat_8

Document = dict[str, Any]

LONGEST: Final = 1024
"""``ignore_above`` of the shippers' templates."""

_AT_ONCE: Final = 2_000
_KEYWORD: Final = {"type": "keyword", "ignore_above": LONGEST}
_TEXT: Final = {"type": "text", "norms": False}
_BOTH: Final = {**_KEYWORD, "fields": {"text": _TEXT}}
_PLAIN: Final = {"type": "keyword"}
_TYPES: Final[dict[str, Mapping[str, Any]]] = {
    **{name: {"type": name} for name in ("long", "date", "ip", "boolean")},
    "keyword": _KEYWORD,
    "plain": _PLAIN,
    "both": _BOTH,
    "text": _TEXT,
}


def nested(paths: Mapping[str, str]) -> dict[str, Any]:
    """Return properties of a mapping, from the names of types by path."""
    properties: dict[str, Any] = {}
    for path, name in paths.items():
        *parents, last = path.split(".")
        within = properties
        for parent in parents:
            within = within.setdefault(parent, {}).setdefault("properties", {})
        within[last] = dict(_TYPES[name])
    return properties


def _mappings(paths: Mapping[str, str]) -> dict[str, Any]:
    texts = {"match_mapping_type": "string", "mapping": _KEYWORD}
    return {
        "date_detection": False,
        "dynamic_templates": [{"strings_as_keyword": texts}],
        "properties": nested({"@timestamp": "date", "message": "text", **paths}),
    }


OF_WINLOGBEAT_6: Final = _mappings(
    {
        **dict.fromkeys(("computer_name", "log_name", "source_name", "record_number", "level"), "keyword"),
        **dict.fromkeys(("event_id", "version", "process_id", "thread_id"), "long"),
    }
)
_WINLOG: Final = {
    "event.code": "keyword",
    "event.created": "date",
    "event.ingested": "date",
    **dict.fromkeys(("winlog.event_id", "winlog.record_id", "winlog.channel"), "keyword"),
    **dict.fromkeys(("winlog.computer_name", "winlog.provider_name", "log.level"), "keyword"),
    **dict.fromkeys(("winlog.version", "winlog.process.pid", "winlog.process.thread.id"), "long"),
}
OF_WINLOGBEAT_7: Final = _mappings(_WINLOG)
_ECS: Final = {
    **_WINLOG,
    **dict.fromkeys(("source.ip", "destination.ip", "related.ip", "dns.resolved_ip"), "ip"),
    **dict.fromkeys(("source.port", "destination.port", "process.pid", "process.parent.pid"), "long"),
    "process.thread.id": "long",
    **dict.fromkeys(("process.executable", "process.parent.executable"), "both"),
    **dict.fromkeys(("process.command_line", "process.parent.command_line"), "both"),
    **dict.fromkeys(("process.working_directory", "file.path", "user.name"), "both"),
    **dict.fromkeys(("sysmon.file.archived", "sysmon.file.is_executable"), "boolean"),
    **dict.fromkeys(("registry.path", "registry.value", "registry.data.strings"), "keyword"),
}
OF_MODULE: Final = _mappings({**_ECS, "event.module": "keyword"})
OF_AGENT: Final = _mappings(
    {**_ECS, **dict.fromkeys(("data_stream.dataset", "data_stream.type", "event.dataset"), "plain")}
)


@dataclass(frozen=True, slots=True)
class Shipper:
    """A program that fills an index: its layout, and the mapping that its template gives."""

    name: str
    write: Callable[[Event], Document]
    mappings: Mapping[str, Any]

    def index(self, prefix: str) -> str:
        return f"{prefix}-{self.name}"


WINLOGBEAT_6: Final = Shipper("winlogbeat-6.7.0", winlogbeat_6, OF_WINLOGBEAT_6)
WINLOGBEAT_7: Final = Shipper("winlogbeat-7.4.0", winlogbeat_7, OF_WINLOGBEAT_7)
MODULE: Final = Shipper("winlogbeat-8.19.0", lambda event: through_pipeline(winlogbeat_8(event)), OF_MODULE)
AGENT: Final = Shipper(
    "logs-windows.sysmon_operational-default", lambda event: through_agent(winlogbeat_8(event)), OF_AGENT
)
UNMAPPED: Final = Shipper("winlogbeat-unmapped", winlogbeat_8, {})
"""Nobody loaded the template: texts are words, with a part ``.keyword`` of up to 256 characters."""

SHIPPERS: Final = (WINLOGBEAT_6, WINLOGBEAT_7, MODULE, AGENT, UNMAPPED)

_OTHER_LOGS: Final = (
    ("Security", "Microsoft-Windows-Security-Auditing"),
    ("Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell"),
    ("System", "Microsoft-Windows-Kernel-General"),
)


def of_other_logs(document: Document) -> Iterator[Document]:
    """Yield the same document as one of each of some other logs, with its event ID and fields."""
    for channel, provider in _OTHER_LOGS:
        other = deepcopy(document)
        if "winlog" in other:
            other["winlog"] |= {"channel": channel, "provider_name": provider}
            other["event"] |= {"provider": provider, "module": "system", "dataset": "system.system"}
            other.pop("data_stream", None)
        else:
            other |= {"log_name": channel, "source_name": provider}
        yield other


def send(client: Elasticsearch, index: str, documents: Iterable[object], mappings: Mapping[str, Any]) -> None:
    """Write documents into an index, which is made where there is none; all can be searched then."""
    settings = {
        "number_of_shards": 1,
        "number_of_replicas": 0,
        "refresh_interval": -1,
        "mapping.total_fields.limit": 10_000,
        "mapping.ignore_malformed": True,
    }
    if not client.indices.exists(index=index):
        client.indices.create(index=index, mappings=dict(mappings), settings=settings)
    waiting = iter(documents)
    while some := list(islice(waiting, _AT_ONCE)):
        answer = client.bulk(index=index, operations=list(_operations(some)))
        refused = [item for item in answer["items"] if item["create"]["status"] >= 300]
        assert not refused, refused[:3]
    client.indices.refresh(index=index)


def _operations(documents: Sequence[object]) -> Iterator[Any]:
    """Yield lines of a request; what is bytes is sent as it is."""
    for document in documents:
        yield b'{"create":{}}'
        yield document if isinstance(document, bytes) else orjson.dumps(document)


def open_reading(url: str, prefix: str, names: Iterable[str], folder: Path) -> EventStore:
    """Open a store that reads indices of others, named by their names or patterns."""
    address = urlsplit(url)
    patterns = ",".join(names)
    return open_store(
        Settings(
            data=folder,
            store=f"elasticsearch://{address.hostname}:{address.port or 9200}/{patterns}",
            elastic_prefix=prefix,
        )
    )
