"""Real logs of every layout: all of them are read, and what was counted in them is found."""

from __future__ import annotations

import csv
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from evtx import PyEvtxParser

from app.layouts.flat import fields_in
from app.layouts.names import CHANNEL
from app.layouts.reader import Reader
from app.sysmon.events import Event
from app.sysmon.kinds import KINDS
from tests.unit.layouts.anything import without
from tests.unit.layouts.pipeline import through_pipeline
from tests.unit.layouts.render import winlogbeat_7

pytestmark = pytest.mark.slow

FOLDERS = [
    "json/winlogbeat-6",
    "json/winlogbeat-7",
    "json/nxlog-flat",
    "json/azure-flat",
    "json/azure-flat-old",
    "json/sentinel-eventdata-string",
    "evtx",
    "evtx-dirty",
]
JSON_FOLDERS = FOLDERS[:6]


def lines_of(path: Path) -> list[bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX")]
            return b"".join(archive.read(name) for name in names).split(b"\n")
    with tarfile.open(path) as archive:
        members = (archive.extractfile(member) for member in archive)
        return b"".join(member.read() for member in members if member).split(b"\n")


def read_log(path: Path) -> Reader:
    reader = Reader()
    if path.suffix != ".evtx":
        reader.lines(lines_of(path), 1)
        return reader
    records: Any = PyEvtxParser(str(path)).records_json()
    while True:
        try:
            reader.evtx(records)
        except RuntimeError:  # A damaged record; the next one may be whole.
            continue
        else:
            return reader


def logs_of(real_data: Path, folder: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the path and the manifest's row of each log in a folder."""
    with (real_data / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["path"].startswith(f"{folder}/"):
                yield row["path"], row


def counted(text: str) -> dict[int, int]:
    return {
        int(number): int(count)
        for number, _, count in (part.partition(":") for part in text.split() if ":" in part)
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_file_has_the_events_that_the_manifest_counts(real_data: Path, folder: str) -> None:
    truth = json.loads((real_data / "ground_truth.json").read_text("utf-8"))
    for path, row in logs_of(real_data, folder):
        reader = read_log(real_data / path)
        table = reader.take().table
        assert Counter(table["event_id"].to_pylist()) == counted(row["per_event_id"]), path
        assert reader.sysmon_events == table.num_rows == int(row["sysmon_events"] or 0), path
        assert [reject for reject in reader.rejects if "neither a channel" not in reject.reason] == [], path
        assert table["other"].null_count == table.num_rows, path
        hosts = truth.get(path, {}).get("per_host")
        if hosts:
            found = Counter(table["computer"].to_pylist())
            assert found == {host: counts["total"] for host, counts in hosts.items()}, path


def test_nxlogs_events_have_their_process_wherever_the_record_tells_it(real_data: Path) -> None:
    """Trap 7: in one file ProcessId is lost for good, since its records have no Message either."""
    for path, _ in logs_of(real_data, "json/nxlog-flat"):
        documents = [orjson.loads(line) for line in lines_of(real_data / path) if line]
        documents = [document for document in documents if document.get("Channel") == CHANNEL]
        events = list(read_log(real_data / path).take().events())
        for document, event in zip(documents, events, strict=True):
            told = {*document, *fields_in(document.get("Message", ""), event.event_id)}
            process = {"ProcessId", "SourceProcessId"} & {*KINDS[event.event_id].fields} & told
            assert (event.process_id is not None) is bool(process), (path, document)
            if "EventType" in KINDS[event.event_id].fields:
                expected = (
                    fields_in(document["Message"], event.event_id) if "Message" in document else document
                )
                assert event.get("EventType") == expected.get("EventType"), (path, document)


#: Column -> what the pipeline makes of it for good; see ``app.layouts.ecs``.
_LOST = (
    "hashes hash md5 imphash source_port_name destination_port_name query_results archived content_hash"
    " level".split()
)


@pytest.mark.parametrize("folder", JSON_FOLDERS)
def test_the_ecs_pipeline_loses_no_more_than_is_said(real_data: Path, folder: str) -> None:
    for path, _ in list(logs_of(real_data, folder))[:2]:
        raw = list(read_log(real_data / path).take().events())[:5_000]
        reader = Reader()
        for event in raw:
            reader.document(through_pipeline(winlogbeat_7(event)), "")
        for before, after in zip(raw, reader.take().events(), strict=True):
            assert comparable(after) == comparable(before)


def comparable(event: Event) -> Event:
    event = without(event, *_LOST)
    details = str(event.values.get("details", ""))
    if details.startswith("QWORD") or details.isdecimal():
        event = without(event, "details")
    return replace(event, time=event.utc_time or event.time, other={})
