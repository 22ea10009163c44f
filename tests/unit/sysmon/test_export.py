from __future__ import annotations

import csv
import io

import orjson
import pytest

from app.sysmon.events import Event
from app.sysmon.export import CSV_COLUMNS, csv_lines, ndjson_lines
from app.sysmon.fields import FIELDS
from app.sysmon.kinds import KINDS
from tests.builders import create_remote_thread, event, network_connect, process_create


def records(*events: Event) -> list[dict[str, str]]:
    text = b"".join(csv_lines(events)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_sysmon_field_has_a_column_whatever_events_are_there() -> None:
    assert set(CSV_COLUMNS) >= {name for kind in KINDS.values() for name in kind.fields}
    assert len(CSV_COLUMNS) == len(set(CSV_COLUMNS))
    assert list(records(process_create())[0]) == list(CSV_COLUMNS)


def test_the_first_columns_name_the_event() -> None:
    assert CSV_COLUMNS[:4] == ("event_key", "EventId", "Computer", "Time")


@pytest.mark.parametrize("made", [process_create(), network_connect(), create_remote_thread()])
def test_a_record_says_all_that_the_event_says(made: Event) -> None:
    record = {name: value for name, value in records(made)[0].items() if value}

    assert record == {name: str(value) for name, value in made.named().items()}


@pytest.mark.parametrize("column", sorted({field.column for field in FIELDS.values()} - {"category", "kind"}))
def test_no_column_of_an_event_is_lost(column: str) -> None:
    if column in {"time", "computer", "event_id"}:
        return
    made = event(30, **{column: 7 if "id" in column or "port" in column else "7"})

    assert "7" in records(made)[0].values()


def test_fields_that_the_schema_does_not_know_are_json_in_one_column() -> None:
    record = records(process_create(other={"Käse": 'a"b', "=x": "1"}))[0]

    assert orjson.loads(record["other"]) == {"Käse": 'a"b', "=x": "1"}


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_what_a_spreadsheet_would_calculate_has_an_apostrophe_before_it(first: str) -> None:
    assert records(process_create(command_line=f"{first}cmd|' /c calc'!A0"))[0]["CommandLine"].startswith(
        f"'{first}"
    )


def test_a_record_is_quoted_as_rfc_4180_says() -> None:
    lines = list(csv_lines([process_create(command_line='a "b", c\r\nd', user="x")]))

    assert lines[0].endswith(b"\r\n")
    assert b'"a ""b"", c\r\nd"' in lines[1]


@pytest.mark.parametrize("hostile", ["\x00", "</script>", "\u202e", "'; drop", "a" * 100_000])
def test_hostile_text_comes_back_as_it_was(hostile: str) -> None:
    made = process_create(command_line=f"x{hostile}")

    assert records(made)[0]["CommandLine"] == f"x{hostile}"
    assert orjson.loads(next(ndjson_lines([made])))["CommandLine"] == f"x{hostile}"


def test_a_line_of_json_is_one_line() -> None:
    line = next(ndjson_lines([process_create(command_line="a\nb\u2028c")]))

    assert line.decode().splitlines() == [line.decode().removesuffix("\n")]
