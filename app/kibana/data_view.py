"""The data view: the indices that Kibana shows, with links from GUIDs and events to our pages."""

from __future__ import annotations

from typing import Any, Final

from app.kibana.saved import DATA_VIEW, SavedObject, dumps

NAME: Final = "SysmonSearch events"

EVENT_FIELD: Final = "sysmonsearch_event"
"""A field that Kibana computes of each document: the query that finds the event here."""

PROCESS_FIELDS: Final = (
    *(
        f"{within}.{name}"
        for within in ("winlog.event_data", "event_data")
        for name in (
            "ProcessGuid",
            "ParentProcessGuid",
            "SourceProcessGuid",
            "SourceProcessGUID",
            "TargetProcessGuid",
            "TargetProcessGUID",
        )
    ),
    "process.entity_id",
    "process.parent.entity_id",
)
"""The fields whose values lead to the graph of a process."""

#: The computer and the record number are what both an event of ours and a document have. A computer
#: whose name holds a sign of the query language gets no link.
_EVENT_SCRIPT: Final = """
String text(def doc, String name) {
  return doc.containsKey(name) && doc[name].size() > 0 ? doc[name].value.toString() : '';
}
String computer = text(doc, 'winlog.computer_name');
if (computer == '') { computer = text(doc, 'computer_name'); }
String record = text(doc, 'winlog.record_id');
if (record == '') { record = text(doc, 'record_number'); }
if (computer == '' || record == '') { return; }
for (int place = 0; place < computer.length(); place++) {
  char sign = computer.charAt(place);
  if (!Character.isLetterOrDigit(sign) && sign != (char) '.' && sign != (char) '-' && sign != (char) '_') {
    return;
  }
}
emit('Computer:"' + computer + '" and RecordId:' + record);
""".strip()


def data_view(pattern: str, url: str) -> SavedObject:
    """Return the data view of an index pattern; ``url`` is our server's address, without a last slash."""
    return SavedObject(
        "index-pattern",
        DATA_VIEW,
        {
            "fieldAttrs": dumps({EVENT_FIELD: {"customLabel": "SysmonSearch"}}),
            "fieldFormatMap": dumps(_formats(url)),
            "fields": "[]",
            "name": NAME,
            "runtimeFieldMap": dumps(runtime_fields()),
            "sourceFilters": "[]",
            "timeFieldName": "@timestamp",
            "title": pattern,
            "typeMeta": "{}",
        },
    )


def runtime_fields() -> dict[str, Any]:
    """Return the fields that are computed when they are shown."""
    return {EVENT_FIELD: {"type": "keyword", "script": {"source": _EVENT_SCRIPT}}}


def _formats(url: str) -> dict[str, Any]:
    # Kibana fills in the value with percent signs where an address needs them.
    process = _link(f"{url}/processes/{{{{value}}}}", "{{value}}")
    formats = dict.fromkeys(PROCESS_FIELDS, process)
    return {**formats, EVENT_FIELD: _link(f"{url}/search?q={{{{value}}}}", "Open in SysmonSearch")}


def _link(url_template: str, label_template: str) -> dict[str, Any]:
    return {
        "id": "url",
        "params": {"labelTemplate": label_template, "type": "a", "urlTemplate": url_template},
    }
