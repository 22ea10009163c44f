"""What the real logs hold in Base64 is decoded, and nothing else is taken for it."""

from __future__ import annotations

import re

import pytest

from app.store.port import EventStore
from app.sysmon.decode import DECODED_FIELDS, Decoded, decode, decoded_fields
from app.sysmon.fields import FIELDS
from app.sysmon.language import parse
from app.sysmon.query import EventQuery

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def values(real_store: EventStore) -> dict[str, set[str]]:
    """The distinct values of each field that may hold a script."""
    columns = [FIELDS[name].column for name in DECODED_FIELDS]
    found: dict[str, set[str]] = {column: set() for column in columns}
    for chunk in real_store.batches(0, columns):
        for column in columns:
            found[column].update(filter(None, chunk.table.column(column).unique().to_pylist()))
    return found


def beginnings(found: tuple[Decoded, ...]) -> list[str]:
    return [decoded.text[:24].lower() for decoded in found]


def test_every_encoded_command_of_the_logs_is_read(values: dict[str, set[str]]) -> None:
    encoded = re.compile(r"(?i)-e(?:nc)? +[a-z0-9+/]{40}")
    lines = [line for line in values["command_line"] if encoded.search(line)]

    assert len(lines) >= 6
    for line in lines:
        (found,) = decode(line)
        assert found.how.lower() == "-enc, base64, utf-16le"
        assert found.text.lower().startswith(("if($psversiontable", "$null=new-item"))
        assert not found.broken


def test_the_address_inside_a_stager_is_read_one_layer_further(values: dict[str, set[str]]) -> None:
    addresses = {
        layer.text
        for column in values.values()
        for value in column
        for found in decode(value)
        for layer in found.layers
        if layer.is_text
    }

    assert addresses == {
        "http://10.10.10.5",
        "http://10.10.10.5:80",
        "http://192.168.3.5:443",
        "https://10.0.10.106",
    }


def test_a_packed_script_is_unpacked_and_its_machine_code_shown(values: dict[str, set[str]]) -> None:
    packed = [found for line in values["command_line"] for found in decode(line) if "gzip" in found.how]

    assert packed
    for found in packed:
        assert found.text.startswith("function ")
        (code,) = found.layers
        assert not code.is_text
        assert code.text.startswith("00000000  fc e8 82 00 00 00")


def test_nothing_else_is_taken_for_base64(values: dict[str, set[str]]) -> None:
    """Each decoded text is one that a person wrote: a script, or settings of Electron."""
    wrote = ("if($psversiontable", "$null=new-item", "function ", '{"cr.company":"electron"', "$xx=iex((")
    found = [begin for column in values.values() for value in column for begin in beginnings(decode(value))]

    assert len(found) >= 15
    assert not [begin for begin in found if not begin.startswith(wrote)]


def test_the_debugger_that_was_set_is_read_from_the_event(real_store: EventStore) -> None:
    query = EventQuery(condition=parse("EventId:1 and CommandLine:*JABuAHUAbABsAD0A*"))
    (event,) = real_store.search(query).events

    assert event.computer.lower().startswith("it001")
    ((name, found),) = decoded_fields(event)
    assert name == "CommandLine"
    assert "Image File Execution Options\\sethc.exe" in found.text
    assert "'C:\\Windows\\System32\\cmd.exe'" in found.text
